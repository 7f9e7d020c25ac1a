#include "src/sweep/sweep_row.h"

#include <fmt/format.h>

#include <optional>

#include "src/campaign/campaign.h"
#include "src/cost/cost_report.h"
#include "src/simulation/require_finished.h"
#include "src/simulation/run_report.h"
#include "src/simulation/simulation.h"

namespace attnguard {
namespace {

using Json = nlohmann::ordered_json;

Json run_columns(const Prepared& prepared, const RunResult& result) {
  Json row;
  row["cycles"] = result.counted_cycles();
  row["utilization"] = report_run(prepared, result).utilization;
  row["macs"] = result.macs;
  for (const auto& [unit, stats] : result.units)
    row[fmt::format("busy_cycles_{}", unit)] = stats.busy_cycles;
  for (const auto& [unit, stats] : result.units)
    for (const auto& [reason, cycles] : stats.stall_cycles)
      row[fmt::format("stall_cycles_{}_{}", unit, reason)] = cycles;
  for (const auto& [link, bytes] : result.link_bytes) row[fmt::format("bytes_{}", link)] = bytes;
  row.update(cost_columns(report_cost(result, prepared.config.checkers,
                                      prepared.config.accelerator.clock_mhz, prepared.technology)));
  return row;
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

// Shares and cycles are those of the first fault class.
void add_recovery(const RecoverySummary& summary, Json& row) {
  for (const auto& [outcome, name] : EnumNames<RecoveryOutcome>::names)
    if (outcome != RecoveryOutcome::none) row[fmt::format("recovery.{}", name)] = summary[outcome];
  if (summary.classes.empty()) return;
  const RecoveryFigures& figures = summary.classes.front();
  row["recovery.share_recovered"] = or_null(figures.recovered.share);
  const auto add = [&](const char* name, const RecoveryQuantiles& cycles) {
    row[fmt::format("recovery.{}_p50", name)] = or_null(cycles.p50);
    row[fmt::format("recovery.{}_p99", name)] = or_null(cycles.p99);
    row[fmt::format("recovery.{}_max", name)] = or_null(cycles.max);
  };
  add("extra_cycles", figures.extra_cycles);
  add("cycles_to_recover", figures.cycles_to_recover);
}

}  // namespace

Json sweep_row(const Prepared& prepared) {
  if (prepared.config.sweep.mode == SweepMode::run) {
    constexpr bool kInterposers = false;  // no fault is armed here
    Simulation simulation(prepared.config.accelerator, prepared.config.checkers, prepared.job,
                          kInterposers, prepared.config.recovery.value_or(RecoveryConfig{}));
    const RunResult result = simulation.run();
    require_finished(result);
    Json row = run_columns(prepared, result);
    if (const auto recovery = report_recovery(simulation, prepared.config, result)) {
      row["recovery.retries"] = recovery->retries;
      row["recovery.extra_cycles"] = recovery->extra_cycles;
    }
    return row;
  }
  CampaignOptions options;
  options.workers = 1;  // the points run side by side
  const CampaignSummary summary = run_campaign(prepared, options);
  require_sound(summary);
  Json row = run_columns(prepared, summary.golden);
  for (const CheckerSummary& checker : summary.checkers) {
    row[checker.name + ".coverage"] = or_null(checker.coverage);
    row[checker.name + ".ci_low"] = or_null(checker.ci_low);
    row[checker.name + ".ci_high"] = or_null(checker.ci_high);
    row[checker.name + ".latency_p50_cycles"] = or_null(checker.latency_p50_cycles);
  }
  if (summary.recovery) add_recovery(*summary.recovery, row);
  return row;
}

}  // namespace attnguard
