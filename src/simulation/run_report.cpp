#include "src/simulation/run_report.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "models/numerics/format.h"
#include "src/config/or_null.h"
#include "src/config/sha256.h"
#include "src/simulation/require_finished.h"
#include "src/simulation/roofline.h"

namespace attnguard {
namespace {

CheckerReport report_checker(const CheckerResult& result) {
  CheckerReport report;
  report.checks = result.checks.size();
  for (const Check& check : result.checks) {
    report.alarms += check.alarm ? 1 : 0;
    if (!std::isfinite(check.residual) || !std::isfinite(check.threshold)) continue;
    report.max_residual = std::max(report.max_residual, check.residual);
    const double ratio = check.residual > 0 ? check.residual / check.threshold : 0;
    report.max_residual_over_threshold =
        std::max(report.max_residual_over_threshold.value_or(0), ratio);
  }
  return report;
}

ExpectedError compare(const std::vector<std::uint32_t>& output, Format format,
                      const std::vector<float>& expected) {
  double max_error = 0, max_abs = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(number_of(format, output[i]) - expected[i]);
    if (!(error <= max_error)) max_error = error;  // NaN stays
    max_abs = std::max(max_abs, std::abs(double{expected[i]}));
  }
  return {max_error, max_abs > 0 ? max_error / max_abs : max_error};
}

std::string value_bytes(const std::vector<std::uint32_t>& raw, Format format) {
  std::string bytes;
  bytes.reserve(raw.size() * bytes_of(format));
  for (const std::uint32_t value : raw)
    for (unsigned byte = 0; byte < bytes_of(format); ++byte)
      bytes += static_cast<char>(value >> (8 * byte) & 0xff);
  return bytes;
}

}  // namespace

std::optional<RecoveryReport> report_recovery(Simulation& simulation, const Config& config,
                                              const RunResult& plain) {
  if (!config.recovery || !config.recovery->enabled()) return std::nullopt;
  const RunResult run =
      simulation.run_recovering({}, recovery_watchdog_cycles(plain.cycles, *config.recovery));
  require_finished(run);
  return RecoveryReport{
      run.recovery.retries, run.recovery.exhausted,
      static_cast<std::int64_t>(run.cycles) - static_cast<std::int64_t>(plain.cycles),
      run.output == plain.output};
}

RunReport report_run(const Prepared& prepared, const RunResult& result) {
  const AcceleratorConfig& accelerator = prepared.config.accelerator;
  RunReport report;
  report.utilization =
      static_cast<double>(result.macs) / (static_cast<double>(result.counted_cycles()) *
                                          accelerator.array.rows * accelerator.array.cols);
  for (const CheckerResult& checker : result.checkers)
    report.checkers.push_back(report_checker(checker));
  report.output.reserve(result.output.size());
  for (const std::uint32_t raw : result.output)
    report.output.push_back(static_cast<float>(number_of(accelerator.formats.output, raw)));
  report.output_sha256 = sha256_hex(value_bytes(result.output, accelerator.formats.output));
  if (prepared.expected)
    report.expected = compare(result.output, accelerator.formats.output, *prepared.expected);
  return report;
}

nlohmann::ordered_json run_json(const Prepared& prepared, const RunResult& result,
                                const RunReport& report, const RecoveryReport* recovery) {
  Json json = result_header(prepared);
  if (prepared.gemm() != nullptr) {
    json["fold_policy"] = enum_name(prepared.config.accelerator.array.fold_policy);
    json["scalesim_total_cycles"] = result.serial_full_cycles - 1;
  }
  json["cycles"] = result.counted_cycles();
  if (prepared.gemm() != nullptr) json["drain_cycles"] = result.drain_cycles;
  json["macs"] = result.macs;
  json["utilization"] = report.utilization;
  json["roofline"] = roofline_json(roofline_of(result, prepared.config.accelerator.array));
  json["units"] = Json::object();
  for (const auto& [name, stats] : result.units)
    json["units"][name] = {{"busy_cycles", stats.busy_cycles},
                           {"stall_cycles", stats.stall_cycles}};
  json["bytes"] = result.link_bytes;
  json["checkers"] = Json::object();
  for (std::size_t i = 0; i < report.checkers.size(); ++i) {
    const CheckerReport& checker = report.checkers[i];
    json["checkers"][prepared.config.checkers[i].name] = {
        {"checks", checker.checks},
        {"alarms", checker.alarms},
        {"max_residual", checker.max_residual},
        {"max_residual_over_threshold", or_null(checker.max_residual_over_threshold)}};
  }
  if (recovery != nullptr)
    json["recovery"] = {{"policy", enum_name(prepared.config.recovery->policy)},
                        {"retries", recovery->retries},
                        {"exhausted", recovery->exhausted},
                        {"extra_cycles", recovery->extra_cycles},
                        {"same_output", recovery->same_output}};
  json["output_sha256"] = report.output_sha256;
  if (report.expected)
    json["expected"] = {{"max_abs_error", report.expected->max_abs_error},
                        {"max_error_over_max_abs", report.expected->max_error_over_max_abs}};
  return json;
}

}  // namespace attnguard
