// A campaign that was run before, prepared once more from its folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "src/campaign/faults/plan.h"
#include "src/simulation/prepared.h"

namespace attnguard {

/// The injections.csv in `folder`; UserError without one.
std::filesystem::path injections_file(const std::filesystem::path& folder);

struct FinishedCampaign {
  Prepared prepared;
  std::uint64_t injections = 0;  ///< it ended with; a stop rule may have ended it early
};

/// From config.json and summary.json in `folder`. `out`: where results will go. UserError when that
/// is no folder of a campaign, or its configuration and tensors are no longer those of
/// summary.json.
FinishedCampaign reopen_campaign(const std::filesystem::path& folder, const std::string& out);

/// Cuts the plan to the injections a campaign ended with; ModelError if it cannot have ended there.
void cut_to(CampaignPlan& plan, std::uint64_t injections);

}  // namespace attnguard
