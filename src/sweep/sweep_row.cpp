#include "src/sweep/sweep_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "src/config/or_null.h"
#include "src/cost/cost_report.h"
#include "src/processes/carried_error.h"
#include "src/simulation/require_finished.h"
#include "src/simulation/roofline.h"
#include "src/simulation/run_report.h"
#include "src/simulation/simulation.h"

namespace attnguard {
namespace {

using Json = nlohmann::ordered_json;

Json run_columns(const Prepared& prepared, const RunResult& result) {
  Json row;
  row["cycles"] = result.counted_cycles();
  if (prepared.gemm() != nullptr) {
    row["scalesim_total_cycles"] = result.serial_full_cycles - 1;
    row["drain_cycles"] = result.drain_cycles;
  }
  row["utilization"] = report_run(prepared, result).utilization;
  row["macs"] = result.macs;
  for (const auto& [unit, stats] : result.units)
    row[fmt::format("busy_cycles_{}", unit)] = stats.busy_cycles;
  for (const auto& [unit, stats] : result.units)
    for (const auto& [reason, cycles] : stats.stall_cycles)
      row[fmt::format("stall_cycles_{}_{}", unit, reason)] = cycles;
  for (const auto& [link, bytes] : result.link_bytes) row[fmt::format("bytes_{}", link)] = bytes;
  const Roofline roofline = roofline_of(result, prepared.config.accelerator.array);
  row["arithmetic_intensity_macs_per_byte"] = or_null(roofline.macs_per_byte);
  row["attainable_macs_per_cycle"] = roofline.attainable_macs_per_cycle;
  row["bound"] = std::string(roofline.bound);
  row.update(cost_columns(report_cost(result, prepared.config.checkers,
                                      prepared.config.accelerator.clock_mhz, prepared.technology)));
  return row;
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

// Figures of a checker's total are named by the checker alone, as in summary.json.
void add_coverage(const CampaignSummary& summary, double tolerance, Json& row) {
  for (const CheckerSummary& checker : summary.checkers)
    for (const char* total : {"total_logic", "total_sram", "total"}) {
      const auto found = std::find_if(
          summary.coverage.begin(), summary.coverage.end(), [&](const CoverageRow& candidate) {
            return candidate.checker == checker.name && candidate.site_class == total &&
                   candidate.tolerance == tolerance;
          });  // of the first fault class
      if (found == summary.coverage.end()) continue;
      const std::string name =
          found->site_class == "total" ? checker.name : fmt::format("{}.{}", checker.name, total);
      row[name + ".coverage"] = or_null(found->coverage);
      row[name + ".ci_low"] = found->interval ? Json(found->interval->low) : Json();
      row[name + ".ci_high"] = found->interval ? Json(found->interval->high) : Json();
      row[name + ".latency_p50_cycles"] = or_null(found->p50);
      row[name + ".latency_p95_cycles"] = or_null(found->p95);
      row[name + ".latency_p99_cycles"] = or_null(found->p99);
      row[name + ".latency_max_cycles"] = or_null(found->max);
    }
}

}  // namespace

Json fault_free_point(const Prepared& prepared) {
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
  return {{"row", row}};
}

Json campaign_point(const Prepared& prepared, const CampaignSummary& summary) {
  Json row = run_columns(prepared, summary.golden);
  add_coverage(summary, prepared.config.campaign.tolerance.relative, row);
  if (summary.recovery) add_recovery(*summary.recovery, row);
  Json result = {{"row", row},
                 {"injections", summary.injections},
                 {"audit",
                  {{"injections", summary.audit.injections},
                   {"mismatches", summary.audit.mismatches.size()}}}};
  try {
    require_sound(summary);
  } catch (...) {
    result["error"] = current_error();
  }
  return result;
}

}  // namespace attnguard
