#include "src/campaign/figures/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "src/campaign/figures/paired_difference.h"

namespace attnguard {
namespace {

// Newcombe, "Two-sided confidence intervals for the single proportion", Statist. Med. 17 (1998),
// table I.
struct Published {
  std::uint64_t successes, trials;
  double wilson_low, wilson_high, exact_low, exact_high;
};
constexpr Published kNewcombe[] = {
    {81, 263, 0.2553, 0.3662, 0.2527, 0.3676},
    {15, 148, 0.0624, 0.1605, 0.0578, 0.1617},
    {0, 20, 0.0000, 0.1611, 0.0000, 0.1684},
    {1, 29, 0.0061, 0.1718, 0.0009, 0.1776},
};

TEST(Intervals, AgreeWithPublishedValues) {
  for (const Published& p : kNewcombe) {
    const Interval score = wilson(p.successes, p.trials, 0.95),
                   exact = clopper_pearson(p.successes, p.trials, 0.95);
    EXPECT_NEAR(score.low, p.wilson_low, 5e-5);
    EXPECT_NEAR(score.high, p.wilson_high, 5e-5);
    EXPECT_NEAR(exact.low, p.exact_low, 5e-5);
    EXPECT_NEAR(exact.high, p.exact_high, 5e-5);
  }
}

TEST(Intervals, AreMirroredWhenSuccessAndFailureSwap) {
  for (const Published& p : kNewcombe) {
    const Interval score = wilson(p.successes, p.trials, 0.9),
                   other = wilson(p.trials - p.successes, p.trials, 0.9);
    EXPECT_NEAR(score.low, 1 - other.high, 1e-12);
    const Interval exact = clopper_pearson(p.successes, p.trials, 0.9);
    EXPECT_NEAR(exact.high, 1 - clopper_pearson(p.trials - p.successes, p.trials, 0.9).low, 1e-12);
  }
}

// With no miss among n, the miss rate is below r at confidence 95 % from n = ln 0.05 / ln(1 − r)
// on.
TEST(Intervals, NoMissIn299Supports99PercentAndIn298DoesNot) {
  EXPECT_LT(rate_upper_bound(0, 299, 0.95), 0.01);
  EXPECT_GT(rate_upper_bound(0, 298, 0.95), 0.01);
  EXPECT_LT(rate_upper_bound(0, 2995, 0.95), 0.001);
  EXPECT_GT(rate_upper_bound(0, 2994, 0.95), 0.001);
  EXPECT_LT(rate_upper_bound(0, 29956, 0.95), 0.0001);
  EXPECT_EQ(rate_upper_bound(0, 0, 0.95), 1);
}

TEST(FayFeuer, OfEmptySidesReachesZeroOrOne) {
  const Interval all = fay_feuer({{2.0, 50, 0}, {1.0, 50, 0}}, 0.95);
  EXPECT_EQ(all.high, 1);
  EXPECT_GT(all.low, 0.9);
  const Interval none = fay_feuer({{2.0, 0, 50}, {1.0, 0, 50}}, 0.95);
  EXPECT_EQ(none.low, 0);
  EXPECT_LT(none.high, 0.1);
}

TEST(FayFeuer, IsMirroredWhenDetectedAndUndetectedSwap) {
  const Interval a = fay_feuer({{2.0, 40, 7}, {0.5, 3, 21}}, 0.95),
                 b = fay_feuer({{2.0, 7, 40}, {0.5, 21, 3}}, 0.95);
  EXPECT_NEAR(a.low, 1 - b.high, 1e-12);
  EXPECT_NEAR(a.high, 1 - b.low, 1e-12);
}

TEST(FayFeuer, ScalesOutOfTheWeights) {
  const Interval a = fay_feuer({{2.0, 40, 7}, {0.5, 3, 21}}, 0.95),
                 b = fay_feuer({{2e9, 40, 7}, {5e8, 3, 21}}, 0.95);
  EXPECT_NEAR(a.low, b.low, 1e-12);
  EXPECT_NEAR(a.high, b.high, 1e-12);
}

TEST(FayFeuer, WidensWhenAHeavyStratumShowedNothing) {
  const Interval light = fay_feuer({{1.0, 100, 2}}, 0.95),
                 heavy = fay_feuer({{1.0, 100, 2}, {20.0, 0, 0}}, 0.95);
  EXPECT_LT(heavy.low, light.low);
}

TEST(MarginOfError, IsThatOfLeveugle) {
  EXPECT_NEAR(margin_of_error(9604, 0.95), 0.01, 1e-6);
  EXPECT_NEAR(margin_of_error(960365, 0.95), 0.001, 1e-9);
}

TEST(NoMiss, SupportsWhatTheSmallestSufficientNumberOfDrawsDoes) {
  EXPECT_EQ(no_miss_draws(0.99, 0.95), 299U);
  EXPECT_EQ(no_miss_draws(0.999, 0.95), 2995U);
  EXPECT_EQ(no_miss_draws(0.9999, 0.95), 29956U);
  EXPECT_GT(no_miss_bound(299, 0.95), 0.99);
  EXPECT_LT(no_miss_bound(298, 0.95), 0.99);
  EXPECT_NEAR(no_miss_bound(10, 0.95), std::pow(0.05, 0.1), 1e-12);
  EXPECT_EQ(no_miss_bound(0, 0.95), 0);
}

TEST(McNemar, IsAFairCoin) {
  EXPECT_EQ(mcnemar(0, 0), 1);
  EXPECT_EQ(mcnemar(1, 0), 1);
  EXPECT_EQ(mcnemar(3, 3), 1);
  EXPECT_DOUBLE_EQ(mcnemar(0, 5), 2.0 / 32);
  EXPECT_DOUBLE_EQ(mcnemar(1, 5), 2.0 * 7 / 64);  // (1 + 6) / 2^6 on either side
  EXPECT_DOUBLE_EQ(mcnemar(5, 1), mcnemar(1, 5));
}

TEST(PairedDifference, WeighsStrataAndLinearises) {
  // Weighted: 2 × (3 − 1) + 1 × (0 − 1) = 3 of 2 × 10 + 1 × 5 = 25.
  const auto d = paired_difference({{2.0, 4, 3, 1, 2}, {1.0, 3, 0, 1, 1}}, 0.95);
  ASSERT_TRUE(d.has_value());
  EXPECT_DOUBLE_EQ(d->difference, 0.12);
  // 4 × (3 × 0.88² + 1 × 1.12² + 6 × 0.12²) + 1 × (1 × 1.12² + 4 × 0.12²) = 15.9680
  EXPECT_NEAR(d->standard_error, std::sqrt(15.968) / 25, 1e-12);
  EXPECT_LT(d->interval.low, 0.12 - 1.9 * d->standard_error);
  EXPECT_GT(d->interval.high, 0.12 + 1.9 * d->standard_error);
  EXPECT_FALSE(paired_difference({{2.0, 0, 0, 0, 0}}, 0.95).has_value());
}

TEST(PairedDifference, IsMirroredWhenTheCheckersSwap) {
  const auto ab = paired_difference({{2.0, 4, 9, 1, 2}, {0.5, 3, 0, 4, 1}}, 0.9),
             ba = paired_difference({{2.0, 4, 1, 9, 2}, {0.5, 3, 4, 0, 1}}, 0.9);
  EXPECT_NEAR(ab->difference, -ba->difference, 1e-12);
  EXPECT_NEAR(ab->interval.low, -ba->interval.high, 1e-12);
  EXPECT_NEAR(ab->interval.high, -ba->interval.low, 1e-12);
}

TEST(PairedDifference, OfCheckersThatAlwaysAgreedHasAWidth) {
  const auto d = paired_difference({{1.0, 50, 0, 0, 50}}, 0.95);
  EXPECT_EQ(d->difference, 0);
  // No event of weight 1: up to χ²(2) / 2 = −ln 0.025 events.
  EXPECT_NEAR(d->interval.high, -std::log(0.025) / 100, 1e-12);
  EXPECT_NEAR(d->interval.low, -d->interval.high, 1e-12);
  EXPECT_LT(paired_difference({{1.0, 50, 0, 0, 50}, {20.0, 0, 0, 0, 0}}, 0.95)->interval.low,
            10 * d->interval.low)
      << "a heavy stratum may have hidden some";
}

TEST(WeightedSum, OfEqualWeightsHasTheExactPoissonLimits) {
  // Garwood, Biometrika 28 (1936): 10 events, 95 %: 4.795 to 18.39.
  const WeightedSum sum = weighted_sum({{3.0, 4}, {3.0, 6}}, 0.95);
  EXPECT_EQ(sum.value, 30);
  EXPECT_NEAR(sum.low / 3, 4.795, 5e-4);
  EXPECT_NEAR(sum.high / 3, 18.39, 5e-3);
}

TEST(LatencyQuantile, IsEmptyBeyondThePlateauOfDetectedFaults) {
  const LatencyDistribution strata({{1.0, 10, {{5, 4}, {7, 2}}}});  // 6 of 10 detected
  EXPECT_EQ(strata.quantile(0.40, false), 5U);
  EXPECT_EQ(strata.quantile(0.50, false), 7U);
  EXPECT_EQ(strata.quantile(0.60, false), 7U);
  EXPECT_EQ(strata.quantile(0.61, false), std::nullopt);
  EXPECT_EQ(strata.quantile(0.50, true), 5U);
  EXPECT_EQ(strata.quantile(1, true), 7U);
}

TEST(LatencyQuantile, CountsStrataByWeight) {
  // Weighted detections: 9 at cycle 100, 1 at cycle 1.
  const LatencyDistribution strata({{9.0, 1, {{100, 1}}}, {1.0, 1, {{1, 1}}}});
  EXPECT_EQ(strata.quantile(0.05, false), 1U);
  EXPECT_EQ(strata.quantile(0.5, false), 100U);
}

}  // namespace
}  // namespace attnguard
