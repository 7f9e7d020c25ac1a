// How far down from the largest of n values a threshold may lie: distribution-free tolerance limits
// by order statistics.
//
// Of n independent values with a common continuous distribution, the share of the distribution
// above the (k + 1)-th largest is Beta(k + 1, n − k). Its upper quantile is the Clopper–Pearson
// bound of k events in n trials. Nothing is assumed about the shape; ties only lower the share.
#pragma once

#include <cstdint>

namespace attnguard {

struct ToleranceLimit {
  std::uint64_t exceeding = 0;  ///< k: the threshold is the (k + 1)-th largest value
  double rate_ci_high = 1;      ///< upper bound of the share above it
  bool supported = false;       ///< that is at most the rate asked for
};

/// The largest k whose bound is at most `rate` at the one-sided `confidence`; k = 0 with supported
/// false if none is: n < sample_needed(rate, confidence).
ToleranceLimit tolerance_limit(std::uint64_t n, double rate, double confidence);

/// The smallest n whose largest value will do: 1 − (1 − rate)ⁿ >= confidence. rate in (0, 1].
std::uint64_t sample_needed(double rate, double confidence);

}  // namespace attnguard
