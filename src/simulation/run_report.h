// What a finished fault-free run says, as numbers and as run.json.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "src/simulation/prepared.h"
#include "src/simulation/simulation.h"

namespace attnguard {

/// Of one checker in a fault-free run; maxima over its finite residuals, the ratio's over those
/// that have a threshold: empty if none has.
struct CheckerReport {
  std::uint64_t checks = 0;
  std::uint64_t alarms = 0;
  double max_residual = 0;
  std::optional<double> max_residual_over_threshold;
};

struct ExpectedError {
  double max_abs_error = 0;
  double max_error_over_max_abs = 0;
};

struct RunReport {
  double utilization = 0;               ///< multiply-accumulates over cycles × array rows × cols
  std::vector<CheckerReport> checkers;  ///< in configuration order
  std::vector<float> output;            ///< shape of the output
  std::string output_sha256;  ///< of the values' bytes in the output format, little-endian
  std::optional<ExpectedError> expected;
};

/// What recovery did in a run without faults.
struct RecoveryReport {
  std::uint32_t retries = 0;
  bool exhausted = false;
  std::int64_t extra_cycles = 0;  ///< than the run in which no alarm interrupts
  bool same_output = true;        ///< as that run
};
/// Runs once more, with alarms that interrupt; none without a recovery policy. What is then done
/// again a checker's threshold asks for. Throws UnfinishedError.
std::optional<RecoveryReport> report_recovery(Simulation& simulation, const Config& config,
                                              const RunResult& plain);

RunReport report_run(const Prepared& prepared, const RunResult& result);

/// `recovery`: null without a recovery policy.
nlohmann::ordered_json run_json(const Prepared& prepared, const RunResult& result,
                                const RunReport& report, const RecoveryReport* recovery);

}  // namespace attnguard
