#include "src/campaign/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "src/campaign/random_stream.h"

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

// A stratum of a simulated campaign: its share of the population, and what its faults do.
struct TrueStratum {
  double share, dangerous, coverage;
};

// Share of simulated campaigns whose nominal 95 % interval holds the true total coverage.
double interval_coverage(const std::vector<TrueStratum>& strata, std::uint64_t draws_each,
                         std::uint64_t seed) {
  constexpr std::uint64_t kCampaigns = 4000;
  double detected = 0, dangerous = 0;
  for (const TrueStratum& s : strata) {
    dangerous += s.share * s.dangerous;
    detected += s.share * s.dangerous * s.coverage;
  }
  const double truth = detected / dangerous;
  const auto happens = [](RandomStream& random, double probability) {
    return static_cast<double>(random.below(1ULL << 53)) < probability * 0x1p53;
  };
  std::uint64_t held = 0;
  for (std::uint64_t campaign = 0; campaign < kCampaigns; ++campaign) {
    RandomStream random(seed, 0, campaign);
    std::vector<WeightedCounts> counts;
    for (const TrueStratum& s : strata) {
      WeightedCounts& c = counts.emplace_back();
      c.weight = s.share / static_cast<double>(draws_each);
      for (std::uint64_t i = 0; i < draws_each; ++i)
        if (happens(random, s.dangerous))
          ++(happens(random, s.coverage) ? c.detected : c.undetected);
    }
    const Interval interval = fay_feuer(counts, 0.95);
    if (interval.low <= truth && truth <= interval.high) ++held;
  }
  return static_cast<double>(held) / kCampaigns;
}

TEST(FayFeuer, HoldsTheTotalInAtLeast94PercentOfSimulatedCampaigns) {
  // A light, well covered majority of strata and one heavy stratum that is covered badly.
  EXPECT_GE(
      interval_coverage(
          {{0.90, 0.05, 0.20}, {0.05, 0.5, 0.99}, {0.03, 0.5, 0.99}, {0.02, 0.8, 1.0}}, 100, 1),
      0.94);
  // Weights over four decades.
  EXPECT_GE(
      interval_coverage({{0.9, 0.3, 0.95}, {0.09, 0.3, 0.6}, {0.009, 0.3, 0.3}, {0.0009, 0.9, 0.1}},
                        200, 2),
      0.94);
  // Rare misses: almost everything is caught.
  EXPECT_GE(interval_coverage({{0.5, 0.4, 0.995}, {0.3, 0.1, 0.999}, {0.2, 0.9, 0.98}}, 150, 3),
            0.94);
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
