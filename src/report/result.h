// A folder that run, campaign or sweep wrote, and what a report reads from it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "src/report/campaign_results.h"
#include "src/report/golden_run.h"

namespace attnguard {

enum class ResultKind { run, campaign, sweep };

const char* kind_name(ResultKind kind);

struct Result {
  ResultKind kind = ResultKind::run;
  std::filesystem::path folder;
  std::string name;  ///< on the page
  Json run;          ///< of a run run.json, of a campaign the golden run; null if there is none
  std::optional<CampaignResults> campaign;
  GoldenRun golden;  ///< of a campaign
};

/// UserError when the folder holds no result or cannot be read. `name`: as in Result.
Result read_result(const std::filesystem::path& folder, const std::string& name);

}  // namespace attnguard
