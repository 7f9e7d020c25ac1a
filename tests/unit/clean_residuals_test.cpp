// How large the residuals of clean data get: what the default thresholds of flash_abft stand on.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "models/checksum_unit/make_checker.h"
#include "models/checksum_unit/threshold.h"
#include "tests/unit/checker_stream.h"

namespace attnguard {
namespace {

/// Of all checks of a comparison.
struct Largest {
  std::size_t checks = 0;
  double residual = 0, of_scale = 0, of_bound = 0;
  void add(const Check& check) {
    ++checks;
    residual = std::max(residual, check.residual);
    of_scale = std::max(of_scale, check.residual / check.scale);
    of_bound = std::max(of_bound, check.residual / check.threshold);
  }
};

struct Residuals {
  Largest before, after, score;  ///< output before and after its rounding; scores

  void add(const std::vector<StreamEvent>& stream, const StreamShape& shape, CheckFormat format) {
    FlashAbftConfig config;
    config.format = format;
    config.threshold.rule = config.score_threshold.rule = ThresholdRule::bound;
    config.score_check = true;
    const auto of = [&] {
      return run_checker(stream, *make_checker({"guard", config}, shape.dimensions())).checks;
    };
    for (const Check& check : of()) (check.comparison == 0 ? before : score).add(check);
    config.score_check = false;
    config.point = CheckPoint::after_rounding;
    for (const Check& check : of()) after.add(check);
  }
};

StreamShape square_array(std::uint32_t head_dim, std::uint32_t queries, std::uint32_t keys) {
  StreamShape shape;
  shape.rows = shape.cols = 16;
  shape.heads = shape.kv_heads = 1;
  shape.head_dim = head_dim;
  shape.tokens_q = queries;
  shape.tokens_k = keys;
  return shape;
}

/// Every width, mask, spread and mean that docs/checkers.md names.
std::vector<StreamShape> every_kind(const std::vector<std::uint32_t>& lengths) {
  std::vector<StreamShape> shapes;
  for (const std::uint32_t head_dim : {64, 128, 256})
    for (const std::uint32_t keys : lengths)
      for (const bool causal : {false, true})
        for (const float mean : {0, 2, -5, 100})
          for (const std::uint32_t outliers : {0, 2, 3})
            for (const float scale : {1, 8}) {
              StreamShape shape = square_array(head_dim, causal ? std::min(keys, 40U) : 40, keys);
              shape.causal = causal;
              shape.value_mean = mean;
              shape.outlier_channels = outliers;
              shape.query_scale = shape.key_scale = scale;
              shape.seed = static_cast<std::uint32_t>(shapes.size() + 1);
              shapes.push_back(shape);
            }
  return shapes;
}

Residuals residuals(const std::vector<std::uint32_t>& lengths, CheckFormat format) {
  Residuals largest;
  for (const StreamShape& shape : every_kind(lengths))
    largest.add(make_stream(shape), shape, format);
  return largest;
}

/// As the page writes it.
std::string power_of_two(double value) {
  std::string text = "2";
  for (const char c : fmt::format("{:.1f}", std::log2(value)))
    text += c == '-'   ? "⁻"
            : c == '.' ? "·"
                       : std::vector{"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"}[c - '0'];
  return text;
}

// Lines that begin with | or > are those of docs/checkers.md (scripts/reproduce.py).
TEST(CleanResiduals, StayBelowTheDefaultThresholdsAndTheBound) {
  for (const auto& [format, name] : EnumNames<CheckFormat>::names) {
    const auto [before, after, score] = residuals({16, 17, 64, 250, 1000}, format);
    std::cout << fmt::format("| {} | {} | {} | {} |\n", name, power_of_two(before.of_scale),
                             power_of_two(after.of_scale), power_of_two(score.of_scale));
    if (format == CheckFormat::float32)
      std::cout << fmt::format("> ({} {:03} comparisons per line:\n", before.checks / 1000,
                               before.checks % 1000)
                << fmt::format("> V of mean 100 has clean float32 residuals of {:.2f}\n",
                               before.residual)
                << fmt::format("> {:.0f} % of the bound (float32) and {:.0f} % after rounding\n",
                               100 * before.of_bound, 100 * after.of_bound);
    const auto relative = [f = format](CheckPoint point) {
      return output_threshold_defaults(f, point, Format::bfloat16).relative;
    };
    EXPECT_LT(before.of_scale, relative(CheckPoint::before_rounding)) << name;
    EXPECT_LT(after.of_scale, relative(CheckPoint::after_rounding)) << name;
    EXPECT_LT(score.of_scale, score_threshold_defaults(format).relative) << name;
    for (const Largest& comparison : {before, after, score})
      EXPECT_LT(comparison.of_bound, 1) << name;
  }
}

// One product of outlier channels is most of the sum, and no other keys make up for its rounding.
TEST(CleanResiduals, OfScoresAreLargestOverFewKeys) {
  const Largest float32 = residuals({1, 3}, CheckFormat::float32).score,
                bfloat16 = residuals({1, 3}, CheckFormat::bfloat16).score;
  std::cout << fmt::format("> {} of the scale in float32 and {} in bfloat16\n",
                           power_of_two(float32.of_scale), power_of_two(bfloat16.of_scale));
  EXPECT_LT(float32.of_scale, score_threshold_defaults(CheckFormat::float32).relative);
  EXPECT_LT(float32.of_bound, 1);
  EXPECT_LT(bfloat16.of_bound, 1);
}

// A recurrence in bfloat16 stagnates, one in float32 does not.
TEST(CleanResiduals, OfFlatAttentionGrowWithTheKeysInBfloat16) {
  std::vector<std::string> at;  // float32 and bfloat16, by number of keys
  for (const std::uint32_t keys : {4096, 8192}) {
    Residuals float32, bfloat16;
    for (const float mean : {0, 2}) {
      StreamShape shape = square_array(64, 16, keys);
      shape.query_scale = 0x1p-6F;
      shape.value_mean = mean;
      const auto stream = make_stream(shape);
      float32.add(stream, shape, CheckFormat::float32);
      bfloat16.add(stream, shape, CheckFormat::bfloat16);
    }
    at.push_back(power_of_two(float32.before.of_scale));
    at.push_back(power_of_two(bfloat16.before.of_scale));
    EXPECT_LT(float32.before.of_scale, 0x1p-18);
    EXPECT_EQ(bfloat16.before.of_scale > 0x1p-2, keys == 8192);  // beyond its default
  }
  std::cout << fmt::format("> {} of the scale at 4 096 keys and {} at 8 192, where the default\n",
                           at[1], at[3])
            << fmt::format("> float32 has {} and {}\n", at[0], at[2]);
}

}  // namespace
}  // namespace attnguard
