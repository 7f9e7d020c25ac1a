// Failure modes, effects and diagnostic analysis: failure rates and diagnostic coverage per site
// class, in the words of IEC 61508 and ISO 26262. Figures for such an analysis, no claim that it
// conforms to either.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/campaign/figures/coverage.h"

namespace attnguard {

/// One row of fmeda.csv.
struct FailureMode {
  std::string name;  ///< site class, or total_logic, total_sram, total
  std::string safety_mechanism;
  FaultClass fault_class = FaultClass::transient;
  std::uint64_t bits = 0;
  std::optional<double> raw_fit;          ///< of all bits; of transient faults with a given rate
  std::optional<double> dangerous_share;  ///< of the raw rate; empty without injections
  /// Of the dangerous faults, detected at all and within the budget; empty without any. The lower
  /// ends are the shares themselves in a census.
  std::optional<double> coverage, coverage_low, in_budget, in_budget_low;

  std::optional<double> dangerous_fit() const;
  /// Of the lower ends, what counts as covered: within the budget if there is one.
  std::optional<double> credited() const { return in_budget_low ? in_budget_low : coverage_low; }
  /// Dangerous faults that are not credited, as a share of the raw rate and in FIT.
  std::optional<double> residual_share() const;
  std::optional<double> residual_fit() const;
};

/// Per checker and fault class a row for each site class of the datapath, then the totals, whose
/// parts weigh by their raw rates if both are given.
std::vector<FailureMode> failure_modes(const CampaignContext& context, const CoverageTally& tally,
                                       const CampaignConfig& config, double clock_mhz);

/// Text of fmeda.csv; a census has no `confidence`.
std::string fmeda_csv(const std::vector<FailureMode>& modes, std::optional<double> confidence);

}  // namespace attnguard
