// The runs a fault-free sample is made of.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "src/calibration/fault_free.h"
#include "src/simulation/prepared.h"
#include "src/simulation/simulation.h"

namespace attnguard {

struct CalibrationOptions {
  std::uint32_t workers = 1;
  /// Told the rows of residuals.csv, inference by inference; may be empty.
  std::function<void(const std::string& rows)> residuals;
  std::function<void(std::uint64_t done, std::uint64_t all)> progress;  ///< may be empty
  std::function<bool()> interrupted;  ///< asked several times a second; may be empty
};

/// Runs what `prepared.config.calibration` says. UserError where tensors cannot be split as asked;
/// UnfinishedError; Interrupted. Elaborates: at most once per process.
FaultFree run_fault_free(const Prepared& prepared, const CalibrationOptions& options);

/// One fault-free run, already made, as a sample of one inference.
FaultFree fault_free_of(const RunResult& golden,
                        const std::vector<std::vector<std::string>>& comparisons);

/// First line of residuals.csv.
std::string residuals_header();

}  // namespace attnguard
