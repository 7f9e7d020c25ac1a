#include "src/campaign/shard.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>

#include "src/campaign/differential/make_engine.h"
#include "src/campaign/figures/result_files.h"
#include "src/campaign/identity.h"
#include "src/config/user_error.h"
#include "src/files/input_file.h"
#include "src/processes/interrupt.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// How much golden state may be held decides the order of injections and so which are in a chunk.
Json shard_identity(const Prepared& prepared, std::uint64_t memory_bytes, ShardId shard) {
  Json identity = campaign_identity(prepared);
  identity["shards"] = shard.count;
  identity["shard"] = shard.number;
  identity["memory_bytes"] = memory_bytes;
  return identity;
}

bool is_finished(const fs::path& out, const Json& identity) {
  if (!fs::exists(out / kShardIdentity)) return false;
  const Json stored = Json::parse(read_file(out / kShardIdentity), nullptr, false);
  const auto changed = first_difference(stored, identity);
  if (!changed) return true;
  throw UserError(
      fmt::format("--resume: the finished shard in {} is another: {} was {} and is {}; the same "
                  "configuration, or --force to start anew",
                  out.string(), changed->path, changed->before, changed->now));
}

}  // namespace

ShardSummary run_shard(const Prepared& prepared, const CampaignOptions& options, ShardId shard) {
  const auto start = std::chrono::steady_clock::now();
  const Json identity = shard_identity(prepared, options.memory_bytes, shard);
  ShardSummary summary;
  if (options.start == StartMode::resume && !fs::exists(options.out / kCampaignFolder.work) &&
      is_finished(options.out, identity)) {
    summary.was_finished = true;
    return summary;
  }
  ResumableFolder folder(kCampaignFolder, options.out, options.start, identity);
  CampaignSession session(prepared);
  const auto engine = make_engine(prepared, session, options.memory_bytes);
  if (engine != nullptr && options.golden_memory)
    options.golden_memory({engine->golden_bytes(), options.memory_bytes});
  std::optional<InterruptGuard> guard;  // only now: until here a signal loses nothing
  if (options.catch_signals) guard.emplace();
  folder.open();

  const ChunkStore store(folder.work(), campaign_identity(prepared).dump(),
                         RecordCodec(session.context()));
  ConductOptions how;
  how.workers = worker_count(options.workers);
  how.progress = options.progress;
  how.interrupted = InterruptGuard::interrupted;
  how.sharding = Sharding(shard.count);
  summary.conducted =
      conduct_shard(session.plan(), session.context(), prepared.config.campaign,
                    {session.simulate(), engine.get()}, store, shard.number - 1, how);
  summary.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const CampaignTiming timing{summary.wall_s, session.golden_wall_s(), how.workers};
  folder.publish([&](const fs::path& results) {
    store.pack(summary.conducted.chunks, results / kShardChunks);
    write_json(results / kShardIdentity, identity);
    write_shard_results(results, prepared, summary.conducted, timing);
  });
  return summary;
}

}  // namespace attnguard
