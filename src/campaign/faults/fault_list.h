// A fault list as CSV: what a campaign can write and another can inject.
//
// One row per fault; rows with the same `injection` stand together and are one run.
#pragma once

#include <filesystem>
#include <string>

#include "src/campaign/campaign_config.h"
#include "src/campaign/faults/plan.h"

namespace attnguard {

/// First line of faults.csv.
std::string fault_list_header();
/// The rows of one run.
std::string fault_list_rows(const FaultUniverse& universe, const Injection& injection);

/// Puts the faults of the file into config.faults, with the file and lines they came from.
/// UserError that names file, line, column, value and what is allowed; sites, bits and cycles are
/// checked by the plan. `name` stands for the file in messages. Returns the SHA-256 of the file.
std::string read_fault_list(const std::filesystem::path& file, const std::string& name,
                            CampaignConfig& config);

}  // namespace attnguard
