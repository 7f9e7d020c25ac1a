#include "src/calibration/tolerance_limit.h"

#include <algorithm>
#include <cmath>

#include "src/campaign/figures/statistics.h"

namespace attnguard {

ToleranceLimit tolerance_limit(std::uint64_t n, double rate, double confidence) {
  const double best = rate_upper_bound(0, n, confidence);
  if (n == 0 || best > rate) return {0, best, false};
  std::uint64_t fits = 0, exceeds = n;  // the bound grows with k
  while (fits + 1 < exceeds) {
    const std::uint64_t k = fits + (exceeds - fits) / 2;
    (rate_upper_bound(k, n, confidence) <= rate ? fits : exceeds) = k;
  }
  return {fits, rate_upper_bound(fits, n, confidence), true};
}

std::uint64_t sample_needed(double rate, double confidence) {
  if (rate >= 1) return 1;
  auto n = static_cast<std::uint64_t>(
      std::max(1.0, std::floor(std::log1p(-confidence) / std::log1p(-rate))));
  while (rate_upper_bound(0, n, confidence) > rate) ++n;
  return n;
}

}  // namespace attnguard
