// What the commands that end with a campaign's results say about them.
#pragma once

#include <string>

#include "src/campaign/campaign.h"
#include "src/config/config.h"

namespace attnguard {

/// Unless `quiet`, coverage table, counts and files on standard output. Throws as require_sound(),
/// also where nothing can be printed.
void end_with_summary(const CampaignSummary& summary, const Config& configuration,
                      const std::string& folder, bool quiet);

}  // namespace attnguard
