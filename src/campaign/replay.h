// One injection of a finished campaign again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "src/campaign/session.h"

namespace attnguard {

/// A comparison that saw other data than in the golden run.
struct ChangedCheck {
  std::size_t checker = 0;
  Check golden, faulty;
};

struct Replay {
  std::vector<std::string> columns, row;  ///< of injections.csv, as it came out
  bool reproduced = true;                 ///< the stored row is the same
  RunResult run;
  Effect effect = Effect::masked;
  Measurement measurement;
  std::vector<std::pair<std::uint32_t, std::uint32_t>>
      changed_rows;                          ///< (head, query row), when the run finished
  std::vector<ChangedCheck> changed_checks;  ///< by checker, in the order made
};

/// Row `number` of injections.csv in the campaign folder `folder`, after its header line, both with
/// their line ends. UserError when the folder holds no campaign or fewer injections.
std::pair<std::string, std::string> stored_row(const std::filesystem::path& folder,
                                               std::uint64_t number);

/// Runs injection `number` and compares the row with the stored one, byte for byte: ModelError when
/// they differ. An injection that failed has no row to compare.
Replay replay_injection(CampaignSession& session, std::uint64_t number,
                        const std::string& stored_header, const std::string& stored);

/// Content of replay.json.
nlohmann::ordered_json replay_json(const CampaignContext& context, const Replay& replay);

}  // namespace attnguard
