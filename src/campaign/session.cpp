#include "src/campaign/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "models/checksum_unit/memory_protection.h"
#include "src/simulation/require_finished.h"

namespace attnguard {
namespace {

std::vector<std::string> checker_names(const Config& config) {
  std::vector<std::string> names;
  for (const CheckerConfig& checker : config.checkers) names.push_back(checker.name);
  return names;
}

OutputLayout output_layout(const Prepared& prepared) {
  const std::vector<std::uint64_t> shape = prepared.output_shape();
  OutputLayout layout;
  layout.tokens_q = static_cast<std::uint32_t>(shape[shape.size() - 2]);
  layout.head_dim = static_cast<std::uint32_t>(shape.back());
  layout.format = prepared.config.accelerator.formats.output;
  layout.gemm = prepared.gemm() != nullptr;
  return layout;
}

std::vector<bool> hears_decoders(const std::vector<CheckerConfig>& checkers) {
  std::vector<bool> hears;
  for (const CheckerConfig& checker : checkers)
    hears.push_back(checker.options.get_if<MemoryProtectionConfig>() != nullptr);
  const Members members = members_of(checkers);
  for (std::size_t c = 0; c < checkers.size(); ++c)
    for (const std::size_t member : members[c])
      if (hears[member]) hears[c] = true;
  return hears;
}

}  // namespace

CampaignSession::CampaignSession(const Prepared& prepared)
    : simulation_(prepared.config.accelerator, prepared.config.checkers, prepared.job, true,
                  prepared.config.recovery.value_or(RecoveryConfig{})),
      golden_(run_golden(prepared)),
      plan_(prepared.config.campaign, prepared.config.seed, prepared.origin, simulation_.universe(),
            simulation_.live_blocks(), golden_.cycles,
            [this](const Fault& probe) { return access_cycle(probe); }),
      context_{simulation_.universe(),
               plan_,
               golden_,
               checker_names(prepared.config),
               simulation_.comparisons(),
               output_layout(prepared),
               prepared.config.campaign.tolerance.relative,
               members_of(prepared.config.checkers),
               prepared.config.accelerator.buffers.any_protected(),
               hears_decoders(prepared.config.checkers),
               recovery(prepared)} {}

std::optional<RecoveryContext> CampaignSession::recovery(const Prepared& prepared) {
  const std::optional<RecoveryConfig>& config = prepared.config.recovery;
  if (!config || !config->enabled()) return std::nullopt;
  return RecoveryContext{recovering_lines(prepared.config.checkers, *config), *config,
                         [this](const std::vector<Fault>& faults, std::uint64_t watchdog_cycles) {
                           return simulation_.run_recovering(faults, watchdog_cycles);
                         }};
}

RunResult CampaignSession::run_golden(const Prepared& prepared) {
  // Timed without recording: this is what an injection costs.
  const auto start = std::chrono::steady_clock::now();
  RunResult golden = simulation_.run();
  golden_wall_s_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  require_finished(golden);
  for (std::size_t c = 0; c < golden.checkers.size(); ++c) {
    const auto& checks = golden.checkers[c].checks;
    const auto alarm =
        std::find_if(checks.begin(), checks.end(), [](const Check& check) { return check.alarm; });
    if (alarm == checks.end() && golden.checkers[c].alarm_cycle == kNever) continue;
    if (is_combination(prepared.config.checkers[c])) continue;  // its member is named
    const std::string name = prepared.config.checkers[c].name;
    std::string value = "alarms without a fault";
    if (alarm != checks.end())
      value += fmt::format(" (head {}, query row {}, cycle {}: {} {} > {})", alarm->head,
                           alarm->query_row, alarm->cycle,
                           simulation_.comparisons()[c][alarm->comparison], alarm->residual,
                           alarm->threshold);
    prepared.origin.reject("/checkers/" + name, value,
                           "a threshold above every fault-free residual");
  }
  simulation_.run(true);
  return golden;
}

Simulate CampaignSession::simulate() {
  return [this](const std::vector<Fault>& faults, std::uint64_t watchdog_cycles) {
    return simulation_.run_with_faults(faults, watchdog_cycles);
  };
}

std::optional<std::uint64_t> CampaignSession::access_cycle(const Fault& probe) {
  // An alarm line is read in every cycle, but nobody waits for it to say so.
  const RegisterClass& cls = simulation_.universe()[probe.site.reg];
  if (cls.kind == StorageKind::line && cls.domain == Domain::safety_mechanism)
    return probe.access < golden_.cycles ? std::optional<std::uint64_t>(probe.access)
                                         : std::nullopt;
  const FaultOutcome outcome =
      simulation_.run_with_fault(probe, watchdog_cycles(golden_.cycles)).fault;
  return outcome.activated ? std::optional(outcome.activate_cycle) : std::nullopt;
}

std::uint32_t worker_count(std::uint32_t asked) {
  return asked > 0 ? asked : std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace attnguard
