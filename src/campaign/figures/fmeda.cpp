#include "src/campaign/figures/fmeda.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "src/campaign/figures/detection_budget.h"
#include "src/campaign/figures/estimate.h"
#include "src/campaign/figures/latency_curve.h"
#include "src/files/csv.h"

namespace attnguard {
namespace {

constexpr double kMegabit = 1e6;

class Analysis {
 public:
  Analysis(const CampaignContext& context, const CoverageTally& tally, const CampaignConfig& config,
           double clock_mhz)
      : context_(context), tally_(tally), config_(config), safety_(*config.safety) {
    if (safety_.detection_budget) budget_ = budget_cycles(*safety_.detection_budget, clock_mhz);
  }

  void add(std::size_t checker, FaultClass fault_class, std::vector<FailureMode>& modes) const {
    for (const SiteGroup& group : stored(site_classes(context_, fault_class)))
      if (group.domain == Domain::function && !group.classes.empty())
        modes.push_back(mode(checker, group.name, {part(group)}));
    const std::vector<SiteGroup> total = stored(totals(context_, fault_class));
    const Part logic = part(total[0]), sram = part(total[1]);
    modes.push_back(mode(checker, total[0].name, {logic}));
    modes.push_back(mode(checker, total[1].name, {sram}));
    modes.push_back(mode(checker, total[2].name, {logic, sram}));
  }

 private:
  /// Sites whose bits fail at one rate.
  struct Part {
    SiteGroup group;
    std::optional<double> fit_per_bit;
  };

  /// Without the transactions of links: they have no bits that could fail at a rate.
  std::vector<SiteGroup> stored(std::vector<SiteGroup> groups) const {
    for (SiteGroup& group : groups)
      for (const PlanClass& cls : context_.plan.classes()) {
        if (context_.universe[cls.reg].kind != StorageKind::transfer || !group.holds(cls.reg))
          continue;
        group.classes.erase(std::find(group.classes.begin(), group.classes.end(), cls.reg));
        group.bits -= cls.bits;
        group.live_bit_cycles -= cls.live_bit_cycles;
      }
    return groups;
  }

  Part part(const SiteGroup& group) const {
    Part part{group, std::nullopt};
    if (group.classes.empty() || group.fault_class != FaultClass::transient) return part;
    const bool sram = context_.universe[group.classes.front()].kind == StorageKind::sram;
    part.fit_per_bit = sram ? safety_.sram_fit_per_mbit : safety_.logic_fit_per_mbit;
    if (part.fit_per_bit) *part.fit_per_bit /= kMegabit;
    return part;
  }

  FailureMode mode(std::size_t checker, const std::string& name,
                   const std::vector<Part>& parts) const {
    FailureMode mode;
    mode.name = name;
    mode.safety_mechanism = context_.checkers[checker];
    mode.fault_class = parts.front().group.fault_class;
    bool rated = true;
    for (const Part& part : parts)
      if (part.group.bits > 0) rated = rated && part.fit_per_bit;
    double rate = 0, dangerous_rate = 0;
    std::vector<LatencyCounts> latencies;
    for (const Part& part : parts) {
      const double per_bit = rated ? part.fit_per_bit.value_or(0) : 1;
      mode.bits += part.group.bits;
      rate += per_bit * static_cast<double>(part.group.bits);
      for (const SiteGroup& cls : site_classes(context_, mode.fault_class))
        if (part.group.holds(cls.classes.front()))
          dangerous_rate += per_bit * dangerous_bits(checker, cls);
      for (LatencyCounts& counts : tally_.latencies(checker, part.group)) {
        counts.weight *= per_bit;
        if (per_bit > 0) latencies.push_back(std::move(counts));
      }
    }
    if (rated && mode.bits > 0 && mode.fault_class == FaultClass::transient) mode.raw_fit = rate;
    if (latencies.empty() || rate == 0) return mode;
    mode.dangerous_share = dangerous_rate / rate;
    std::tie(mode.coverage, mode.coverage_low) = share(detected_within(latencies, kNever));
    if (budget_)
      std::tie(mode.in_budget, mode.in_budget_low) = share(detected_within(latencies, *budget_));
    return mode;
  }

  /// Bits of a site class × the probability that an upset of one of them, at any time, is
  /// dangerous.
  double dangerous_bits(std::size_t checker, const SiteGroup& cls) const {
    const CoverageRow row = tally_.row(checker, cls);
    if (row.injections == 0) return 0;
    double dangerous = 0;
    for (const LatencyCounts& s : tally_.latencies(checker, cls))
      dangerous += s.weight * static_cast<double>(s.dangerous);
    const double of_draws = dangerous / (row.weight * static_cast<double>(row.injections));
    // Sampled are bits while they are live; what flips at other times is never read.
    const bool any_time = context_.plan.census() || cls.fault_class == FaultClass::permanent;
    return of_draws * (any_time ? static_cast<double>(cls.bits)
                                : static_cast<double>(cls.live_bit_cycles) /
                                      static_cast<double>(context_.golden.cycles));
  }

  std::pair<std::optional<double>, std::optional<double>> share(
      const std::vector<WeightedCounts>& strata) const {
    const Estimate e = estimate(strata, context_.plan.census(), config_);
    return {e.share, e.interval ? std::optional(e.interval->low) : e.share};
  }

  const CampaignContext& context_;
  const CoverageTally& tally_;
  const CampaignConfig& config_;
  const SafetyConfig& safety_;
  std::optional<std::uint64_t> budget_;
};

std::optional<double> product(std::optional<double> a, std::optional<double> b) {
  return a && b ? std::optional(*a * *b) : std::nullopt;
}

}  // namespace

std::optional<double> FailureMode::dangerous_fit() const {
  return product(raw_fit, dangerous_share);
}

std::optional<double> FailureMode::residual_share() const {
  return credited() ? product(dangerous_share, 1 - *credited()) : std::nullopt;
}

std::optional<double> FailureMode::residual_fit() const {
  return product(raw_fit, residual_share());
}

std::vector<FailureMode> failure_modes(const CampaignContext& context, const CoverageTally& tally,
                                       const CampaignConfig& config, double clock_mhz) {
  const Analysis analysis(context, tally, config, clock_mhz);
  std::vector<FailureMode> modes;
  for (std::size_t c = 0; c < context.checkers.size(); ++c)
    for (const FaultClass fault_class : context.plan.fault_classes())
      analysis.add(c, fault_class, modes);
  return modes;
}

std::string fmeda_csv(const std::vector<FailureMode>& modes, std::optional<double> confidence) {
  CsvLine header;
  for (const char* column :
       {"failure_mode", "safety_mechanism", "fault_class", "bits", "raw_failure_rate_fit",
        "dangerous_share", "dangerous_failure_rate_fit", "diagnostic_coverage",
        "diagnostic_coverage_low", "detected_within_budget", "detected_within_budget_low",
        "residual_failure_rate_fit", "safe_failure_fraction", "confidence"})
    header.add(column);
  std::string text = header.str();
  for (const FailureMode& mode : modes) {
    CsvLine line;
    line.add(mode.name).add(mode.safety_mechanism).add(enum_name(mode.fault_class)).add(mode.bits);
    line.add(mode.raw_fit).add(mode.dangerous_share).add(mode.dangerous_fit());
    line.add(mode.coverage).add(mode.coverage_low).add(mode.in_budget).add(mode.in_budget_low);
    const std::optional<double> residual = mode.residual_share();
    line.add(mode.residual_fit()).add(residual ? std::optional(1 - *residual) : std::nullopt);
    line.add(confidence);
    text += line.str();
  }
  return text;
}

}  // namespace attnguard
