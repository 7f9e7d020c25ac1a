// Fault-free residuals of a comparison, as far as thresholds need them: counts by ratio.
#pragma once

#include <cstdint>
#include <map>

#include "models/checksum_unit/checker.h"

namespace attnguard {

/// Residual ÷ scale of a fault-free check: a threshold of more than this, as a factor of the scale,
/// is silent. Infinite for one that alarms because it is not finite; 0 if that is ignored.
double clean_ratio(const Check& check);

/// To the nearest number of `digits` significant decimal digits.
double rounded(double value, int digits);
/// The smallest number of `digits` significant decimal digits that is not below `ratio` >= 0; 0 and
/// infinity stay.
double rounded_up(double ratio, int digits);

/// Ratios are counted under the next number of kRatioDigits digits: a threshold of so many digits
/// is exceeded by exactly the ratios that are counted above it, and a count above any other
/// threshold is never too low.
inline constexpr int kRatioDigits = 3;

class RatioCounts {
 public:
  void add(double ratio, std::uint64_t count = 1) {
    counts_[rounded_up(ratio, kRatioDigits)] += count;
  }
  void add(const RatioCounts& other) {
    for (const auto& [ratio, count] : other.counts_) counts_[ratio] += count;
  }
  std::uint64_t total() const;
  /// Ratios above the threshold.
  std::uint64_t above(double threshold) const;
  /// The lowest threshold of kRatioDigits digits that at most `exceeding` ratios are above;
  /// infinite if ratios that are infinite forbid any.
  double threshold(std::uint64_t exceeding) const;
  const std::map<double, std::uint64_t>& counts() const { return counts_; }

 private:
  std::map<double, std::uint64_t> counts_;
};

}  // namespace attnguard
