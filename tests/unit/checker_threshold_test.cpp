// The alarm rule and the rounding bound.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "models/checksum_unit/check_math.h"
#include "models/checksum_unit/threshold.h"

namespace attnguard {
namespace {

Check judged(const Judge& judge, double residual, double scale) {
  Check check;
  check.residual = residual;
  check.scale = scale;
  judge.judge(check);
  return check;
}

TEST(Threshold, AlarmsStrictlyAboveTheThreshold) {
  const Judge relative({ThresholdRule::relative, 0.25}, {}, {}, NonfiniteRule::alarm);
  EXPECT_TRUE(relative.scaled());
  EXPECT_FALSE(judged(relative, 2.0, 8.0).alarm);
  EXPECT_TRUE(judged(relative, std::nextafter(2.0, 3.0), 8.0).alarm);
  EXPECT_EQ(judged(relative, 0, 8.0).threshold, 2.0);

  const Judge absolute({ThresholdRule::absolute, 0.5}, {}, {}, NonfiniteRule::alarm);
  EXPECT_FALSE(absolute.scaled());
  EXPECT_FALSE(judged(absolute, 0.5, 1).alarm);
  EXPECT_TRUE(judged(absolute, 0.51, 1).alarm);

  const Judge bound({ThresholdRule::bound, 7}, {}, {0.5, 1.0}, NonfiniteRule::alarm);
  EXPECT_EQ(judged(bound, 0, 4).threshold, 3.0);
}

TEST(Threshold, ZeroSelectsTheDefaultOfTheRule) {
  EXPECT_EQ(
      judged(Judge({ThresholdRule::relative, 0}, {2, 3}, {}, NonfiniteRule::alarm), 0, 5).threshold,
      10);
  EXPECT_EQ(
      judged(Judge({ThresholdRule::absolute, 0}, {2, 3}, {}, NonfiniteRule::alarm), 0, 1).threshold,
      3);
  EXPECT_EQ(
      output_threshold_defaults(CheckFormat::float32, CheckPoint::before_rounding, Format::bfloat16)
          .relative,
      0x1p-17);
  EXPECT_EQ(
      output_threshold_defaults(CheckFormat::float64, CheckPoint::after_rounding, Format::bfloat16)
          .relative,
      0x1p-8);
  EXPECT_EQ(
      output_threshold_defaults(CheckFormat::float32, CheckPoint::after_rounding, Format::float32)
          .relative,
      0x1p-17);
  EXPECT_EQ(score_threshold_defaults(CheckFormat::float32).relative, 0x1p-19);
}

TEST(Threshold, NonfiniteResidualOrScaleFollowsTheRule) {
  const double inf = std::numeric_limits<double>::infinity(),
               nan = std::numeric_limits<double>::quiet_NaN();
  const Judge alarm({ThresholdRule::relative, 1}, {}, {}, NonfiniteRule::alarm);
  const Judge ignore({ThresholdRule::relative, 1}, {}, {}, NonfiniteRule::ignore);
  const std::pair<double, double> bad[] = {{inf, 1}, {nan, 1}, {0, inf}, {0, nan}, {inf, inf}};
  for (const auto& [residual, scale] : bad) {
    EXPECT_TRUE(judged(alarm, residual, scale).alarm);
    EXPECT_TRUE(judged(alarm, residual, scale).nonfinite);
    EXPECT_FALSE(judged(ignore, residual, scale).alarm);
    EXPECT_TRUE(judged(ignore, residual, scale).nonfinite);
  }
  EXPECT_TRUE(judged(ignore, 2, 1).alarm);
  EXPECT_FALSE(judged(ignore, 2, 1).nonfinite);
}

TEST(Threshold, AdderTreeTakesOneCycleMoreThanItsLevels) {
  const std::pair<std::uint32_t, std::uint32_t> expected[] = {{1, 1}, {2, 2},  {3, 3},  {4, 3},
                                                              {5, 4}, {16, 5}, {128, 8}};
  for (const auto& [inputs, cycles] : expected) EXPECT_EQ(adder_tree_cycles(inputs), cycles);
}

CheckerDimensions dimensions() {
  CheckerDimensions dims;
  dims.rows = dims.cols = 16;
  dims.head_dim = 64;
  dims.tokens_q = dims.tokens_k = 256;
  dims.key_tiles = 16;
  return dims;
}

TEST(RoundingBound, CountsEveryOperationOfTheDocumentedFormula) {
  const RoundingCounts counts = output_counts(dimensions(), true, 16, false, 1);
  // 2C + 4⌈N/C⌉ + 2d + 4
  EXPECT_EQ(counts.lane + counts.left + counts.right, 2 * 16 + 4 * 16 + 2 * 64 + 4u);
  const RoundingBound bound = rounding_bound(counts, 0x1p-24, 0x1p-149);
  EXPECT_GT(bound.factor, 228 * 0x1p-24);
  EXPECT_LT(bound.factor, 229 * 0x1p-24 * 1.001);
  EXPECT_GT(bound.floor, 0);
  EXPECT_LT(bound.floor, 1e-35);
}

TEST(RoundingBound, GrowsWithEveryCountAndCoversOutputRounding) {
  const RoundingBound before =
      rounding_bound(output_counts(dimensions(), true, 16, false, 1), 0x1p-24, 0x1p-149);
  const RoundingBound after =
      rounding_bound(output_counts(dimensions(), true, 16, true, 1), 0x1p-24, 0x1p-149);
  EXPECT_GT(after.factor, before.factor + 0x1p-8);
  const RoundingBound head =
      rounding_bound(output_counts(dimensions(), true, 16, false, 256), 0x1p-24, 0x1p-149);
  EXPECT_GT(head.factor, before.factor + 2 * 256 * 0x1p-24);
  const RoundingBound narrow =
      rounding_bound(output_counts(dimensions(), true, 16, false, 256), 0x1p-8, 0x1p-133);
  EXPECT_TRUE(std::isfinite(narrow.factor));  // n·u > 1 is no obstacle
  const RoundingBound wide =
      rounding_bound(output_counts(dimensions(), true, 16, false, 1), 0x1p-53, 0x1p-1074);
  EXPECT_GT(wide.factor, 50 * 0x1p-24);  // the datapath's roundings remain
  EXPECT_LT(wide.factor, 51 * 0x1p-24);
}

// The worst case the bound must survive: every rounding pushed the same way. Σ of n equal terms in
// bfloat16 stagnates at 256.
TEST(RoundingBound, SurvivesStagnatingSums) {
  float sum = 0;
  for (int i = 0; i < 1000; ++i) sum = Bfloat16Number::add(sum, 1);
  ASSERT_EQ(sum, 256);
  RoundingCounts counts;
  counts.left = counts.right = 1000;
  const RoundingBound bound =
      rounding_bound(counts, Bfloat16Number::unit_roundoff, Bfloat16Number::tiny);
  EXPECT_LE(std::fabs(1000 - sum), bound.factor * sum);  // the scale stagnates with it
}

}  // namespace
}  // namespace attnguard
