// A run or a campaign at every point of a grid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "src/cli/command_line.h"
#include "src/files/resumable_folder.h"
#include "src/sweep/grid.h"

namespace attnguard {

struct SweepProgress {
  std::size_t finished = 0, points = 0;
  std::size_t kept_points = 0;                      ///< of those finished, by an earlier process
  std::uint64_t injections = 0, of_injections = 0;  ///< 0 without campaigns
  std::uint64_t kept_injections = 0;                ///< by an earlier process
  std::vector<std::size_t> running;
};

struct SweepOptions {
  std::uint32_t workers = 0;  ///< processes at once; 0: one per core
  StartMode start = StartMode::refuse;
  std::optional<std::uint64_t> audit;         ///< injections to repeat at an audited point
  std::optional<std::uint64_t> memory_bytes;  ///< for the golden state of each point
  /// Told the points before the first one runs; may be empty, as may the next two.
  std::function<void(const std::vector<SweepPoint>& points)> begin;
  std::function<void(const SweepProgress&)> progress;  ///< told several times a second
  /// Told each point that is finished, as run_point() returned it, those of an earlier process
  /// first.
  std::function<void(std::size_t point, const nlohmann::ordered_json& result)> finished;
};

/// Reads the configuration, runs what is not yet finished, writes the files of docs/outputs.md into
/// the output directory. UserError for a wrong point, before anything runs, and for a folder as
/// ResumableFolder; what else a point can throw, with its name; Interrupted, whose figures are
/// points. AuditError and ModelError where campaigns of points are not sound; the results are
/// written by then. Returns what every point was.
SweepMode run_sweep(const CommandLine& command_line, const SweepOptions& options);

}  // namespace attnguard
