// Number formats of the datapath: the only conversions in the project.
//
// A register holds raw bits; arithmetic happens on float32 values (checkers may use float64).
// Rounding is to nearest, ties to even; denormals are kept; NaN is canonical: positive, quiet,
// payload zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace attnguard {

/// What the bits of a register mean. `flag` is a single control bit; `low_half` the lower 16 bits
/// of a float32, all mantissa (the other half has the fields of bfloat16). `int8` and `int32` are
/// two's complement. An int8 is the float32 of its value wherever values are kept; an int32, which
/// float32 cannot hold, is there by its bits (a float32 with the same 32 bits, never calculated
/// with).
enum class Format : std::uint8_t {
  bfloat16,
  float16,
  float32,
  float64,
  flag,
  low_half,
  int8,
  int32
};

/// Width of one value in bits: 16, 16, 32, 64, 1, 16, 8, 32.
constexpr unsigned bits_of(Format format) {
  switch (format) {
    case Format::bfloat16:
    case Format::float16:
    case Format::low_half:
      return 16;
    case Format::float32:
    case Format::int32:
      return 32;
    case Format::int8:
      return 8;
    case Format::float64:
      return 64;
    case Format::flag:
      return 1;
  }
  return 0;
}
constexpr unsigned bytes_of(Format format) { return (bits_of(format) + 7) / 8; }

/// Format of the accumulators for operands of these formats: int32 if both are int8, else float32.
/// Throws std::invalid_argument when only one is int8.
Format sum_format_of(Format west, Format north);

/// The part of a value a bit belongs to; `control` for flags. An integer has a sign and, below it,
/// mantissa bits only.
enum class BitField : std::uint8_t { sign, exponent, mantissa, control };
BitField bit_field(Format format, unsigned bit);

/// Raw bits of `value` in `format` (bfloat16, float16, float32, int8 or int32), rounded; NaN
/// becomes canonical. Beyond its range an int8 is −128 or 127, of a NaN 0; an int32 passes as it
/// is.
std::uint32_t encode(Format format, float value);
/// The value of raw bits in `format`; exact. NaN becomes canonical, bits of an int32 stay.
float decode(Format format, std::uint32_t raw);
/// The number that raw bits in `format` stand for; of an int32 too, which no float32 holds.
inline double number_of(Format format, std::uint32_t raw) {
  return format == Format::int32 ? static_cast<std::int32_t>(raw) : double{decode(format, raw)};
}
/// decode(encode(value)).
float round_to(Format format, float value);
/// Positive quiet NaN with zero payload for any NaN, the value itself otherwise.
inline float canonical(float value) {
  return value != value ? std::numeric_limits<float>::quiet_NaN() : value;
}
inline double canonical(double value) {
  return value != value ? std::numeric_limits<double>::quiet_NaN() : value;
}

/// Bulk forms over `count` values; `raw` holds bytes_of(format) bytes per value, little-endian.
void encode_values(Format format, const float* values, std::byte* raw, std::size_t count);
void decode_values(Format format, const std::byte* raw, float* values, std::size_t count);
/// In place.
void round_values(Format format, float* values, std::size_t count);

}  // namespace attnguard
