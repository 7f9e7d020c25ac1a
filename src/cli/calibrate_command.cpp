// attnguard calibrate: thresholds for requested false-alarm rates from fault-free runs.
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "src/calibration/fault_free_runs.h"
#include "src/calibration/thresholds.h"
#include "src/campaign/figures/statistics.h"
#include "src/campaign/session.h"
#include "src/cli/command_line.h"
#include "src/cli/progress.h"
#include "src/cli/text_table.h"
#include "src/config/printable.h"
#include "src/files/output_file.h"
#include "src/processes/interrupt.h"
#include "src/simulation/output_dir.h"
#include "src/simulation/prepared.h"

namespace attnguard {
namespace {

std::vector<std::string> names_of(const Config& config) {
  std::vector<std::string> names;
  for (const CheckerConfig& checker : config.checkers) names.push_back(checker.name);
  return names;
}

std::string number(const std::optional<double>& value) {
  return value ? fmt::format("{:.4g}", *value) : "-";
}

void print_rows(const Thresholds& thresholds, const Config& config) {
  TextTable table("<<<>");
  table.head({"checker", "comparison", "per", "rate asked", "sample", "rate <=", "threshold",
              "configured", "held out", "alarms", "rate <="});
  for (const ThresholdRow& row : thresholds.rows()) {
    const bool judged = row.held_out_alarms && row.held_out > 0;
    table.add({config.checkers[row.checker].name, row.comparison, row.per,
               fmt::format("{:.3g}", row.rate), row.sample ? grouped(*row.sample) : "-",
               row.sample ? fmt::format("{:.2g}{}", row.limit.rate_ci_high,
                                        row.limit.supported ? "" : " !")
                          : "-",
               number(row.threshold), number(row.configured), judged ? grouped(row.held_out) : "-",
               judged ? grouped(*row.held_out_alarms) : "-",
               judged ? fmt::format("{:.2g}", rate_upper_bound(*row.held_out_alarms, row.held_out,
                                                               row.confidence))
                      : "-"});
  }
  fmt::print("{}", table.str());
}

// The size of sample that would do for every row.
void print_needed(const Thresholds& thresholds, const FaultFree& sample) {
  std::uint64_t units = 0;
  for (const ThresholdRow& row : thresholds.rows()) {
    if (!row.sample || row.limit.supported) continue;
    // Of checks: as many units as make so many.
    const double needed = static_cast<double>(row.needed) *
                          static_cast<double>(sample.calibration_units()) /
                          static_cast<double>(*row.sample);
    units = std::max(units, static_cast<std::uint64_t>(std::ceil(needed)));
  }
  const std::string remedy = sample.unit == "inference"
                                 ? fmt::format("--set calibration.inferences={}", 2 * units)
                                 : fmt::format("tensors of {} kv heads", 2 * units);
  fmt::print(
      "\n! the sample is too small for the rate asked: the threshold is its largest ratio; {} "
      "would do\n",
      remedy);
}

void print_settings(const Thresholds& thresholds, const Config& config) {
  if (thresholds.settings().empty()) return;
  fmt::print("\nfor the configuration:\n");
  for (const ThresholdSetting& setting : thresholds.settings()) {
    const std::string value =
        setting.value.is_string() ? setting.value.get<std::string>() : setting.value.dump();
    fmt::print("  --set checkers.{}.{}={}\n", config.checkers[setting.checker].name, setting.key,
               value);
  }
}

nlohmann::ordered_json calibration_json(const Prepared& prepared, const FaultFree& sample,
                                        const Thresholds& thresholds) {
  nlohmann::ordered_json json = result_header(prepared);
  json["unit"] = sample.unit;
  json["units"] = sample.units;
  json["calibration_units"] = sample.calibration_units();
  json["supported"] = thresholds.supported();
  json["thresholds"] = thresholds.fragment();
  return json;
}

}  // namespace

int calibrate_command(const CommandLine& command_line) {
  const Prepared prepared = prepare(command_line);
  const InterruptGuard guard;  // a signal would leave a temporary folder behind
  OutputDir directory(output_directory(command_line), command_line.force);
  CalibrationOptions options;
  options.workers = worker_count(command_line.workers.value_or(0));
  std::optional<OutputFile> residuals;
  if (command_line.write_residuals) {
    residuals.emplace(directory.path() / "residuals.csv");
    *residuals << residuals_header();
    options.residuals = [&](const std::string& rows) { *residuals << rows; };
  }
  Progress progress("inferences");
  if (!command_line.quiet)
    options.progress = [&](std::uint64_t done, std::uint64_t all) { progress.update(done, all); };

  const auto start = std::chrono::steady_clock::now();
  options.interrupted = InterruptGuard::interrupted;
  const FaultFree sample = run_fault_free(prepared, options);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  if (residuals) residuals->finish();
  const Thresholds thresholds(sample, prepared.config);
  const std::vector<std::string> names = names_of(prepared.config);
  write_text(directory.path() / "thresholds.csv",
             thresholds_csv(thresholds.rows(), prepared.config));
  write_text(directory.path() / "distribution.csv", distribution_csv(sample, names));
  write_text(directory.path() / "maxima.csv", maxima_csv(sample, names));
  write_json(directory.path() / "calibration.json", calibration_json(prepared, sample, thresholds));
  write_json(directory.path() / "config.json", prepared.effective);
  write_json(directory.path() / "timing.json",
             {{"wall_s", wall.count()}, {"workers", options.workers}});
  directory.commit();
  if (command_line.quiet) return kDone;
  print_rows(thresholds, prepared.config);
  if (!thresholds.supported()) print_needed(thresholds, sample);
  print_settings(thresholds, prepared.config);
  fmt::print(
      "\nwritten to {}: thresholds.csv distribution.csv maxima.csv calibration.json config.json "
      "timing.json{}\n",
      printable(output_directory(command_line).string()),
      command_line.write_residuals ? " residuals.csv" : "");
  return kDone;
}

}  // namespace attnguard
