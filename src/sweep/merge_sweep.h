// Finished shards become the sweep they are parts of.
#pragma once

#include <filesystem>

#include "src/files/shard_set.h"
#include "src/sweep/sweep.h"

namespace attnguard {

/// What run_sweep() does, with every injection and every run from the shards: all files in `out`
/// are those of a sweep that ran in one place. Before anything runs, UserError when configuration
/// and files are no longer what the shards were run with, for a point that is missing, damaged or
/// another, and for an `out` that would replace a shard; later for a damaged chunk, with the name
/// of its point. Nothing is written by then.
SweepMode merge_sweep(const ShardSet& shards, const std::filesystem::path& out,
                      const SweepOptions& options);

}  // namespace attnguard
