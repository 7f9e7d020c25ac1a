// Intervals for proportions and weighted proportions, and quantiles of detection latency.
//
// Draws are with replacement, so no finite-population correction. Confidence levels are two-sided
// unless said.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace attnguard {

struct Interval {
  double low = 0, high = 1;
};

/// Wilson score interval; trials > 0.
Interval wilson(std::uint64_t successes, std::uint64_t trials, double confidence);
/// Clopper–Pearson exact interval; trials > 0.
Interval clopper_pearson(std::uint64_t successes, std::uint64_t trials, double confidence);
/// One-sided exact upper bound of a rate: events of trials; 1 without trials.
double rate_upper_bound(std::uint64_t events, std::uint64_t trials, double confidence);

/// Draws that weigh the same, from one stratum.
struct WeightedCounts {
  double weight = 1;  ///< population per draw
  std::uint64_t detected = 0, undetected = 0;
};

/// Σ w d / (Σ w d + Σ w u); empty without dangerous draws.
std::optional<double> weighted_coverage(const std::vector<WeightedCounts>& strata);
/// Fay–Feuer limits of both weighted sums combined by MOVER for their ratio. `strata` holds every
/// stratum that was drawn, also those without dangerous draws: the largest weight bounds what may
/// have been missed.
Interval fay_feuer(const std::vector<WeightedCounts>& strata, double confidence);

/// Of one stratum: dangerous draws, and how many of them were detected after how many cycles.
struct LatencyCounts {
  double weight = 1;
  std::uint64_t dangerous = 0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>>
      detected_after;  ///< (cycles, draws); every number of cycles once
};

class LatencyDistribution {
 public:
  explicit LatencyDistribution(const std::vector<LatencyCounts>& strata);

  /// Smallest latency by which the share `quantile` of the dangerous faults (of the detected ones
  /// with `given_detected`) has been detected; empty when it never is. quantile 1 with
  /// given_detected is the maximum.
  std::optional<std::uint64_t> quantile(double quantile, bool given_detected) const;

 private:
  std::vector<std::pair<std::uint64_t, double>> reached_;  ///< (cycles, weight detected by then)
  double dangerous_ = 0;
};

}  // namespace attnguard
