#include "src/campaign/figures/recovery_tally.h"

namespace attnguard {

void RecoveryTally::add(const Record& record) {
  const auto& [injection, measurement] = record;
  if (!measurement.recovery || measurement.completion == Completion::failed) return;
  const RecoveryMeasurement& recovery = *measurement.recovery;
  // Also strata in which nothing alarmed were drawn: their weight bounds what may have been missed.
  Counts& counts = counts_[injection.fault_class()][injection.stratum];
  if (recovery.outcome == RecoveryOutcome::none) return;
  ++outcomes_[static_cast<std::size_t>(recovery.outcome)];
  const bool recovered = recovery.outcome == RecoveryOutcome::recovered;
  const Effect effect = judge_effect(measurement, injection.first_cycle, context_.tolerance);
  if (effect == Effect::sdc &&
      context_.universe[injection.fault.site.reg].domain == Domain::function) {
    ++counts.sdc;
    counts.sdc_recovered += recovered;
    counts.sdc_tolerable += recovery.finished() && recovery.max_row_error <= context_.tolerance;
  }
  if (recovery.finished()) ++counts.extra_cycles[recovery.extra_cycles];
  if (recovered) ++counts.cycles_to_recover[static_cast<std::int64_t>(recovery.cycles_to_recover)];
}

RecoveryQuantiles RecoveryTally::quantiles(const Strata& strata,
                                           Histogram Counts::*histogram) const {
  std::map<std::int64_t, double> weights;
  double all = 0;
  for (const auto& [stratum, counts] : strata)
    for (const auto& [cycles, injections] : counts.*histogram) {
      const double weight =
          context_.plan.strata()[stratum].weight * static_cast<double>(injections);
      weights[cycles] += weight;
      all += weight;
    }
  if (weights.empty()) return {};
  const auto quantile = [&](double share) {
    double reached = 0;
    for (const auto& [cycles, weight] : weights)
      if ((reached += weight) >= share * all) return cycles;
    return weights.rbegin()->first;
  };
  return {quantile(0.5), quantile(0.99), weights.rbegin()->first};
}

RecoveryFigures RecoveryTally::figures(FaultClass fault_class, const Strata& strata) const {
  RecoveryFigures figures;
  figures.fault_class = fault_class;
  std::vector<WeightedCounts> sdc;
  for (const auto& [stratum, counts] : strata) {
    const PlanStratum& drawn = context_.plan.strata()[stratum];
    if (drawn.domain != Domain::function) continue;
    figures.detected_sdc += counts.sdc;
    figures.recovered_sdc += counts.sdc_recovered;
    figures.tolerable_sdc += counts.sdc_tolerable;
    sdc.push_back({drawn.weight, counts.sdc_recovered, counts.sdc - counts.sdc_recovered});
  }
  figures.recovered = estimate(sdc, context_.plan.census(), config_);
  figures.extra_cycles = quantiles(strata, &Counts::extra_cycles);
  figures.cycles_to_recover = quantiles(strata, &Counts::cycles_to_recover);
  return figures;
}

RecoverySummary RecoveryTally::summary() const {
  RecoverySummary summary;
  summary.outcomes = outcomes_;
  for (const auto& [fault_class, strata] : counts_)
    summary.classes.push_back(figures(fault_class, strata));
  return summary;
}

}  // namespace attnguard
