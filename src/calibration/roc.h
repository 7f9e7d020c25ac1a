// Coverage against false alarms for every threshold, from one campaign: no injection is repeated.
//
// A row of injections.csv holds the largest ratio of every comparison (residual ÷ scale), so
// whether another threshold would have alarmed is read off. A checker of several comparisons moves
// along its curve by a common factor on all their thresholds; factor 1 is the campaign itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/calibration/fault_free.h"
#include "src/campaign/context.h"
#include "src/campaign/figures/estimate.h"
#include "src/simulation/prepared.h"

namespace attnguard {

/// Stands for all comparisons of a checker, or of a combination's members.
inline constexpr const char* kAnyComparison = "any";

/// What lies on one side of a threshold: a checker, or one of its comparisons alone.
struct RocCurve {
  std::size_t checker = 0;
  std::string comparison;  ///< or kAnyComparison
  /// (index into the sample's comparisons, configured factor of the scale).
  std::vector<std::pair<std::size_t, double>> comparisons;
};

/// One row of roc.csv.
struct RocPoint {
  std::size_t curve = 0;
  FaultClass fault_class = FaultClass::transient;
  std::string site_class;  ///< total_logic, total_sram or total
  double factor = 1;       ///< on the configured thresholds
  std::uint64_t detected = 0, undetected = 0;
  Estimate estimate;
  /// Of the fault-free sample.
  std::uint64_t check_alarms = 0, checks = 0, unit_alarms = 0;
};

struct Roc {
  std::uint64_t rows = 0;  ///< of injections.csv
  std::vector<RocCurve> curves;
  std::vector<RocPoint> points;  ///< by curve, fault class and total, in ascending order of factor
  /// Checkers without a curve: a threshold of theirs is no factor of a scale.
  std::vector<std::size_t> left_out;
  /// [checker] Dangerous faults whose run ended between a check that would alarm and the alarm:
  /// undetected at every threshold.
  std::vector<std::uint64_t> ended_early;
};

/// [checker] Whether an alarm of a value that is not finite counts as none.
std::vector<bool> ignores_nonfinite(const Prepared& prepared);

/// `injections`: the injections.csv of the campaign. `ignores_nonfinite`: [checker]. `clean`: its
/// comparisons are those of the campaign, in order. UserError that names file, line and column
/// where a row contradicts the campaign or itself.
Roc make_roc(const std::filesystem::path& injections, const CampaignContext& context,
             const CampaignConfig& config, const std::vector<bool>& ignores_nonfinite,
             const FaultFree& clean);

/// Text of roc.csv.
std::string roc_csv(const Roc& roc, const CampaignContext& context, const FaultFree& clean,
                    double confidence);

}  // namespace attnguard
