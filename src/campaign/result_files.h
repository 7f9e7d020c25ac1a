// What a campaign leaves in its folder besides injections.csv.
#pragma once

#include <cstdint>
#include <filesystem>

#include "src/campaign/campaign.h"
#include "src/campaign/session.h"

namespace attnguard {

/// What varies between runs.
struct CampaignTiming {
  double wall_s = 0, golden_wall_s = 0;
  std::uint32_t workers = 1;
};

/// coverage.csv, strata.csv, summary.json, timing.json and config.json. Throws std::runtime_error
/// when a file cannot be written.
void write_results(const std::filesystem::path& folder, const Prepared& prepared,
                   const CampaignSession& session, const CoverageTally& tally,
                   const CampaignSummary& summary, std::uint64_t audited,
                   const CampaignTiming& timing);

}  // namespace attnguard
