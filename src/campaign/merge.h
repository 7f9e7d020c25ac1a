// Finished shards become the campaign they are parts of.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "src/campaign/campaign.h"

namespace attnguard {

/// All shards of one campaign.
struct ShardSet {
  std::vector<std::filesystem::path> folders;  ///< [shard], as the user named them
  nlohmann::ordered_json identity;             ///< of the campaign
  std::uint64_t memory_bytes = 0;              ///< each was run with
};

/// Folders of finished shards, in any order. UserError that names the folder and what is wrong with
/// it: no finished shard, another version, configuration or division than the first one's, a shard
/// that was there before; or the shards that are missing.
ShardSet read_shards(const std::vector<std::filesystem::path>& folders);

/// Their campaign, its files and tensors prepared once more, for results that go to `out`.
/// UserError when those are no longer what the shards were run with.
Prepared prepare_merge(const ShardSet& shards, const std::filesystem::path& out);

/// What run_campaign() does, with every injection from the shards: golden run, stop rule, audit and
/// all files are those of a campaign that ran in one place. UserError for a chunk that is missing
/// or damaged and for an `out` that would replace a shard; nothing is written by then.
CampaignSummary merge_shards(const Prepared& prepared, const ShardSet& shards,
                             const CampaignOptions& options);

}  // namespace attnguard
