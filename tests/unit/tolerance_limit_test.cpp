#include "src/calibration/tolerance_limit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "src/campaign/faults/random_stream.h"

namespace attnguard {
namespace {

// Sample sizes at which the (k + 1)-th largest value first bounds 99 % of a distribution at 95 %
// confidence, as tables of one-sided nonparametric tolerance limits give them.
TEST(ToleranceLimit, RanksChangeAtTheTabulatedSampleSizes) {
  const std::uint64_t sizes[] = {299, 473, 628, 773, 913};
  for (std::uint64_t k = 0; k < 5; ++k) {
    const ToleranceLimit at = tolerance_limit(sizes[k], 0.01, 0.95);
    EXPECT_TRUE(at.supported);
    EXPECT_EQ(at.exceeding, k);
    EXPECT_LE(at.rate_ci_high, 0.01);
    const ToleranceLimit before = tolerance_limit(sizes[k] - 1, 0.01, 0.95);
    EXPECT_EQ(before.supported, k > 0);
    EXPECT_EQ(before.exceeding, k > 0 ? k - 1 : 0);
  }
}

// Above the larger of two uniform values lies a share whose distribution is 1 − (1 − x)²; above the
// smaller x².
TEST(ToleranceLimit, OfOneAndTwoValuesIsTheFormula) {
  EXPECT_DOUBLE_EQ(tolerance_limit(1, 0.95, 0.95).rate_ci_high, 0.95);
  EXPECT_DOUBLE_EQ(tolerance_limit(2, 0.8, 0.95).rate_ci_high, 1 - std::sqrt(0.05));
  EXPECT_EQ(tolerance_limit(2, 0.8, 0.95).exceeding, 0U);
  EXPECT_DOUBLE_EQ(tolerance_limit(2, 0.98, 0.95).rate_ci_high, std::sqrt(0.95));
  EXPECT_EQ(tolerance_limit(2, 0.98, 0.95).exceeding, 1U);
  EXPECT_FALSE(tolerance_limit(0, 0.5, 0.95).supported);
  EXPECT_EQ(tolerance_limit(0, 0.5, 0.95).rate_ci_high, 1);
}

TEST(ToleranceLimit, SampleNeededIsTheSmallestThatIsSupported) {
  EXPECT_EQ(sample_needed(0.01, 0.95), 299U);
  EXPECT_EQ(sample_needed(0.05, 0.95), 59U);
  EXPECT_EQ(sample_needed(0.1, 0.9), 22U);
  EXPECT_EQ(sample_needed(1, 0.95), 1U);
  EXPECT_EQ(sample_needed(0.99, 0.5), 1U);
  for (const double rate : {0.3, 0.01, 1e-3, 1e-5})
    for (const double confidence : {0.5, 0.9, 0.95, 0.999}) {
      const std::uint64_t n = sample_needed(rate, confidence);
      EXPECT_TRUE(tolerance_limit(n, rate, confidence).supported);
      EXPECT_FALSE(tolerance_limit(n - 1, rate, confidence).supported) << rate << ' ' << confidence;
    }
}

// The guarantee itself: of many samples, at most 5 % (1 − confidence) give a threshold above which
// more than the rate lies. 4 000 samples: 5 standard errors are 1.7 %.
TEST(ToleranceLimit, HoldsItsRateWithItsConfidence) {
  constexpr std::uint64_t kSamples = 4000;
  constexpr double kRate = 0.05;
  for (const std::uint64_t n : {59U, 93U, 200U}) {
    const ToleranceLimit limit = tolerance_limit(n, kRate, 0.95);
    ASSERT_TRUE(limit.supported);
    std::uint64_t held = 0;
    for (std::uint64_t sample = 0; sample < kSamples; ++sample) {
      RandomStream random(n, 1, sample);
      std::vector<double> values(n);
      for (double& value : values) value = static_cast<double>(random.below(1U << 30U)) * 0x1p-30;
      std::sort(values.begin(), values.end(), std::greater<>());
      held += 1 - values[limit.exceeding] <= kRate ? 1 : 0;
    }
    EXPECT_GT(static_cast<double>(held) / kSamples, 0.95 - 0.017) << n;
  }
}

}  // namespace
}  // namespace attnguard
