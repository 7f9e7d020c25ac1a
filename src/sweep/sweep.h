// A run or a campaign at every point of a grid, or one shard of that.
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
  /// Told each point that is finished, those of an earlier process first: its `row` as sweep_row.h
  /// has it, `injections` of a campaign or a shard of one.
  std::function<void(std::size_t point, const nlohmann::ordered_json& result)> finished;
};

/// Reads the configuration, runs what is not yet finished, writes the files of docs/outputs.md into
/// the output directory. UserError for a wrong point, before anything runs, and for a folder as
/// ResumableFolder; what else a point can throw, with its name; Interrupted, whose figures are
/// points. AuditError and ModelError where campaigns of points are not sound; the results are
/// written by then. Returns what every point was.
SweepMode run_sweep(const CommandLine& command_line, const SweepOptions& options);

struct SweepShardSummary {
  bool was_finished = false;  ///< nothing was left to do
  bool campaigns = false;
  std::size_t points = 0;        ///< it has a part of
  std::uint64_t injections = 0;  ///< of all their campaigns
  double wall_s = 0;
};

/// Of campaigns: that shard of every point's campaign, in points/NNN; the audit is the merge's. Of
/// runs: whole points, dealt out as Sharding deals out injections; kPointResults keeps them. Throws
/// as run_sweep(); with StartMode::resume a finished shard of the same sweep is left as it is.
SweepShardSummary run_sweep_shard(const CommandLine& command_line, const SweepOptions& options,
                                  ShardId shard);

}  // namespace attnguard
