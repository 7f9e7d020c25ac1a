// The sections of a campaign.
#pragma once

#include <string>
#include <vector>

#include "src/report/campaign_results.h"
#include "src/report/golden_run.h"
#include "src/report/page.h"

namespace attnguard {

/// `id` begins every id on the page.
std::vector<Section> campaign_sections(const CampaignResults& campaign, const GoldenRun& golden,
                                       const std::string& id);

}  // namespace attnguard
