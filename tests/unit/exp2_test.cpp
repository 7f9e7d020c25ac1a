// exp2 against the double-precision library function.
#include "models/numerics/exp2.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/support/float_samples.h"

namespace attnguard {
namespace {

constexpr Exp2Kind kKinds[] = {Exp2Kind::polynomial, Exp2Kind::piecewise_linear};

double relative_error(Exp2Kind kind, float x) {
  return std::fabs(exp2_scalar(kind, x) / std::exp2(static_cast<double>(x)) - 1);
}

/// Largest relative error over a grid of fractions, over the whole range and over small negative
/// arguments.
double largest_error(Exp2Kind kind) {
  double largest = 0;
  for (int i = 0; i < 1 << 20; ++i)
    largest = std::max(largest, relative_error(kind, static_cast<float>(i) * 0x1p-20f));
  for (float x = -126; x < 128; x += 0x1.3p-12f)
    largest = std::max(largest, relative_error(kind, x));
  for (float x = -100; x < -1e-30f; x *= 0.9999f)
    largest = std::max(largest, relative_error(kind, x));
  return largest;
}

TEST(Exp2, PolynomialErrorIsBelowTwoToMinus22) {
  const double error = largest_error(Exp2Kind::polynomial);
  EXPECT_LT(error, 0x1p-22);
  EXPECT_NEAR(error, 1.06e-7, 0.05e-7);  // the figure of docs/arithmetic.md
}

TEST(Exp2, ChordErrorIsTheDocumentedOne) {
  EXPECT_NEAR(largest_error(Exp2Kind::piecewise_linear), 9.39e-4, 0.01e-4);
}

TEST(Exp2, IntegersAreExact) {
  for (const Exp2Kind kind : kKinds) {
    for (int n = -126; n < 128; ++n)
      EXPECT_EQ(exp2_scalar(kind, static_cast<float>(n)), std::ldexp(1.0f, n));
  }
}

TEST(Exp2, ChordsMeetTheCurveAtEighths) {
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(exp2_scalar(Exp2Kind::piecewise_linear, static_cast<float>(i) / 8),
              static_cast<float>(std::exp2(i / 8.0)));
  }
}

TEST(Exp2, ChordsAreStraightWithinASegment) {
  for (int i = 0; i < 8; ++i) {
    const double left = std::exp2(i / 8.0), right = std::exp2((i + 1) / 8.0);
    EXPECT_NEAR(exp2_scalar(Exp2Kind::piecewise_linear, static_cast<float>(i) / 8 + 0.03125f),
                left + (right - left) / 4, 2e-7);
  }
}

TEST(Exp2, NeverDecreases) {
  for (const Exp2Kind kind : kKinds) {
    float previous = 0;
    for (int i = -(1 << 20); i <= 1 << 20; ++i) {
      const float y = exp2_scalar(kind, static_cast<float>(i) * 0x1p-19f);
      ASSERT_GE(y, previous) << i;
      previous = y;
    }
  }
}

TEST(Exp2, NegativeArgumentsNeverExceedOne) {
  for (const Exp2Kind kind : kKinds) {
    for (float x = -1; x < -0x1p-140f; x *= 0.999f) ASSERT_LE(exp2_scalar(kind, x), 1.0f) << x;
    EXPECT_EQ(exp2_scalar(kind, -std::numeric_limits<float>::denorm_min()), 1.0f);
  }
}

TEST(Exp2, Specials) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Exp2Kind kind : kKinds) {
    EXPECT_EQ(exp2_scalar(kind, 0.0f), 1.0f);
    EXPECT_EQ(exp2_scalar(kind, -0.0f), 1.0f);
    EXPECT_EQ(bits_of_float(exp2_scalar(kind, -126.0f)), 0x00800000u);
    for (const float x : {std::nextafter(-126.0f, -127.0f), -127.0f, -1e30f, -infinity}) {
      EXPECT_EQ(bits_of_float(exp2_scalar(kind, x)), 0u) << x;
    }
    EXPECT_LT(exp2_scalar(kind, std::nextafter(128.0f, 0.0f)), infinity);
    for (const float x : {128.0f, 129.5f, 1e30f, infinity})
      EXPECT_EQ(exp2_scalar(kind, x), infinity) << x;
    for (const std::uint32_t nan : {0x7fc00000u, 0xffc00000u, 0x7f800001u, 0xffffffffu}) {
      EXPECT_EQ(bits_of_float(exp2_scalar(kind, float_of(nan))), 0x7fc00000u);
    }
  }
}

}  // namespace
}  // namespace attnguard
