// The checkers' loops against plain loops over the same scalar operations, bit for bit, on every
// SIMD target.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "models/checksum_unit/check_math.h"
#include "models/numerics/kernels.h"
#include "models/numerics/lane_tile.h"
#include "src/selftest/simd_targets.h"
#include "tests/support/float_samples.h"

namespace attnguard {
namespace {

template <class N>
class CheckMathTest : public ::testing::Test {
 protected:
  using Value = typename N::Value;
  using Values = AlignedVector<Value>;

  void choose_shape() {
    rows_ = samples_.integer(1, 40);
    columns_ = samples_.integer(1, 70);
    stride_ = lane_stride(std::max(rows_, columns_));
    in_.resize(stride_ * stride_);
    for (float& x : in_) x = samples_.normal(3);
  }
  Values numbers(std::size_t count) {
    Values values(count);
    for (Value& x : values) x = N::add(samples_.normal(2), Value{0});
    return values;
  }
  static void expect_same(const Values& actual, const Values& expected, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      ASSERT_EQ(std::memcmp(&actual[i], &expected[i], sizeof(Value)), 0)
          << i << ": " << actual[i] << " " << expected[i];
  }

  FloatSamples samples_{7};
  std::size_t rows_ = 0, columns_ = 0, stride_ = 0;
  std::vector<float> in_;
};

using Numbers = ::testing::Types<Float32Number, Float64Number, Bfloat16Number>;
TYPED_TEST_SUITE(CheckMathTest, Numbers);

TYPED_TEST(CheckMathTest, EveryLoopAscendsFromZeroInTheFormat) {
  using N = TypeParam;
  for_each_simd_target([this](const std::string& target) {
    SCOPED_TRACE(target);
    const CheckMath<N> math = check_math<N>();
    for (int repeat = 0; repeat < 60; ++repeat) {
      this->choose_shape();
      const std::size_t rows = this->rows_, columns = this->columns_, stride = this->stride_;
      const auto& in = this->in_;

      auto sum = this->numbers(stride), weight = this->numbers(stride);
      auto expected_sum = sum, expected_weight = weight;
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < columns; ++c) {
          expected_sum[r] = N::add(expected_sum[r], in[r * stride + c]);
          expected_weight[r] = N::add(expected_weight[r], std::fabs(in[r * stride + c]));
        }
      }
      auto sum_alone = sum;
      math.sum_rows(in.data(), stride, rows, columns, sum.data(), weight.data());
      math.sum_rows(in.data(), stride, rows, columns, sum_alone.data(), nullptr);
      this->expect_same(sum, expected_sum, stride);
      this->expect_same(sum_alone, expected_sum, stride);
      this->expect_same(weight, expected_weight, stride);

      const auto factor = this->numbers(columns), weight_factor = this->numbers(columns);
      for (const bool magnitude : {false, true}) {
        auto dot = this->numbers(stride), dot_weight = this->numbers(stride),
             columns_sum = this->numbers(stride);
        auto expected_dot = dot, expected_dot_weight = dot_weight,
             expected_columns_sum = columns_sum;
        for (std::size_t r = 0; r < rows; ++r) {
          expected_dot[r] = expected_dot_weight[r] = expected_columns_sum[r] = 0;
          for (std::size_t c = 0; c < columns; ++c) {
            const float x = in[c * stride + r];
            expected_columns_sum[r] = N::add(expected_columns_sum[r], x);
            expected_dot[r] = N::add(expected_dot[r], N::mul(x, factor[c]));
            expected_dot_weight[r] = N::add(expected_dot_weight[r],
                                            N::mul(magnitude ? std::fabs(x) : x, weight_factor[c]));
          }
        }
        math.sum_columns(in.data(), stride, columns, rows, columns_sum.data());
        math.dot_columns(in.data(), stride, columns, rows, factor.data(), weight_factor.data(),
                         magnitude, dot.data(), dot_weight.data());
        this->expect_same(columns_sum, expected_columns_sum, rows);
        this->expect_same(dot, expected_dot, rows);
        this->expect_same(dot_weight, expected_dot_weight, rows);
        math.dot_columns(in.data(), stride, columns, rows, factor.data(), nullptr, magnitude,
                         dot.data(), nullptr);
        this->expect_same(dot, expected_dot, rows);
      }

      auto carried = this->numbers(stride);
      const auto term = this->numbers(stride);
      auto expected_carried = carried;
      for (std::size_t r = 0; r < rows; ++r)
        expected_carried[r] = N::add(N::mul(carried[r], in[r]), term[r]);
      math.rescale(carried.data(), in.data(), term.data(), rows);
      this->expect_same(carried, expected_carried, rows);
    }
  });
}

TEST(CheckMath, NarrowFormatRoundsEveryOperation) {
  EXPECT_EQ(Bfloat16Number::add(1.0F, 0x1p-9F), 1.0F);
  EXPECT_EQ(Bfloat16Number::mul(1.0F + 0x1p-7F, 1.0F + 0x1p-7F), 1.0F + 0x1p-6F);
  EXPECT_EQ(Bfloat16Number::div(1.0F, 3.0F), 0.333984375F);
}

}  // namespace
}  // namespace attnguard
