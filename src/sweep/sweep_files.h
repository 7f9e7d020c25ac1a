// What a sweep leaves in its folder.
#pragma once

#include <cstdint>
#include <filesystem>

#include "src/sweep/conduct_sweep.h"

namespace attnguard {

/// What varies between runs.
struct SweepTiming {
  double wall_s = 0;
  std::uint32_t workers = 1;
};

/// sweep.csv, sweep.json and what sweeps and shards of them have in common, for results of every
/// point. Throws std::runtime_error when one cannot be written.
void write_sweep(const std::filesystem::path& folder, const SweepPlan& plan,
                 const PointResults& results, const SweepTiming& timing);

/// config.json and timing.json.
void write_sweep_shard(const std::filesystem::path& folder, const SweepPlan& plan,
                       const PointResults& results, const SweepTiming& timing);

}  // namespace attnguard
