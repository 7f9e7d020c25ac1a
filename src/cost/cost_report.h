// What a fault-free run cost: the accelerator, and every checker beside it.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "src/cost/cost.h"
#include "src/simulation/simulation.h"

namespace attnguard {

/// The unit that is not on the chip.
inline constexpr const char* kExternalMemory = "external_memory";

/// Of a checker, or of all of them together; empty where one does not say what its arithmetic is.
struct CheckerCost {
  std::string name;
  std::optional<Cost> cost;
};

struct CostReport {
  std::string technology;
  std::vector<Bill> units;     ///< by name
  std::vector<Bill> checkers;  ///< those with hardware of their own and a known cost
  /// In configuration order; of a combination the sum of its members, each once.
  std::vector<CheckerCost> by_checker;
  CheckerCost all_checkers;  ///< every checker with hardware of its own
  Cost accelerator;          ///< all units but external memory, without checkers

  /// In percent of the accelerator; empty where the cost is, or where the accelerator's is 0.
  std::optional<double> energy_pct(const std::optional<Cost>& cost) const;
  std::optional<double> area_pct(const std::optional<Cost>& cost) const;
};

/// `result`: of a finished fault-free run of these checkers.
CostReport report_cost(const RunResult& result, const std::vector<CheckerConfig>& checkers,
                       double clock_mhz, const Technology& technology);

/// `cost` of run.json.
nlohmann::ordered_json cost_json(const CostReport& report);
/// cost.csv: every item of every bill. Throws std::runtime_error when it cannot be written.
void write_cost_csv(const std::filesystem::path& file, const CostReport& report);
/// Columns of sweep.csv.
nlohmann::ordered_json cost_columns(const CostReport& report);

}  // namespace attnguard
