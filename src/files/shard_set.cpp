#include "src/files/shard_set.h"

#include <fmt/format.h>

#include <string>

#include "src/campaign/identity.h"
#include "src/config/user_error.h"
#include "src/files/input_file.h"
#include "src/simulation/output_dir.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// More shards than anybody has cores; a damaged file must not decide how much memory is taken.
constexpr std::uint64_t kMostShards = 1U << 20U;

bool is_shard(const Json& identity) {
  const auto natural = [&](const char* key) {
    return identity.contains(key) && identity[key].is_number_unsigned();
  };
  if (!identity.is_object() || !identity.contains("tool") || !identity["tool"].is_string() ||
      !natural("shard") || !natural("shards") || !natural("memory_bytes"))
    return false;
  const auto number = identity["shard"].get<std::uint64_t>();
  const auto count = identity["shards"].get<std::uint64_t>();
  return 1 <= number && number <= count && count <= kMostShards;
}

std::string name_of(const Json& identity) {
  return fmt::format("shard {}/{}", identity["shard"].get<std::uint64_t>(),
                     identity["shards"].get<std::uint64_t>());
}

Json finished_shard(const fs::path& folder) {
  for (const ResumableKind& kind : {kCampaignFolder, kSweepFolder})
    if (const Json unfinished = read_own_json(identity_file(kind, folder)); is_shard(unfinished))
      throw UserError(fmt::format("{}: {} is not finished; run it again with --resume",
                                  folder.string(), name_of(unfinished)));
  Json identity = read_own_json(folder / kShardIdentity);
  if (is_shard(identity)) return identity;
  throw UserError(fmt::format(
      "{}: no finished shard; a folder that `attnguard campaign` or `sweep` wrote with --shard",
      folder.string()));
}

Json without_shard(Json identity) {
  identity.erase("shard");
  return identity;
}

// "shard 3/8, 5/8 and 7 more"
std::string missing_shards(const std::vector<fs::path>& folders) {
  constexpr std::size_t kNamed = 5;
  std::string text;
  std::size_t missing = 0;
  for (std::size_t shard = 0; shard < folders.size(); ++shard) {
    if (!folders[shard].empty() || ++missing > kNamed) continue;
    text += fmt::format("{}{}/{}", text.empty() ? "shard " : ", ", shard + 1, folders.size());
  }
  if (missing > kNamed) text += fmt::format(" and {} more", missing - kNamed);
  return text;
}

}  // namespace

Json shard_identity(const ResumableKind& kind, const Json& whole, std::uint64_t memory_bytes,
                    ShardId shard) {
  Json identity = {{"command", kind.name}};
  identity.update(whole);
  identity["shards"] = shard.count;
  identity["shard"] = shard.number;
  // Decides the order of injections and so which are in a chunk.
  identity["memory_bytes"] = memory_bytes;
  return identity;
}

bool is_finished_shard(const ResumableKind& kind, const fs::path& out, const Json& identity) {
  if (fs::exists(out / kind.work)) return false;
  if (!fs::exists(out / kShardIdentity)) return false;
  const Json stored = read_own_json(out / kShardIdentity);
  if (!is_shard(stored))
    throw UserError(
        fmt::format("{}: damaged; --force to run the shard anew", (out / kShardIdentity).string()));
  const auto changed = first_difference(stored, identity);
  if (!changed) return true;
  throw UserError(
      fmt::format("--resume: the finished shard in {} is another: {} was {} and is {}; the same "
                  "configuration, or --force to start anew",
                  out.string(), changed->path, changed->before, changed->now));
}

ShardSet read_shards(const std::vector<fs::path>& folders) {
  ShardSet set;
  Json first;
  for (const fs::path& folder : folders) {
    const Json identity = finished_shard(folder);
    if (identity["tool"] != tool_identity())
      throw UserError(fmt::format("{}: written by attnguard {}, this is {}; the same version",
                                  folder.string(), identity["tool"].get<std::string>(),
                                  tool_identity()));
    if (first.is_null()) {
      first = without_shard(identity);
      set.folders.resize(identity["shards"].get<std::size_t>());
    }
    if (const auto changed = first_difference(first, without_shard(identity)))
      throw UserError(fmt::format("{}: {} is {}, but {} in {}; shards of one campaign or sweep",
                                  folder.string(), changed->path, changed->now, changed->before,
                                  folders.front().string()));
    fs::path& place = set.folders[identity["shard"].get<std::size_t>() - 1];
    if (!place.empty())
      throw UserError(fmt::format("{}: {} again, also in {}; every shard once", folder.string(),
                                  name_of(identity), place.string()));
    place = folder;
  }
  const std::string missing = missing_shards(set.folders);
  if (!missing.empty())
    throw UserError(
        fmt::format("{} missing; folders of all {} shards", missing, set.folders.size()));
  set.memory_bytes = first["memory_bytes"];
  set.of_sweep = first["command"] == Json(kSweepFolder.name);
  first.erase("command");
  first.erase("shards");
  first.erase("memory_bytes");
  set.identity = std::move(first);
  return set;
}

// A shard inside the folder that the result replaces would go with it.
void require_outside(const fs::path& out, const ShardSet& shards) {
  for (const fs::path& folder : shards.folders)
    if (lies_in(folder, out))
      throw UserError(fmt::format("{}: lies in {}, which the result would replace; another OUT",
                                  folder.string(), out.string()));
}

}  // namespace attnguard
