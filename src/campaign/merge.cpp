#include "src/campaign/merge.h"

#include <fmt/format.h>

#include <chrono>
#include <vector>

#include "src/campaign/differential/make_engine.h"
#include "src/campaign/figures/result_files.h"
#include "src/campaign/identity.h"
#include "src/campaign/shard.h"
#include "src/config/user_error.h"
#include "src/processes/interrupt.h"
#include "src/simulation/output_dir.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;

fs::path config_file(const ShardSet& shards) { return shards.folders.front() / "config.json"; }

}  // namespace

Prepared reopen_shards(const ShardSet& shards, const fs::path& out) {
  CommandLine command_line;
  command_line.positional = {config_file(shards).string()};
  command_line.out = out.string();
  return prepare(command_line);
}

void require_unchanged(const ShardSet& shards, const nlohmann::ordered_json& identity) {
  if (const auto changed = first_difference(shards.identity, identity))
    throw UserError(
        fmt::format("{}: {} was {} and is {}; the configuration and files the shards were run with",
                    config_file(shards).string(), changed->path, changed->before, changed->now));
}

Prepared prepare_merge(const ShardSet& shards, const fs::path& out) {
  Prepared prepared = reopen_shards(shards, out);
  require_unchanged(shards, campaign_identity(prepared));
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
