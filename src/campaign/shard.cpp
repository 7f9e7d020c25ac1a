#include "src/campaign/shard.h"

#include <chrono>

#include "src/campaign/figures/result_files.h"
#include "src/campaign/identity.h"
#include "src/campaign/open_campaign.h"
#include "src/files/shard_set.h"

namespace attnguard {

namespace fs = std::filesystem;

ShardSummary run_shard(const Prepared& prepared, const CampaignOptions& options, ShardId shard) {
  const auto start = std::chrono::steady_clock::now();
  const auto identity =
      shard_identity(kCampaignFolder, campaign_identity(prepared), options.memory_bytes, shard);
  ShardSummary summary;
  if (options.start == StartMode::resume &&
      is_finished_shard(kCampaignFolder, options.out, identity)) {
    summary.was_finished = true;
    return summary;
  }
  OpenCampaign campaign(prepared, options, identity);
  CampaignSession& session = campaign.session;
  const ChunkStore& store = *campaign.store;
  campaign.how.sharding = Sharding(shard.count);
  summary.conducted = conduct_shard(session.plan(), session.context(), prepared.config.campaign,
                                    {session.simulate(), campaign.engine.get()}, store,
                                    shard.number - 1, campaign.how);
  summary.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const CampaignTiming timing{summary.wall_s, session.golden_wall_s(), campaign.how.workers};
  campaign.folder.publish([&](const fs::path& results) {
    store.pack(summary.conducted.chunks, results / kShardChunks);
    write_json(results / kShardIdentity, identity);
    write_shard_results(results, prepared, summary.conducted, timing);
  });
  return summary;
}

}  // namespace attnguard
