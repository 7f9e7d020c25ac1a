// Tile kernels against plain scalar loops, bit for bit, on every SIMD target.
#include "models/numerics/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "src/selftest/simd_targets.h"
#include "src/selftest/tile_step.h"
#include "tests/support/float_samples.h"

namespace attnguard {
namespace {

/// The contract, one lane at a time. exp2 itself is checked against the library function in
/// exp2_test.
void run_reference(TileStep& t) {
  const std::size_t s = t.stride();
  for (std::size_t lane = 0; lane < t.rows; ++lane) {
    for (std::size_t n = 0; n < t.cols; ++n) {
      float sum = 0;
      for (std::size_t k = 0; k < t.depth; ++k)
        sum = sum + t.west[k * s + lane] * t.north[k * t.north_stride + n];
      t.score[n * s + lane] = canonical(sum);
    }
    float max = t.max_old[lane];
    for (std::size_t j = 0; j < t.cols; ++j) {
      const float x = t.score[j * s + lane] * t.scale;
      if (static_cast<std::int32_t>(j) < t.visible[lane] && x > max) max = x;
    }
    t.max_new[lane] = canonical(max);
    t.alpha[lane] = t.first ? 0.0f : exp2_scalar(t.exp2, t.max_old[lane] - t.max_new[lane]);
    float tile_sum = 0;
    for (std::size_t j = 0; j < t.cols; ++j) {
      const float power = exp2_scalar(t.exp2, t.score[j * s + lane] * t.scale - t.max_new[lane]);
      const bool seen = static_cast<std::int32_t>(j) < t.visible[lane];
      t.p[j * s + lane] = seen ? round_to(t.probability, power) : 0.0f;
      tile_sum = tile_sum + t.p[j * s + lane];
    }
    t.sum[lane] = canonical(t.sum[lane] * t.alpha[lane] + tile_sum);
    t.reciprocal[lane] = canonical(1.0f / t.sum[lane]);
    for (std::size_t c = 0; c < t.depth; ++c) {
      float sum = 0;
      for (std::size_t j = 0; j < t.cols; ++j)
        sum = sum + t.p[j * s + lane] * t.values[j * t.depth + c];
      t.partial[c * s + lane] = canonical(sum);
      float& acc = t.acc[c * s + lane];
      acc = canonical(acc * t.alpha[lane] + t.partial[c * s + lane]);
      t.out[c * s + lane] = canonical(acc * t.reciprocal[lane]);
    }
  }
}

/// A random shape up to `largest` rows; one value in `period` is special (0: none).
TileStep random_step(FloatSamples& samples, std::size_t largest, std::size_t period) {
  TileStep t;
  t.rows = samples.integer(1, largest);
  t.cols = samples.integer(1, 40);
  t.depth = samples.integer(1, 70);
  t.north_stride = t.cols + samples.integer(0, 5);
  t.exp2 = samples.integer(0, 1) == 0 ? Exp2Kind::polynomial : Exp2Kind::piecewise_linear;
  t.probability = samples.integer(0, 1) == 0 ? Format::bfloat16 : Format::float32;
  t.first = samples.integer(0, 3) == 0;
  t.scale = scale_log2e(1.0f / std::sqrt(static_cast<float>(t.depth)));
  t.resize(-7.0f);
  const auto value = [&](float deviation) {
    return period == 0 ? samples.normal(deviation) : samples.with_specials(deviation, period);
  };
  for (float& x : t.west) x = value(1.0f);
  for (float& x : t.north) x = value(2.0f);
  for (float& x : t.values) x = value(1.0f);
  for (float& x : t.max_old) x = value(3.0f);
  for (float& x : t.acc) x = value(3.0f);
  for (float& x : t.sum) x = std::fabs(value(9.0f)) + 1;
  if (samples.integer(0, 1) == 0) {
    for (std::int32_t& limit : t.visible)
      limit = static_cast<std::int32_t>(samples.integer(0, t.cols));
  }
  return t;
}

void expect_same_bits(const TileStep& actual, const TileStep& expected, std::size_t first_lane,
                      std::size_t lanes) {
  for (std::size_t output = 0; output < actual.outputs().size(); ++output) {
    const LaneTile& a = *actual.outputs()[output];
    const LaneTile& e = *expected.outputs()[output];
    ASSERT_EQ(a.size(), e.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      const std::size_t lane = i % actual.stride();
      if (lane < first_lane || lane >= first_lane + lanes) continue;
      ASSERT_EQ(bits_of_float(a[i]), bits_of_float(e[i]))
          << "output " << output << " element " << i;
    }
  }
}

void expect_scalar_bits(std::uint32_t seed, std::size_t period) {
  for_each_simd_target([=](const std::string& target) {
    SCOPED_TRACE(target);
    FloatSamples samples(seed);
    for (int trial = 0; trial < 150; ++trial) {
      TileStep expected = random_step(samples, trial % 8 == 0 ? 128 : 40, period);
      TileStep actual = expected;
      run_reference(expected);
      actual.run(0, actual.rows);
      expect_same_bits(actual, expected, 0, actual.rows);
    }
  });
}

TEST(Kernels, EqualScalarLoopsBitForBit) { expect_scalar_bits(1, 0); }

TEST(Kernels, EqualScalarLoopsOnNanInfinityDenormalsAndOverflow) {
  expect_scalar_bits(2, 500);
  expect_scalar_bits(3, 20);
}

TEST(Kernels, ASubRangeOfLanesGivesTheSameBitsAndTouchesNothingElse) {
  for_each_simd_target([](const std::string& target) {
    SCOPED_TRACE(target);
    FloatSamples samples(4);
    for (int trial = 0; trial < 100; ++trial) {
      const TileStep start = random_step(samples, 48, 200);
      TileStep whole = start, part = start;
      whole.run(0, whole.stride());
      const std::size_t first_lane = samples.integer(0, start.stride() - 1);
      const std::size_t lanes = samples.integer(1, start.stride() - first_lane);
      part.run(first_lane, lanes);
      expect_same_bits(part, start, 0, first_lane);
      expect_same_bits(part, whole, first_lane, lanes);
      expect_same_bits(part, start, first_lane + lanes, start.stride());
    }
  });
}

TEST(Kernels, RowsAreTransposedWhateverTheirNumber) {
  for_each_simd_target([](const std::string& target) {
    SCOPED_TRACE(target);
    FloatSamples samples(5);
    for (std::size_t rows = 1; rows <= 40; ++rows)
      for (const std::size_t count : {1, 3, 4, 6, 33}) {
        const std::size_t stride = lane_stride(rows);
        std::vector<std::vector<float>> values(rows);
        std::vector<const float*> pointers;
        for (std::vector<float>& row : values) {
          for (std::size_t c = 0; c < count; ++c) row.push_back(samples.normal(1));
          pointers.push_back(row.data());
        }
        LaneTile lanes(count * stride, 7.0F);
        rows_to_lanes(pointers.data(), rows, lanes.data(), count, stride);
        for (std::size_t c = 0; c < count; ++c)
          for (std::size_t lane = 0; lane < stride; ++lane)
            ASSERT_EQ(lanes[c * stride + lane], lane < rows ? values[lane][c] : 7.0F)
                << rows << " rows, " << count << " columns";
      }
  });
}

TEST(Kernels, ErrorsOfLanesAreThoseOfTheirRows) {
  for_each_simd_target([](const std::string& target) {
    SCOPED_TRACE(target);
    FloatSamples samples(6);
    for (int trial = 0; trial < 200; ++trial) {
      const std::size_t cols = samples.integer(1, 40), stride = 16 * samples.integer(1, 3);
      LaneTile golden(cols * stride), values;
      for (float& value : golden) value = canonical(samples.with_specials(1, 30));
      values = golden;
      for (float& value : values)
        if (samples.integer(0, 3) == 0) value = canonical(samples.with_specials(1, 30));
      std::vector<RowErrors> errors(stride);
      lane_errors(golden.data(), values.data(), cols, stride, errors.data());
      for (std::size_t lane = 0; lane < stride; ++lane) {
        std::vector<float> g, v;
        for (std::size_t c = 0; c < cols; ++c) {
          g.push_back(golden[c * stride + lane]);
          v.push_back(values[c * stride + lane]);
        }
        const RowErrors row = row_errors(g.data(), v.data(), cols);
        ASSERT_EQ(errors[lane].changed, row.changed);
        ASSERT_EQ(errors[lane].first, row.first);
        ASSERT_EQ(errors[lane].nonfinite, row.nonfinite);
        ASSERT_EQ(errors[lane].largest, row.largest);
      }
    }
  });
}

TEST(Kernels, Float16ProbabilitiesAreRounded) {
  TileStep t;
  t.rows = 3, t.cols = 5, t.depth = 4, t.north_stride = 5;
  t.probability = Format::float16;
  t.resize(0);
  FloatSamples samples(5);
  for (LaneTile* tile : {&t.west, &t.max_old})
    for (float& x : *tile) x = samples.normal(1);
  for (float& x : t.north) x = samples.normal(1);
  TileStep expected = t;
  run_reference(expected);
  t.run(0, t.rows);
  expect_same_bits(t, expected, 0, t.rows);
}

TEST(Kernels, MaximumIgnoresNanScoresAndKeepsANanMaximum) {
  LaneTile score = {float_of(0x7fc00000), -2.0f, 5.0f};  // one lane, three columns, stride 1
  const std::int32_t visible = 2;
  float max_old = -INFINITY, max_new = 0;
  softmax_max(score.data(), &visible, 1.0f, &max_old, &max_new, 3, 1, 1);
  EXPECT_EQ(max_new, -2.0f);
  max_old = float_of(0xffc00001);
  softmax_max(score.data(), &visible, 1.0f, &max_old, &max_new, 3, 1, 1);
  EXPECT_EQ(bits_of_float(max_new), 0x7fc00000u);
}

TEST(Kernels, OfTwoZerosTheFirstStaysMaximum) {
  const float score = 0.0f, max_old = -0.0f;
  const std::int32_t visible = 1;
  float max_new = 1.0f;
  softmax_max(&score, &visible, 1.0f, &max_old, &max_new, 1, 1, 1);
  EXPECT_EQ(bits_of_float(max_new), 0x80000000u);
}

TEST(Kernels, SumsCarriedOnEqualOneLongerSum) {
  for_each_simd_target([](const std::string& target) {
    SCOPED_TRACE(target);
    FloatSamples samples(21);
    for (int round = 0; round < 200; ++round) {
      TileProduct whole;
      whole.lanes = samples.integer(1, 40);
      whole.cols = samples.integer(1, 40);
      whole.depth = samples.integer(2, 70);
      whole.west_stride = whole.lanes + samples.integer(0, 3);
      whole.north_stride = whole.cols + samples.integer(0, 3);
      const std::size_t stride = whole.lanes + samples.integer(0, 3);
      std::vector<float> west(whole.depth * whole.west_stride),
          north(whole.depth * whole.north_stride), sum(whole.cols * stride, 0.0f);
      for (float& x : west) x = samples.with_specials(1.0f, 50);
      for (float& x : north) x = samples.with_specials(1.0f, 50);
      whole.west = west.data();
      whole.north = north.data();
      std::vector<float> expected = sum;
      for (std::size_t n = 0; n < whole.cols; ++n)
        for (std::size_t lane = 0; lane < whole.lanes; ++lane) {
          float& value = expected[n * stride + lane];
          for (std::size_t k = 0; k < whole.depth; ++k)
            value = value + west[k * whole.west_stride + lane] * north[k * whole.north_stride + n];
          value = canonical(value);
        }
      TileProduct first = whole, rest = whole;
      first.depth = samples.integer(1, whole.depth - 1);
      rest.depth -= first.depth;
      rest.west += first.depth * whole.west_stride;
      rest.north += first.depth * whole.north_stride;
      matmul_onto(Format::float32, first, sum.data(), stride);
      matmul_onto(Format::float32, rest, sum.data(), stride);
      for (std::size_t i = 0; i < sum.size(); ++i)
        ASSERT_EQ(bits_of_float(sum[i]), bits_of_float(expected[i])) << i;
    }
  });
}

TEST(Kernels, Int8ProductsAreExactModuloTwoToThe32) {
  for_each_simd_target([](const std::string& target) {
    SCOPED_TRACE(target);
    FloatSamples samples(22);
    for (int round = 0; round < 60; ++round) {
      TileProduct product;
      product.lanes = samples.integer(1, 40);
      product.cols = samples.integer(1, 20);
      product.depth = samples.integer(1, 3000);
      product.west_stride = product.lanes;
      product.north_stride = product.cols;
      // Every fourth round at the ends of the range, where sums are as large as they get.
      const bool extreme = round % 4 == 0;
      const auto operand = [&] {
        return static_cast<float>(static_cast<int>(samples.integer(0, extreme ? 1 : 255)) - 128);
      };
      std::vector<float> west(product.depth * product.lanes), north(product.depth * product.cols),
          sum(product.cols * product.lanes);
      for (float& x : west) x = operand();
      for (float& x : north) x = operand();
      std::vector<std::int64_t> expected;
      for (float& x : sum) {
        x = float_of(static_cast<std::uint32_t>(samples.integer(0, 0xffffffffu)));
        expected.push_back(static_cast<std::int32_t>(bits_of_float(x)));
      }
      for (std::size_t n = 0; n < product.cols; ++n)
        for (std::size_t lane = 0; lane < product.lanes; ++lane)
          for (std::size_t k = 0; k < product.depth; ++k)
            expected[n * product.lanes + lane] +=
                static_cast<std::int64_t>(west[k * product.lanes + lane]) *
                static_cast<std::int64_t>(north[k * product.cols + n]);
      product.west = west.data();
      product.north = north.data();
      matmul_onto(Format::int32, product, sum.data(), product.lanes);
      for (std::size_t i = 0; i < sum.size(); ++i)
        ASSERT_EQ(bits_of_float(sum[i]),
                  static_cast<std::uint32_t>(static_cast<std::uint64_t>(expected[i])))
            << i;
    }
  });
  EXPECT_THROW(matmul_onto(Format::bfloat16, {}, nullptr, 0), std::invalid_argument);
}

TEST(Kernels, SumsStartFromPlusZero) {
  const float west = -1.0f, north = 0.0f;
  float out = 1.0f;
  matmul_tile(&west, &north, &out, 1, 1, 1, 1, 1);  // +0 + (−0) = +0
  EXPECT_EQ(bits_of_float(out), 0u);
  matmul_tile(&west, &north, &out, 0, 1, 1, 1, 1);
  EXPECT_EQ(bits_of_float(out), 0u);
}

TEST(Kernels, ProductsAreRoundedBeforeTheyAreAdded) {
  const float x = 1.0f + 0x1p-12f;  // x² = 1 + 2^-11 + 2^-24, a tie that rounds to 1 + 2^-11
  const float west[] = {x, x}, north[] = {-x, x};
  float out = 1.0f;
  matmul_tile(west, north, &out, 2, 1, 1, 1, 1);
  EXPECT_EQ(out, 0.0f);  // a fused multiply-add would leave 2^-24
}

}  // namespace
}  // namespace attnguard
