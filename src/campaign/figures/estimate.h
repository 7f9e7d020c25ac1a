// A share of faults with its interval, whatever way the faults were drawn.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "src/campaign/campaign_config.h"
#include "src/campaign/figures/statistics.h"
#include "src/files/csv.h"

namespace attnguard {

struct Estimate {
  std::optional<double> share;       ///< empty without dangerous draws
  std::optional<Interval> interval;  ///< none of a census
  std::string_view method;  ///< wilson, clopper_pearson, fay_feuer, census; empty without a share
};

/// Σ w detected / Σ w dangerous. Draws that weigh the same make a plain proportion; else Fay–Feuer.
/// A `census` carries no sampling error.
Estimate estimate(const std::vector<WeightedCounts>& strata, bool census,
                  const CampaignConfig& config);

/// Columns: share, ci_low, ci_high, confidence, ci_method.
void add_estimate(CsvLine& line, const Estimate& estimate, double confidence);

}  // namespace attnguard
