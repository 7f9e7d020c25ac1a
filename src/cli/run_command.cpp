// attnguard run: one fault-free simulation.
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "src/cli/command_line.h"
#include "src/cli/recorded_files.h"
#include "src/cli/text_table.h"
#include "src/config/printable.h"
#include "src/cost/cost_report.h"
#include "src/simulation/combinations.h"
#include "src/simulation/output_dir.h"
#include "src/simulation/prepared.h"
#include "src/simulation/require_finished.h"
#include "src/simulation/roofline.h"
#include "src/simulation/run_report.h"
#include "src/simulation/simulation.h"
#include "src/workload/npy.h"

namespace attnguard {
namespace {

std::string checker_table(const Prepared& prepared, const RunResult& result,
                          const RunReport& report) {
  TextTable table;
  table.head({"checker", "checks", "alarms", "max residual", "max residual/threshold"});
  const Members members = members_of(prepared.config.checkers);
  for (std::size_t i = 0; i < report.checkers.size(); ++i) {
    const CheckerReport& checker = report.checkers[i];
    const std::string& name = prepared.config.checkers[i].name;
    if (!members[i].empty()) {  // its checks are those of its members
      const bool alarm = result.checkers[i].alarm_cycle != kNever;
      table.add({name, "-", {alarm ? "yes" : "-", alarm ? Style::alert : Style::plain}, "-", "-"});
      continue;
    }
    const std::optional<double>& ratio = checker.max_residual_over_threshold;
    table.add({name,
               grouped(checker.checks),
               {grouped(checker.alarms), checker.alarms > 0 ? Style::alert : Style::plain},
               fmt::format("{:.3g}", checker.max_residual),
               ratio ? fmt::format("{:.3g}", *ratio) : "-"});
  }
  return table.str();
}

std::string unit_table(const RunResult& result) {
  TextTable table("<>><");
  table.head({"unit", "busy cycles", "share", "stall cycles by reason"});
  for (const auto& [name, stats] : result.units) {
    std::string stalls;
    for (const auto& [reason, cycles] : stats.stall_cycles)
      if (cycles != 0)
        stalls += fmt::format("{}{} {}", stalls.empty() ? "" : ", ", reason, grouped(cycles));
    table.add({name, grouped(stats.busy_cycles),
               percent(static_cast<double>(stats.busy_cycles) /
                       static_cast<double>(result.counted_cycles())),
               stalls});
  }
  return table.str();
}

struct EnergyUnit {
  const char* name;
  double picojoules;
};
/// The largest of which `energy_pj` is one or more.
EnergyUnit energy_unit(double energy_pj) {
  EnergyUnit unit{"pJ", 1};
  for (const EnergyUnit& larger : {EnergyUnit{"nJ", 1e3}, {"uJ", 1e6}, {"mJ", 1e9}, {"J", 1e12}})
    if (energy_pj >= larger.picojoules) unit = larger;
  return unit;
}

/// Energy and area of each unit, then of each checker, in percent of the accelerator.
std::string cost_table(const CostReport& cost) {
  constexpr double kSquareMicrometresPerMillimetre = 1e6;
  const EnergyUnit unit = energy_unit(cost.accelerator.energy_pj);
  TextTable table;
  table.head({"cost, " + cost.technology, fmt::format("energy {}", unit.name), "share", "area mm2",
              "share"});
  const auto add = [&](const std::string& name, const std::optional<Cost>& of) {
    if (!of) return table.add({name, "unknown", "", "unknown", ""});
    const auto share = [](const std::optional<double>& pct) {
      return pct ? fmt::format("{:.2f} %", *pct) : "";
    };
    table.add({name, fmt::format("{:.4f}", of->energy_pj / unit.picojoules),
               share(cost.energy_pct(of)),
               fmt::format("{:.4f}", of->area_um2 / kSquareMicrometresPerMillimetre),
               share(cost.area_pct(of))});
  };
  for (const Bill& bill : cost.units)
    if (bill.unit != kExternalMemory) add(bill.unit, bill.total);
  add("accelerator", cost.accelerator);
  for (const CheckerCost& checker : cost.by_checker) add("+ " + checker.name, checker.cost);
  for (const Bill& bill : cost.units)
    if (bill.unit == kExternalMemory) add(bill.unit, bill.total);
  return table.str();
}

std::string summary_table(const Prepared& prepared, const RunResult& result,
                          const RunReport& report, const std::optional<RecoveryReport>& recovery) {
  const ArrayConfig& array = prepared.config.accelerator.array;
  const Roofline roofline = roofline_of(result, array);
  TextTable table("<><");
  if (const GemmJob* gemm = prepared.gemm()) {
    table.add(
        {"m x n x k", fmt::format("{} x {} x {}", gemm->shape.m, gemm->shape.n, gemm->shape.k)});
  } else {
    const AttentionShape& shape = prepared.attention()->shape;
    table.add({"heads x queries x keys x width",
               fmt::format("{} x {} x {} x {}", shape.heads, shape.tokens_q, shape.tokens_k,
                           shape.head_dim),
               fmt::format("mask {}", enum_name(shape.mask))});
  }
  table.add({"array", fmt::format("{} x {}", array.rows, array.cols),
             prepared.gemm() == nullptr
                 ? ""
                 : fmt::format("{}, {}", enum_name(array.dataflow), enum_name(array.fold_policy))});
  table.add({"cycles", grouped(result.counted_cycles())});
  table.add({"multiply-accumulates", grouped(result.macs)});
  table.add({"utilization", fmt::format("{:.1f}", 100 * report.utilization), "%"});
  if (roofline.macs_per_byte)
    table.add({"arithmetic intensity", fmt::format("{:.3g}", *roofline.macs_per_byte), "MAC/byte"});
  table.add({"bound", std::string(roofline.bound),
             fmt::format("{:.4g} of {:.4g} MAC/cycle attainable, {:.4g} achieved",
                         roofline.attainable_macs_per_cycle, roofline.peak_macs_per_cycle,
                         roofline.achieved_macs_per_cycle)});
  if (report.expected)
    table.add({"largest error / max|expected|",
               fmt::format("{:.3g}", report.expected->max_error_over_max_abs)});
  if (recovery)
    table.add({fmt::format("recovery, {}", enum_name(prepared.config.recovery->policy)),
               grouped(recovery->retries),
               fmt::format("retries, {} extra cycles{}", recovery->extra_cycles,
                           recovery->exhausted ? ", exhausted" : "")});
  return table.str();
}

void print_summary(const Prepared& prepared, const RunResult& result, const RunReport& report,
                   const std::optional<RecoveryReport>& recovery, const CostReport& cost) {
  fmt::print("{}\n{}", summary_table(prepared, result, report, recovery), unit_table(result));
  if (!report.checkers.empty()) fmt::print("\n{}", checker_table(prepared, result, report));
  fmt::print("\n{}", cost_table(cost));
}

/// int32 as it is: a float32 does not hold all of its values.
void write_output(const std::filesystem::path& file, const Prepared& prepared,
                  const RunResult& result, const RunReport& report) {
  if (prepared.config.accelerator.formats.output != Format::int32)
    return write_npy(file, prepared.output_shape(), report.output);
  const std::vector<std::int32_t> values(result.output.begin(), result.output.end());
  write_npy_int32(file, prepared.output_shape(), values);
}

}  // namespace

int run_command(const CommandLine& command_line) {
  const Prepared prepared = prepare(command_line);
  OutputDir directory(output_directory(command_line), command_line.force);
  constexpr bool kInterposers = false;  // no fault is armed here
  Simulation simulation(prepared.config.accelerator, prepared.config.checkers, prepared.job,
                        kInterposers, prepared.config.recovery.value_or(RecoveryConfig{}));
  std::vector<RecordedRun> recorded;
  if (wants_recording(command_line)) {
    recorded.push_back({"run"});
    simulation.record(&recorded[0].timeline);
  }
  const auto start = std::chrono::steady_clock::now();
  const RunResult result = simulation.run();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  simulation.record(nullptr);
  require_finished(result);
  const std::optional<RecoveryReport> recovery =
      report_recovery(simulation, prepared.config, result);

  const RunReport report = report_run(prepared, result);
  const CostReport cost = report_cost(result, prepared.config.checkers,
                                      prepared.config.accelerator.clock_mhz, prepared.technology);
  nlohmann::ordered_json json = run_json(prepared, result, report, recovery ? &*recovery : nullptr);
  json["cost"] = cost_json(cost);
  write_json(directory.path() / "run.json", json);
  write_cost_csv(directory.path() / "cost.csv", cost);
  write_output(directory.path() / "output.npy", prepared, result, report);
  write_json(directory.path() / "config.json", prepared.effective);
  write_json(directory.path() / "timing.json",
             {{"wall_s", wall.count()},
              {"simulated_cycles_per_s", static_cast<double>(result.cycles) / wall.count()},
              {"macs_per_s", static_cast<double>(result.macs) / wall.count()}});
  std::string more;
  if (!recorded.empty()) {
    recorded[0].result = result;
    more = write_recorded(command_line, directory.path(),
                          recorded_system(prepared, simulation.comparisons()), recorded);
  }
  directory.commit();
  if (command_line.quiet) return kDone;
  print_summary(prepared, result, report, recovery, cost);
  fmt::print("\nwritten to {}: run.json output.npy cost.csv config.json timing.json{}\n",
             printable(output_directory(command_line).string()), more);
  return kDone;
}

}  // namespace attnguard
