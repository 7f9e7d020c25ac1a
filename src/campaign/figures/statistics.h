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

/// The stop rule: half of it is half_width or less. Without an interval nothing is known.
inline bool narrow_enough(const std::optional<Interval>& interval, double half_width) {
  return interval && interval->high - interval->low <= 2 * half_width;
}

/// Wilson score interval; trials > 0.
Interval wilson(std::uint64_t successes, std::uint64_t trials, double confidence);
/// Clopper–Pearson exact interval; trials > 0.
Interval clopper_pearson(std::uint64_t successes, std::uint64_t trials, double confidence);
/// One-sided exact upper bound of a rate: events of trials; 1 without trials.
double rate_upper_bound(std::uint64_t events, std::uint64_t trials, double confidence);

/// Lower bound, one-sided, of a share that was met in all of n independent draws: (1 − confidence)
/// to the 1/n.
double no_miss_bound(std::uint64_t draws, double confidence);
/// Draws, all of them hits, that support a share above `share`.
std::uint64_t no_miss_draws(double share, double confidence);
/// Two-sided margin of error of so many draws with replacement at a share of one half (Leveugle et
/// al., DATE 2009).
double margin_of_error(std::uint64_t draws, double confidence);

/// Events of one stratum, each of the same weight.
struct WeightedCount {
  double weight = 1;
  std::uint64_t count = 0;
};
struct WeightedSum {
  double value = 0, low = 0, high = 0;
};
/// Σ w x with its Fay–Feuer limits: gamma limits of a weighted sum of Poisson counts. `strata`
/// holds every stratum that was drawn, also those without events: the largest weight bounds what
/// may have been missed.
WeightedSum weighted_sum(const std::vector<WeightedCount>& strata, double confidence);

/// Draws that weigh the same, from one stratum.
struct WeightedCounts {
  double weight = 1;  ///< population per draw
  std::uint64_t detected = 0, undetected = 0;
};

/// Σ w d / (Σ w d + Σ w u); empty without dangerous draws.
std::optional<double> weighted_coverage(const std::vector<WeightedCounts>& strata);
/// Fay–Feuer limits of both weighted sums combined by MOVER for their ratio; `strata` as there.
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
