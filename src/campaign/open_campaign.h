// A campaign, or a shard of one, up to its first injection.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "src/campaign/campaign.h"
#include "src/campaign/differential/make_engine.h"
#include "src/campaign/session.h"
#include "src/files/resumable_folder.h"
#include "src/processes/interrupt.h"

namespace attnguard {

struct OpenCampaign {
  /// `identity`: of what `options.out` is to hold. UserError as ResumableFolder. Signals are
  /// caught, if they are to be, from when the folder is opened on: until then they lose nothing.
  OpenCampaign(const Prepared& prepared, const CampaignOptions& options,
               const nlohmann::ordered_json& identity);

  ResumableFolder folder;
  CampaignSession session;
  std::unique_ptr<DifferentialEngine> engine;  ///< none for the engine `full`
  std::optional<InterruptGuard> guard;
  std::optional<ChunkStore> store;
  ConductOptions how;  ///< what all campaigns have in common
};

}  // namespace attnguard
