#include "src/campaign/injections/measure.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/simulation/errors.h"

namespace attnguard {

Measurement measure(const CampaignContext& context, const RunResult& run) {
  Measurement measurement;
  measurement.completion = run.completion;
  measurement.cycles = run.cycles;
  measurement.fault = run.fault;
  measurement.code_reads = run.code_reads;
  if (run.completion == Completion::finished)
    measurement.difference = compare_outputs(context.golden, run, context.layout);
  measurement.first_bad_commit_cycle = first_bad_commit(context.golden, run, context.layout);
  for (std::size_t c = 0; c < context.checkers.size(); ++c)
    measurement.checkers.push_back({run.checkers[c].alarm_cycle,
                                    alarm_is_nonfinite(run.checkers[c]),
                                    largest_ratios(context.golden.checkers[c], run.checkers[c],
                                                   context.comparisons[c].size())});
  combine(context.members, measurement.checkers);
  return measurement;
}

namespace {

RecoveryOutcome outcome_of(const RunResult& run, std::uint64_t changed_values,
                           RecoveryPolicy policy) {
  switch (run.completion) {
    case Completion::hang:
      return RecoveryOutcome::hang;
    case Completion::crash:
    case Completion::failed:
      return RecoveryOutcome::crash;
    case Completion::finished:
      break;
  }
  if (run.recovery.exhausted) return RecoveryOutcome::exhausted;
  if (run.recovery.retries == 0)
    return policy == RecoveryPolicy::correct ? RecoveryOutcome::not_located
                                             : RecoveryOutcome::too_late;
  return changed_values == 0 ? RecoveryOutcome::recovered : RecoveryOutcome::failed;
}

}  // namespace

void measure_recovery(const CampaignContext& context, const Injection& injection,
                      Measurement& measurement) {
  measurement.recovery.reset();
  if (!context.recovery) return;
  const RecoveryContext& how = *context.recovery;
  RecoveryMeasurement& recovery = measurement.recovery.emplace();
  const bool interrupted = std::any_of(
      how.checkers.begin(), how.checkers.end(),
      [&](std::size_t checker) { return measurement.checkers[checker].alarm_cycle != kNever; });
  if (!interrupted) return;
  const RunResult run =
      how.simulate(injection.all(), recovery_watchdog_cycles(context.golden.cycles, how.config));
  if (run.completion == Completion::finished) {
    const OutputDifference left = compare_outputs(context.golden, run, context.layout);
    recovery.changed_values = left.changed_values;
    recovery.max_row_error = left.max_row_error;
    recovery.extra_cycles =
        static_cast<std::int64_t>(run.cycles) - static_cast<std::int64_t>(context.golden.cycles);
  }
  recovery.outcome = outcome_of(run, recovery.changed_values, how.config.policy);
  recovery.retries = run.recovery.retries;
  if (recovery.outcome == RecoveryOutcome::recovered)
    recovery.cycles_to_recover = run.recovery.recovered_cycle - run.recovery.alarm_cycle;
}

Measurement measure_fully(const CampaignContext& context, const Simulate& simulate,
                          const Injection& injection) {
  Measurement measurement = measure(context, simulate(injection.all(), context.watchdog_cycles()));
  require_consistent(context, injection, measurement);
  measure_recovery(context, injection, measurement);
  return measurement;
}

void require_consistent(const CampaignContext& context, const Injection& injection,
                        const Measurement& measurement) {
  const Fault& fault = injection.fault;
  if (measurement.difference.changed_values > 0 && !measurement.fault.activated)
    throw ModelError(fmt::format(
        "injection {}: the output changed though the fault of {} bit {} at cycle {} was never read",
        injection.number, context.universe.name(fault.site), fault.bit, fault.cycle));
  for (std::size_t c = 0; c < context.checkers.size(); ++c)
    if (measurement.checkers[c].alarm_cycle < injection.first_cycle)
      throw ModelError(
          fmt::format("injection {}: checker {} alarms at cycle {}, before the fault of cycle {}",
                      injection.number, context.checkers[c], measurement.checkers[c].alarm_cycle,
                      injection.first_cycle));
  if (!context.plan.listed() &&
      judge_effect(measurement, injection.first_cycle, context.tolerance) == Effect::not_injected)
    throw ModelError(fmt::format("injection {}: the run ended before the sampled cycle {}",
                                 injection.number, fault.cycle));
}

}  // namespace attnguard
