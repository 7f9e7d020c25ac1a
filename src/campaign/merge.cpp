#include "src/campaign/merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

#include "src/campaign/differential/make_engine.h"
#include "src/campaign/figures/result_files.h"
#include "src/campaign/identity.h"
#include "src/campaign/shard.h"
#include "src/config/user_error.h"
#include "src/files/input_file.h"
#include "src/processes/interrupt.h"
#include "src/simulation/output_dir.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// More shards than anybody has cores; a damaged file must not decide how much memory is taken.
constexpr std::uint64_t kMostShards = 1U << 20U;

Json read_identity(const fs::path& file) {
  return fs::exists(file) ? Json::parse(read_file(file), nullptr, false) : Json();
}

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
  const Json unfinished = read_identity(identity_file(kCampaignFolder, folder));
  if (is_shard(unfinished))
    throw UserError(fmt::format("{}: {} is not finished; run it again with --resume",
                                folder.string(), name_of(unfinished)));
  Json identity = read_identity(folder / kShardIdentity);
  if (is_shard(identity)) return identity;
  throw UserError(fmt::format(
      "{}: no finished shard; a folder that `attnguard campaign --shard` wrote", folder.string()));
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

// A shard inside the folder that the result replaces would go with it.
void require_outside(const fs::path& out, const ShardSet& shards) {
  const fs::path target = fs::weakly_canonical(fs::absolute(out)) / "";
  for (const fs::path& folder : shards.folders) {
    const fs::path shard = fs::weakly_canonical(fs::absolute(folder)) / "";
    if (std::mismatch(target.begin(), std::prev(target.end()), shard.begin(), shard.end()).first ==
        std::prev(target.end()))
      throw UserError(fmt::format("{}: lies in {}, which the result would replace; another OUT",
                                  folder.string(), out.string()));
  }
}

}  // namespace

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
      throw UserError(fmt::format("{}: {} is {}, but {} in {}; shards of one campaign",
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
  first.erase("shards");
  first.erase("memory_bytes");
  set.identity = std::move(first);
  return set;
}

Prepared prepare_merge(const ShardSet& shards, const fs::path& out) {
  CommandLine command_line;
  const fs::path config = shards.folders.front() / "config.json";
  command_line.positional = {config.string()};
  command_line.out = out.string();
  Prepared prepared = prepare(command_line);
  if (const auto changed = first_difference(shards.identity, campaign_identity(prepared)))
    throw UserError(
        fmt::format("{}: {} was {} and is {}; the configuration and files the shards were run with",
                    config.string(), changed->path, changed->before, changed->now));
  return prepared;
}

CampaignSummary merge_shards(const Prepared& prepared, const ShardSet& shards,
                             const CampaignOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const InterruptGuard guard;
  const bool replace = options.start == StartMode::anew;
  require_outside(usable_folder(options.out, replace), shards);
  CampaignSession session(prepared);
  const auto engine = make_engine(prepared, session, shards.memory_bytes);
  std::vector<fs::path> chunks;
  for (const fs::path& folder : shards.folders) chunks.push_back(folder / kShardChunks);
  const ChunkStore store(std::move(chunks), campaign_identity(prepared).dump(),
                         RecordCodec(session.context()));
  ConductOptions how;
  how.workers = worker_count(options.workers);
  how.audit = options.audit;
  how.progress = options.progress;
  how.interrupted = InterruptGuard::interrupted;
  how.sharding = Sharding(static_cast<std::uint32_t>(shards.folders.size()));
  how.missing = [&](const Chunk& chunk) {
    throw UserError(fmt::format(
        "{}: chunk {} is missing or damaged; run shard {}/{} again with --force",
        store.file(chunk).string(), chunk.index, chunk.shard + 1, shards.folders.size()));
  };
  const Conducted conducted = conduct(session.plan(), session.context(), prepared.config.campaign,
                                      {session.simulate(), engine.get()}, store, how);

  CampaignSummary summary = summarise(session, conducted);
  summary.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() -
                   summary.audit.wall_s;
  OutputDir folder(options.out, replace);
  write_results(folder.path(), prepared, session, conducted, summary,
                {summary.wall_s, session.golden_wall_s(), how.workers});
  if (options.write_faults) write_fault_list(folder.path() / "faults.csv", session.context());
  folder.commit();
  return summary;
}

}  // namespace attnguard
