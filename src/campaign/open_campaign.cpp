#include "src/campaign/open_campaign.h"

#include "src/campaign/identity.h"

namespace attnguard {

OpenCampaign::OpenCampaign(const Prepared& prepared, const CampaignOptions& options,
                           const nlohmann::ordered_json& identity)
    : folder(kCampaignFolder, options.out, options.start, identity),
      session(prepared),
      engine(make_engine(prepared, session, options.memory_bytes)) {
  if (engine != nullptr && options.golden_memory)
    options.golden_memory({engine->golden_bytes(), options.memory_bytes});
  if (options.catch_signals) guard.emplace();
  folder.open();
  store.emplace(folder.work(), campaign_identity(prepared).dump(), RecordCodec(session.context()));
  how.workers = worker_count(options.workers);
  how.progress = options.progress;
  how.interrupted = InterruptGuard::interrupted;
}

}  // namespace attnguard
