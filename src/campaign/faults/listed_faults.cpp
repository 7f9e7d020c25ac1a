#include "src/campaign/faults/listed_faults.h"

#include <fmt/format.h>

#include "src/campaign/faults/fault_mix.h"
#include "src/campaign/faults/selection.h"
#include "src/config/user_error.h"

namespace attnguard {
namespace {

class Checked {
 public:
  Checked(const CampaignConfig& config, const ConfigOrigin& origin, const FaultUniverse& universe,
          std::uint64_t golden_cycles, const AccessCycle& access_cycle)
      : config_(config),
        origin_(origin),
        universe_(universe),
        golden_cycles_(golden_cycles),
        access_cycle_(access_cycle) {}

  /// Fault `nth` of run `run`, 0 the first.
  Fault fault(std::size_t run, std::size_t nth, const FaultConfig& listed) {
    run_ = run;
    nth_ = nth;
    check_keys(listed);
    const std::optional<Site> site = universe_.find(listed.site);
    if (!site)
      reject("site", "\"" + listed.site + "\"", "a site; " + site_hint(universe_, listed.site));
    const RegisterClass& cls = universe_[site->reg];
    if (!has_population(cls, population_of(listed.kind)))
      reject("kind", std::string(enum_name(listed.kind)),
             fmt::format("a model that {} can have: {} acts on {}", listed.site,
                         enum_name(listed.kind), who_has(population_of(listed.kind))));
    check_bit(listed, cls);
    Fault fault;
    fault.site = *site;
    fault.bit = listed.bit;
    fault.bits_flipped = listed.bits;
    fault.pattern = listed.pattern.value_or(0);
    fault.how = behaviour(listed.kind, listed.parameters);
    fault.delay_cycles = listed.parameters.delay_cycles.value_or(0);
    clip(universe_, fault);
    fault.cycle = cycle_of(fault, listed);
    return fault;
  }

 private:
  [[noreturn]] void reject(const std::string& key, const std::string& value,
                           const std::string& allowed) const {
    if (from_list())
      throw UserError(fmt::format("{}:{}: {}: {}; {}", config_.list_file,
                                  config_.list_lines[run_][nth_], name_of(key), value, allowed));
    std::string at = "/campaign/faults/" + std::to_string(run_);
    if (nth_ > 0) at += "/also/" + std::to_string(nth_ - 1);
    origin_.reject(at + "/" + key, value, allowed);
  }

  bool from_list() const { return !config_.list_lines.empty(); }
  /// What the user calls a key: a fault list has names of its own.
  std::string name_of(const std::string& key) const {
    if (!from_list()) return key;
    if (key == "kind") return "fault_model";
    if (key == "bits") return "bits_flipped";
    return key == "cycle" ? "inject_cycle" : key;
  }
  std::string written(std::uint64_t pattern) const {
    return from_list() ? fmt::format("{:#x}", pattern) : std::to_string(pattern);
  }

  void check_keys(const FaultConfig& listed) const {
    check_parameters(listed.kind, listed.parameters, name_of("kind"),
                     [&](const std::string& key, const std::string& value,
                         const std::string& allowed) { reject(key, value, allowed); });
    if (listed.kind == FaultModel::compound)
      reject("kind", "compound",
             from_list() ? "a model; the faults of one run are rows of the same `injection`"
                         : "a model; further faults of the same run go to `also`");
    if (listed.pattern && *listed.pattern % 2 == 0)
      reject("pattern", written(*listed.pattern), "an odd number: bit 0 stands for `bit`");
    if (listed.pattern && listed.bits != 1)
      reject("pattern", "given", fmt::format("not with `{}`", name_of("bits")));
    const bool permanent = fault_class(listed.kind) == FaultClass::permanent;
    if (permanent && (listed.access || listed.cycle.value_or(0) != 0))
      reject(listed.access ? "access" : "cycle", "given",
             "nothing or 0: a permanent fault is there from cycle 0 on");
    if (listed.cycle && listed.access)
      reject("access", "given", fmt::format("not with `{}`", name_of("cycle")));
    if (!permanent && !listed.cycle && !listed.access)
      reject("cycle", "missing", "a cycle, or an access in `access`");
    if (takes_one_bit(listed.kind) && (listed.bits != 1 || listed.pattern))
      reject(listed.pattern ? "pattern" : "bits", "given",
             fmt::format("one bit with {} {}", name_of("kind"), enum_name(listed.kind)));
  }

  void check_bit(const FaultConfig& listed, const RegisterClass& cls) const {
    std::uint32_t width = cls.site_bits();
    if (listed.kind == FaultModel::carry) --width;  // the sign is no digit of the sum
    if (listed.kind == FaultModel::address) width = cls.address_bits;
    if (population_of(listed.kind) == PopulationKind::transfers) width = 1;
    if (listed.bit >= width)
      reject("bit", std::to_string(listed.bit),
             width == 1 ? "0" : "a bit of the site, 0 to " + std::to_string(width - 1));
    // Adjacent bits are clipped to the register or lane, a mask names each bit.
    const std::uint32_t room = cls.bits - listed.bit % cls.bits;
    if (listed.pattern && room < 64 && *listed.pattern >> room != 0)
      reject("pattern", written(*listed.pattern),
             fmt::format("a mask of at most {} bits: the {} ends with bit {}", room,
                         cls.kind == StorageKind::link ? "lane" : "site", listed.bit + room - 1));
  }

  std::uint64_t cycle_of(const Fault& fault, const FaultConfig& listed) const {
    if (!listed.access) {
      const std::uint64_t cycle = listed.cycle.value_or(0);
      if (cycle >= golden_cycles_)
        reject("cycle", std::to_string(cycle),
               "a cycle of the run, 0 to " + std::to_string(golden_cycles_ - 1));
      return cycle;
    }
    Fault probe = fault;
    probe.how = {};
    probe.how.model = FaultModel::probe;
    probe.cycle = 0;
    probe.access = *listed.access;
    const StorageKind kind = universe_[fault.site.reg].kind;
    const auto read = access_cycle_ ? access_cycle_(probe) : std::nullopt;
    if (!read || (*read == 0 && kind != StorageKind::link && kind != StorageKind::transfer))
      reject("access", std::to_string(*listed.access),
             fmt::format("an access that the fault-free run makes to {}", listed.site));
    // What crosses a link is changed as it crosses; a register, in the cycle before it is read.
    const bool crossing = kind == StorageKind::link || kind == StorageKind::transfer;
    return crossing ? *read : *read - 1;
  }

  const CampaignConfig& config_;
  const ConfigOrigin& origin_;
  const FaultUniverse& universe_;
  std::uint64_t golden_cycles_;
  const AccessCycle& access_cycle_;
  std::size_t run_ = 0, nth_ = 0;
};

}  // namespace

std::vector<std::vector<Fault>> listed_faults(const CampaignConfig& config,
                                              const ConfigOrigin& origin,
                                              const FaultUniverse& universe,
                                              std::uint64_t golden_cycles,
                                              const AccessCycle& access_cycle) {
  Checked checked(config, origin, universe, golden_cycles, access_cycle);
  std::vector<std::vector<Fault>> runs;
  for (std::size_t i = 0; i < config.faults.size(); ++i) {
    const TriggerConfig& trigger = config.faults[i];
    runs.push_back({checked.fault(i, 0, trigger)});
    for (std::size_t n = 0; n < trigger.also.size(); ++n)
      runs.back().push_back(checked.fault(i, n + 1, trigger.also[n]));
  }
  return runs;
}

}  // namespace attnguard
