// Finished shards become the campaign they are parts of.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "src/campaign/campaign.h"
#include "src/files/shard_set.h"

namespace attnguard {

/// The configuration, files and tensors of the first shard prepared once more, for results that go
/// to `out`. UserError as prepare().
Prepared reopen_shards(const ShardSet& shards, const std::filesystem::path& out);

/// UserError that names the first value in which `identity` is not what the shards were run with.
void require_unchanged(const ShardSet& shards, const nlohmann::ordered_json& identity);

/// Both, for shards of a campaign.
Prepared prepare_merge(const ShardSet& shards, const std::filesystem::path& out);

/// What run_campaign() does, with every injection from the shards: golden run, stop rule, audit and
/// all files are those of a campaign that ran in one place. UserError for a chunk that is missing
/// or damaged and for an `out` that would replace a shard; nothing is written by then.
CampaignSummary merge_shards(const Prepared& prepared, const ShardSet& shards,
                             const CampaignOptions& options);

}  // namespace attnguard
