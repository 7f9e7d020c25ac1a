// V-ABFT's threshold rule: the formula by hand, and against a double reference on clean tiles.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "models/checksum_unit/checker_config.h"
#include "models/checksum_unit/make_checker.h"
#include "models/checksum_unit/threshold.h"
#include "models/checksum_unit/variance_scale.h"
#include "tests/unit/checker_stream.h"

namespace attnguard {
namespace {

TEST(VarianceScale, BoundsTheVarianceByTheRange) {
  const std::vector<float> values{1, 9, 5, 9, 6, 9, 8, 9};  // every second: mean 5, max 8, min 1
  const auto spread = Spread<double>::of(values.data(), 2, 4);
  EXPECT_EQ(spread.mean, 5);
  EXPECT_EQ(spread.variance, (8 - 5) * (5 - 1));
}

TEST(VarianceScale, FollowsThePublishedFormula) {
  ProductSpread<double> b;
  b.add({2, 3});
  b.add({-1, 6});
  EXPECT_EQ(b.mean_magnitude, 3);
  EXPECT_EQ(b.mean_square, 5);
  EXPECT_EQ(b.variance, 9);
  // N = 4, mean of A −0.5, variance 2, c = 3:
  // 4·0.5·3 + 3·√(4·0.25·9 + 16·2·5) + 3·2·√2·3 = 6 + 3·13 + 25.456
  EXPECT_NEAR(variance_scale<double>({-0.5, 2}, b, 4, 3), 6 + 3 * 13 + 18 * std::sqrt(2.0), 1e-12);
  EXPECT_NEAR(variance_unit(64), 1.5e-9 * 8 + 1.7e-7, 1e-20);
}

TEST(VarianceScale, CountsTheRoundingsOfSumsInAscendingOrder) {
  RoundingCounts counts;
  counts.lane = 3;
  counts.left = 4;
  counts.right = 5;
  EXPECT_EQ(rounding_deviation(counts, 0x1p-24), 2 * 0x1p-24);  // √((3 + 9)/3)
  EXPECT_NEAR(rounding_deviation(counts, 0x1p-53), 0x1p-24, 1e-20);

  ThresholdDefaults defaults;
  defaults.variance_unit = 3;
  defaults.rounding_deviation = 2;
  const auto threshold = [&](ThresholdRule rule, double c) {
    Check check;
    check.scale = 10;
    Judge({rule, c}, defaults, {}, NonfiniteRule::alarm).judge(check);
    return check.threshold;
  };
  EXPECT_EQ(threshold(ThresholdRule::variance, 2.5), (3 + 2.5 * 2) * 10);
  EXPECT_EQ(threshold(ThresholdRule::variance_published, 2.5), 3 * 10);
  EXPECT_NEAR(threshold(ThresholdRule::variance, 0), (3 + 5.39 * 2) * 10, 1e-12);
}

StreamShape shape_of(std::uint32_t seed) {
  StreamShape shape;
  shape.rows = 4;
  shape.cols = 6;
  shape.head_dim = 13;  // three passes, ragged
  shape.tokens_q = 10;
  shape.tokens_k = 17;
  shape.causal = seed % 2 == 0;
  shape.resident = seed % 3 == 0;
  shape.seed = seed;
  return shape;
}

MatmulAbftConfig variance_config(SumPoint sums, ThresholdRule rule) {
  MatmulAbftConfig config;
  config.format = CheckFormat::float64;
  config.row_sum = config.key_sum = sums;
  config.score_threshold.rule = config.pv_threshold.rule = rule;
  return config;
}

/// rows [inner] of [columns] each, at values[k × row_stride + n × stride].
ProductSpread<double> reference(const float* values, std::size_t row_stride, std::size_t stride,
                                std::uint32_t inner, std::uint32_t columns) {
  ProductSpread<double> all;
  for (std::uint32_t k = 0; k < inner; ++k)
    all.add(Spread<double>::of(values + k * row_stride, stride, columns));
  return all;
}

TEST(MatmulAbft, VarianceRuleScalesEveryTileByItsOperands) {
  for (std::uint32_t seed = 1; seed < 7; ++seed)
    for (const SumPoint sums : {SumPoint::at_read, SumPoint::at_write}) {
      const bool published = seed % 2 == 0;
      const StreamShape shape = shape_of(seed);
      const std::vector<StreamEvent> stream = make_stream(shape);
      std::vector<double> score, product;
      const StreamEvent *query = nullptr, *value = nullptr;
      for (const StreamEvent& event : stream) {
        if (event.kind == kQueryRead) query = &event;
        if (event.kind == kValueRead) value = &event;
        for (std::uint32_t row = 0; row < event.tile.rows; ++row) {
          if (event.kind == kKeyRead)
            score.push_back(variance_scale(
                Spread<double>::of(&query->values[row], query->stride, shape.head_dim),
                reference(event.values.data(), event.stride, 1, shape.head_dim, event.tile.cols),
                event.tile.cols, kVarianceFactor));
          if (event.kind == kProbabilities)
            product.push_back(variance_scale(
                Spread<double>::of(&event.values[row], event.stride, event.tile.cols),
                reference(value->values.data(), value->stride, 1, event.tile.cols, shape.head_dim),
                shape.head_dim, kVarianceFactor));
        }
      }
      const auto checker =
          make_checker({"guard", variance_config(sums, published ? ThresholdRule::variance_published
                                                                 : ThresholdRule::variance)},
                       shape.dimensions());
      std::size_t next[2] = {0, 0};
      for (const Check& check : run_checker(stream, *checker).checks) {
        const std::vector<double>& scales = check.comparison == 0 ? score : product;
        const double scale = scales.at(next[check.comparison]++);
        EXPECT_NEAR(check.scale, scale, 1e-9 * scale);
        const std::uint32_t inner = check.comparison == 0 ? shape.head_dim : shape.cols;
        const double roundings = rounding_deviation(
            check.comparison == 0 ? score_counts(shape.dimensions(), 1, 1)
                                  : output_counts(shape.dimensions(), false, 1, false, 1),
            0x1p-53);
        EXPECT_EQ(
            check.threshold,
            (variance_unit(inner) + (published ? 0 : kVarianceFactor * roundings)) * check.scale);
        EXPECT_FALSE(check.alarm) << check.residual << " > " << check.threshold;
      }
      EXPECT_EQ(next[0], score.size());
      EXPECT_EQ(next[1], product.size());
    }
}

TEST(MatmulAbft, VarianceRuleIsRefusedWhereItDoesNotApply) {
  MatmulAbftConfig config;
  EXPECT_FALSE(config.conflict());
  config.pv_threshold.rule = ThresholdRule::variance;
  EXPECT_FALSE(config.conflict());
  config.pv_check = PvCheck::carried;
  ASSERT_TRUE(config.conflict());
  EXPECT_EQ(config.conflict()->key, "pv_threshold/rule");
  config = {};
  config.format = CheckFormat::bfloat16;
  config.score_threshold.rule = ThresholdRule::variance;
  ASSERT_TRUE(config.conflict());
  EXPECT_EQ(config.conflict()->key, "score_threshold/rule");
  config.score_threshold.rule = ThresholdRule::variance_published;
  ASSERT_TRUE(config.conflict());
  EXPECT_EQ(config.conflict()->value, "\"variance_published\"");
}

}  // namespace
}  // namespace attnguard
