// How soon dangerous faults are detected.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/campaign/figures/coverage.h"

namespace attnguard {

/// The dangerous draws of every stratum as detected no later than `cycles` after the fault, and
/// not.
std::vector<WeightedCounts> detected_within(const std::vector<LatencyCounts>& strata,
                                            std::uint64_t cycles);

/// Latencies at which a curve up to `last` is told: 0, then two to the octave, then `last`.
std::vector<std::uint64_t> curve_cycles(std::uint64_t last);

/// Text of latency.csv: per checker, fault class and total the cumulative incidence F(t) = Σ w
/// [dangerous and detected by t] / Σ w [dangerous]. Its last value is the coverage: a fault that is
/// never detected raises no alarm later, it is not censored.
std::string latency_csv(const CampaignContext& context, const CoverageTally& tally,
                        const CampaignConfig& config);

}  // namespace attnguard
