// Number formats against rounding done in double precision.
#include "models/numerics/format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "src/selftest/simd_targets.h"
#include "tests/support/float_samples.h"

namespace attnguard {
namespace {

constexpr Format kFloats[] = {Format::bfloat16, Format::float16, Format::float32};
constexpr Format kStored[] = {Format::bfloat16, Format::float16, Format::float32, Format::int8,
                              Format::int32};

/// Nearest value with `digits` significant bits and exponents from `low`, by nearbyint (ties to
/// even).
double rounded(double value, int digits, int low, double largest) {
  if (value == 0 || !std::isfinite(value)) return value;
  const int exponent = std::max(std::ilogb(value), low) - (digits - 1);
  const double nearest = std::ldexp(std::nearbyint(std::ldexp(value, -exponent)), exponent);
  return std::fabs(nearest) > largest
             ? std::copysign(std::numeric_limits<double>::infinity(), value)
             : nearest;
}

double rounded(Format format, float value) {
  if (format == Format::bfloat16) return rounded(value, 8, -126, 0x1.fep127);
  if (format == Format::float16) return rounded(value, 11, -14, 65504.0);
  return value;
}

void expect_nearest(Format format, float value) {
  const float result = round_to(format, value);
  if (value != value) {
    EXPECT_EQ(bits_of_float(result), 0x7fc00000u);
  } else {
    EXPECT_EQ(static_cast<double>(result), rounded(format, value)) << value;
    EXPECT_EQ(std::signbit(result), std::signbit(value)) << value;
  }
}

TEST(Format, RoundsToTheNearestValueTiesToEven) {
  FloatSamples samples(1);
  for (const Format format : kFloats) {
    for (int i = 0; i < 200000; ++i) expect_nearest(format, samples.any());
    for (int i = 0; i < 200000; ++i) expect_nearest(format, samples.normal(1e-5f));
    for (int i = 0; i < 20000; ++i) expect_nearest(format, samples.with_specials(3e4f, 2));
  }
}

TEST(Format, TiesAndTheEdgesOfTheRange) {
  EXPECT_EQ(encode(Format::bfloat16, float_of(0x3f808000)), 0x3f80u);  // tie, even below
  EXPECT_EQ(encode(Format::bfloat16, float_of(0x3f818000)), 0x3f82u);  // tie, even above
  EXPECT_EQ(encode(Format::bfloat16, float_of(0x7f7f8000)), 0x7f80u);  // largest tie: infinity
  EXPECT_EQ(encode(Format::float16, 65519.996f), 0x7bffu);
  EXPECT_EQ(encode(Format::float16, 65520.0f), 0x7c00u);
  EXPECT_EQ(encode(Format::float16, 0x1p-25f), 0x0000u);  // half the smallest denormal: even is 0
  EXPECT_EQ(encode(Format::float16, -0x1.8p-24f), 0x8002u);
  EXPECT_EQ(encode(Format::float16, 0x1.ff8p-15f), 0x03ffu);
  EXPECT_EQ(encode(Format::float16, 0x1.ffcp-15f),
            0x0400u);  // tie, even above: the first normal number
}

TEST(Format, EverySixteenBitPatternSurvivesTheRoundTrip) {
  for (const Format format : {Format::bfloat16, Format::float16}) {
    const std::uint32_t canonical_nan = format == Format::bfloat16 ? 0x7fc0 : 0x7e00;
    for (std::uint32_t raw = 0; raw < 0x10000; ++raw) {
      const float value = decode(format, raw);
      EXPECT_EQ(encode(format, value), value != value ? canonical_nan : raw);
    }
  }
}

TEST(Format, Float16DecodesToTheDefinition) {
  for (std::uint32_t raw = 0; raw < 0x7c00; ++raw) {
    const int exponent = static_cast<int>(raw >> 10), mantissa = static_cast<int>(raw & 0x3ff);
    const double value =
        exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    EXPECT_EQ(decode(Format::float16, raw), value);
    EXPECT_EQ(decode(Format::float16, raw | 0x8000), -value);
  }
  EXPECT_TRUE(std::isinf(decode(Format::float16, 0x7c00)));
}

TEST(Format, NanIsCanonical) {
  for (const std::uint32_t bits : {0x7f800001u, 0xffc12345u, 0x7fffffffu}) {
    EXPECT_EQ(encode(Format::bfloat16, float_of(bits)), 0x7fc0u);
    EXPECT_EQ(encode(Format::float16, float_of(bits)), 0x7e00u);
    EXPECT_EQ(encode(Format::float32, float_of(bits)), 0x7fc00000u);
    EXPECT_EQ(bits_of_float(decode(Format::float32, bits)), 0x7fc00000u);
    EXPECT_EQ(bits_of_float(canonical(float_of(bits))), 0x7fc00000u);
  }
  const double nan = canonical(-std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(std::isnan(nan) && !std::signbit(nan));
}

TEST(Format, BulkFormsEqualTheScalarOnesOnEveryTarget) {
  for_each_simd_target([](const std::string& target) {
    SCOPED_TRACE(target);
    FloatSamples samples(2);
    for (const Format format : kStored) {
      for (std::size_t count = 0; count < 70; ++count) {
        std::vector<float> values(count + 1);
        for (float& value : values) value = samples.with_specials(1.0f, 3);
        std::vector<float> decoded = values, in_place = values;
        std::vector<std::byte> raw((count + 1) * bytes_of(format), std::byte{0x5a});
        encode_values(format, values.data(), raw.data(), count);
        decode_values(format, raw.data(), decoded.data(), count);
        round_values(format, in_place.data(), count);
        for (std::size_t i = 0; i < count; ++i) {
          std::uint32_t stored = 0;
          std::memcpy(&stored, raw.data() + i * bytes_of(format), bytes_of(format));
          EXPECT_EQ(stored, encode(format, values[i]));
          EXPECT_EQ(bits_of_float(decoded[i]), bits_of_float(round_to(format, values[i])));
          EXPECT_EQ(bits_of_float(in_place[i]), bits_of_float(round_to(format, values[i])));
        }
        EXPECT_EQ(raw[count * bytes_of(format)], std::byte{0x5a});
        EXPECT_EQ(bits_of_float(decoded[count]), bits_of_float(values[count]));
        EXPECT_EQ(bits_of_float(in_place[count]), bits_of_float(values[count]));
      }
    }
  });
}

TEST(Format, Int8RoundsTiesToEvenAndStopsAtTheEndsOfItsRange) {
  for (std::uint32_t raw = 0; raw < 256; ++raw) {
    const float value = static_cast<float>(static_cast<std::int8_t>(raw));
    EXPECT_EQ(decode(Format::int8, raw), value);
    EXPECT_EQ(encode(Format::int8, value), raw);
  }
  const std::pair<float, int> rounded[] = {{0.5f, 0},       {1.5f, 2},         {2.5f, 2},
                                           {-0.5f, 0},      {-2.5f, -2},       {126.6f, 127},
                                           {127.5f, 127},   {3e38f, 127},      {INFINITY, 127},
                                           {-128.4f, -128}, {-INFINITY, -128}, {-1e-40f, 0}};
  for (const auto& [value, expected] : rounded)
    EXPECT_EQ(decode(Format::int8, encode(Format::int8, value)), expected) << value;
  EXPECT_EQ(encode(Format::int8, NAN), 0u);
  EXPECT_EQ(bits_of_float(round_to(Format::int8, -0.25f)), 0u) << "an integer has one zero";
}

TEST(Format, Int32BitsPassAsTheyAre) {
  for (const std::uint32_t raw : {0u, 1u, 0x80000000u, 0xffffffffu, 0x7f800001u, 0xffc12345u}) {
    EXPECT_EQ(bits_of_float(decode(Format::int32, raw)), raw);
    EXPECT_EQ(encode(Format::int32, float_of(raw)), raw);
    EXPECT_EQ(bits_of_float(round_to(Format::int32, float_of(raw))), raw);
  }
}

TEST(Format, SumsOfInt8AreInt32AndOthersFloat32) {
  EXPECT_EQ(sum_format_of(Format::int8, Format::int8), Format::int32);
  EXPECT_EQ(sum_format_of(Format::bfloat16, Format::float16), Format::float32);
  EXPECT_THROW(sum_format_of(Format::int8, Format::bfloat16), std::invalid_argument);
  EXPECT_THROW(sum_format_of(Format::float32, Format::int8), std::invalid_argument);
}

TEST(Format, BitFieldsFollowTheLayout) {
  struct Layout {
    Format format;
    unsigned mantissa, exponent;
  };
  for (const Layout layout : {Layout{Format::bfloat16, 7, 8}, Layout{Format::float16, 10, 5},
                              Layout{Format::float32, 23, 8}, Layout{Format::float64, 52, 11},
                              Layout{Format::int8, 7, 0}, Layout{Format::int32, 31, 0}}) {
    for (unsigned bit = 0; bit < bits_of(layout.format); ++bit) {
      const BitField expected = bit < layout.mantissa                     ? BitField::mantissa
                                : bit < layout.mantissa + layout.exponent ? BitField::exponent
                                                                          : BitField::sign;
      EXPECT_EQ(bit_field(layout.format, bit), expected);
    }
    EXPECT_EQ(bits_of(layout.format), layout.mantissa + layout.exponent + 1);
    EXPECT_THROW(bit_field(layout.format, bits_of(layout.format)), std::out_of_range);
  }
  EXPECT_EQ(bit_field(Format::flag, 0), BitField::control);
  for (unsigned bit = 0; bit < 16; ++bit)
    EXPECT_EQ(bit_field(Format::low_half, bit), BitField::mantissa);
}

TEST(Format, OnlyStoredFormatsConvert) {
  EXPECT_THROW(encode(Format::flag, 1.0f), std::invalid_argument);
  EXPECT_THROW(decode(Format::float64, 0), std::invalid_argument);
  EXPECT_THROW(round_to(Format::low_half, 1.0f), std::invalid_argument);
}

}  // namespace
}  // namespace attnguard
