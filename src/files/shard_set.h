// Finished shards of a campaign or sweep, and what tells that they belong together.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "src/cli/command_line.h"
#include "src/files/resumable_folder.h"

namespace attnguard {

/// Of a finished shard: its shard_identity().
constexpr const char* kShardIdentity = "shard.json";

/// What a shard is told by: the identity of the whole with the command, the number of shards, the
/// shard's own and the memory it has for golden state.
nlohmann::ordered_json shard_identity(const ResumableKind& kind,
                                      const nlohmann::ordered_json& whole,
                                      std::uint64_t memory_bytes, ShardId shard);

/// Nothing is left to do for the shard in `out`. UserError when that is finished and another.
bool is_finished_shard(const ResumableKind& kind, const std::filesystem::path& out,
                       const nlohmann::ordered_json& identity);

/// All shards of one campaign or sweep.
struct ShardSet {
  std::vector<std::filesystem::path> folders;  ///< [shard], as the user named them
  nlohmann::ordered_json identity;             ///< of the whole
  std::uint64_t memory_bytes = 0;              ///< each was run with
  bool of_sweep = false;
};

/// Folders of finished shards, in any order. UserError that names the folder and what is wrong with
/// it: no finished shard, another version, configuration or division than the first one's, a shard
/// that was there before; or the shards that are missing.
ShardSet read_shards(const std::vector<std::filesystem::path>& folders);

/// UserError when a result in `out`, an absolute path, would replace a shard.
void require_outside(const std::filesystem::path& out, const ShardSet& shards);

}  // namespace attnguard
