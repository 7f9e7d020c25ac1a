// What a campaign leaves in its folder.
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

/// Every result file. Failures as of OutputFile.
void write_results(const std::filesystem::path& folder, const Prepared& prepared,
                   const CampaignSession& session, const Conducted& conducted,
                   const CampaignSummary& summary, const CampaignTiming& timing);

/// What a shard has in common with a campaign: config.json and timing.json.
void write_shard_results(const std::filesystem::path& folder, const Prepared& prepared,
                         const ConductedShard& conducted, const CampaignTiming& timing);

/// faults.csv: the faults of every injection, by number.
void write_fault_list(const std::filesystem::path& file, const CampaignContext& context);

/// injections.csv, by number.
void write_rows(const std::filesystem::path& file, const CampaignContext& context,
                const Archive& archive, std::uint32_t workers);

}  // namespace attnguard
