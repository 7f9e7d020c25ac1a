// The Verilog's arithmetic against the processor's and against models/numerics.
#include <Vfloat32_bench.h>
#include <gtest/gtest.h>
#include <verilated.h>

#include <cmath>

#include "models/numerics/exp2.h"
#include "models/numerics/format.h"
#include "tests/support/float_samples.h"

namespace attnguard {
namespace {

enum Operation : std::uint8_t { add, mul, div, greater, bfloat16, polynomial, chords };

class Bench {
 public:
  std::uint32_t operator()(Operation operation, float a, float b = 0) {
    model_.operation = operation;
    model_.a = bits_of_float(a);
    model_.b = bits_of_float(b);
    model_.eval();
    return model_.result;
  }

 private:
  VerilatedContext context_;
  Vfloat32_bench model_{&context_};
};

/// NaN is canonical.
std::uint32_t bits(float value) { return std::isnan(value) ? 0x7fc00000 : bits_of_float(value); }

TEST(RtlFloat32, AddMultiplyDivideAndCompareRoundAsIeee754Says) {
  Bench bench;
  FloatSamples samples(11);
  const auto operand = [&] {
    return samples.integer(0, 1) == 0 ? samples.any() : samples.with_specials(4.0F, 4);
  };
  for (int n = 0; n < 500000; ++n) {
    const float a = operand();
    float b = operand();
    // Close to a: cancellation, ties, quotients next to 1.
    if (n % 4 == 0)
      b = float_of(bits_of_float(a) ^ static_cast<std::uint32_t>(samples.integer(0, 511)));
    if (n % 8 == 0) b = -b;
    ASSERT_EQ(bench(add, a, b), bits(a + b)) << std::hexfloat << a << ' ' << b;
    ASSERT_EQ(bench(mul, a, b), bits(a * b)) << std::hexfloat << a << ' ' << b;
    ASSERT_EQ(bench(div, a, b), bits(a / b)) << std::hexfloat << a << ' ' << b;
    ASSERT_EQ(bench(greater, a, b), a > b ? 1U : 0U) << std::hexfloat << a << ' ' << b;
  }
}

// Products and quotients among the denormals and at both ends of the range.
TEST(RtlFloat32, ResultsUnderflowGraduallyAndOverflowToInfinity) {
  Bench bench;
  FloatSamples samples(12);
  for (int n = 0; n < 500000; ++n) {
    const float a = samples.normal(1.0F);
    const float small = std::ldexp(a, -static_cast<int>(samples.integer(60, 90)));
    const float other =
        std::ldexp(samples.normal(1.0F), -static_cast<int>(samples.integer(60, 90)));
    const float denormal = std::ldexp(a, -static_cast<int>(samples.integer(120, 150)));
    ASSERT_EQ(bench(mul, small, other), bits(small * other))
        << std::hexfloat << small << ' ' << other;
    ASSERT_EQ(bench(div, denormal, other), bits(denormal / other))
        << std::hexfloat << denormal << ' ' << other;
    ASSERT_EQ(bench(div, small, 1 / other), bits(small / (1 / other)))
        << std::hexfloat << small << ' ' << other;
    ASSERT_EQ(bench(mul, 1 / small, 1 / other), bits(1 / small * (1 / other)))
        << std::hexfloat << small << ' ' << other;
    ASSERT_EQ(bench(add, denormal, small), bits(denormal + small))
        << std::hexfloat << denormal << ' ' << small;
  }
}

TEST(RtlFloat32, RoundingToBfloat16AndPowersOfTwoAreThoseOfTheSimulator) {
  Bench bench;
  FloatSamples samples(13);
  for (int n = 0; n < 1000000; ++n) {
    const float any = n % 2 == 0 ? samples.any() : samples.with_specials(1.0F, 8);
    ASSERT_EQ(bench(bfloat16, any), encode(Format::bfloat16, any)) << std::hexfloat << any;
    float x = n % 4 == 0 ? any : samples.normal(n % 4 == 1 ? 0.01F : 60.0F);
    if (n % 16 == 1) x = std::round(8 * x) / 8;  // knots and integers
    ASSERT_EQ(bench(polynomial, x), bits(exp2_scalar(Exp2Kind::polynomial, x)))
        << std::hexfloat << x;
    ASSERT_EQ(bench(chords, x), bits(exp2_scalar(Exp2Kind::piecewise_linear, x)))
        << std::hexfloat << x;
  }
}

}  // namespace
}  // namespace attnguard
