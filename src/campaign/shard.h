// One shard of a campaign: a part of its injections, resolved on a machine of its own and kept for
// the merge.
#pragma once

#include <cstdint>

#include "src/campaign/campaign.h"
#include "src/cli/command_line.h"

namespace attnguard {

struct ShardSummary {
  ConductedShard conducted;
  bool was_finished = false;  ///< nothing was left to do
  double wall_s = 0;          ///< golden run and injections
};

/// Of a finished shard: its chunks.
constexpr const char* kShardChunks = "shard.chunks";

/// Elaborates, runs golden, injects; leaves the chunks. Without an audit, which the merge makes:
/// options.audit and write_faults have no effect. Throws as run_campaign(). With StartMode::resume
/// a finished shard of the same campaign is left as it is.
ShardSummary run_shard(const Prepared& prepared, const CampaignOptions& options, ShardId shard);

}  // namespace attnguard
