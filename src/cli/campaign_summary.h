// What the commands that end with a campaign's results say about them.
#pragma once

#include <string>

#include "src/campaign/campaign.h"
#include "src/config/config.h"

namespace attnguard {

/// Coverage table, counts and files on standard output.
void print_summary(const CampaignSummary& summary, const Config& configuration,
                   const std::string& folder);

}  // namespace attnguard
