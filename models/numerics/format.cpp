// Number formats: scalar conversions, and bulk forms vectorised for bfloat16.
#include "models/numerics/format.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/numerics/format.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "models/numerics/float-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attnguard {
namespace HWY_NAMESPACE {

void encode_bfloat16(const float* values, std::uint16_t* raw, std::size_t count) {
  for_lane_groups(count, [=](auto d, std::size_t i) HWY_ATTR {
    const hn::RebindToSigned<decltype(d)> di;
    const hn::Rebind<std::uint16_t, decltype(d)> d16;
    const auto bits = bfloat16_bits(d, canonical_nan(d, hn::LoadU(d, values + i)));
    hn::StoreU(hn::DemoteTo(d16, hn::BitCast(di, hn::ShiftRight<16>(bits))), d16, raw + i);
  });
}

void decode_bfloat16(const std::uint16_t* raw, float* values, std::size_t count) {
  for_lane_groups(count, [=](auto d, std::size_t i) HWY_ATTR {
    const hn::RebindToUnsigned<decltype(d)> du;
    const hn::Rebind<std::uint16_t, decltype(d)> d16;
    const auto bits = hn::ShiftLeft<16>(hn::PromoteTo(du, hn::LoadU(d16, raw + i)));
    hn::StoreU(canonical_nan(d, hn::BitCast(d, bits)), d, values + i);
  });
}

void round_bfloat16(float* values, std::size_t count) {
  for_lane_groups(count, [=](auto d, std::size_t i) HWY_ATTR {
    hn::StoreU(round_to_bfloat16(d, canonical_nan(d, hn::LoadU(d, values + i))), d, values + i);
  });
}

void canonicalise(const float* values, float* out, std::size_t count) {
  for_lane_groups(count, [=](auto d, std::size_t i) HWY_ATTR {
    hn::StoreU(canonical_nan(d, hn::LoadU(d, values + i)), d, out + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace attnguard
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attnguard {
HWY_EXPORT(encode_bfloat16);
HWY_EXPORT(decode_bfloat16);
HWY_EXPORT(round_bfloat16);
HWY_EXPORT(canonicalise);

namespace {

template <class To, class From>
To bit_cast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

[[noreturn]] void no_such_conversion() {
  throw std::invalid_argument(
      "conversions exist for bfloat16, float16, float32, int8 and int32 only");
}

std::uint32_t encode_float16(std::uint32_t bits) {
  const std::uint32_t sign = bits >> 16 & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return 0x7e00u;
  if (magnitude >= 0x477ff000u) return sign | 0x7c00u;  // from 65520 on the nearest is infinity
  if (magnitude < 0x38800000u) {
    // Below 2^-14: adding 0.5 rounds to a multiple of 2^-24, the denormals' unit.
    return sign | (bit_cast<std::uint32_t>(bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u);
  }
  return sign | (magnitude - (112u << 23) + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
}

float decode_float16(std::uint32_t raw) {
  const std::uint32_t sign = (raw & 0x8000u) << 16;
  const std::uint32_t magnitude = raw & 0x7fffu;
  if (magnitude > 0x7c00u) return bit_cast<float>(0x7fc00000u);
  if (magnitude == 0x7c00u) return bit_cast<float>(sign | 0x7f800000u);
  if (magnitude < 0x0400u) {
    const float value = static_cast<float>(magnitude) * 0x1p-24f;
    return sign != 0 ? -value : value;
  }
  return bit_cast<float>(sign | ((magnitude << 13) + (112u << 23)));
}

std::uint32_t encode_int8(float value) {
  if (value != value) return 0;
  const float limited = std::min(std::max(value, -128.0f), 127.0f);
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(std::nearbyint(limited))) & 0xffu;
}

float decode_int8(std::uint32_t raw) {
  const auto bits = static_cast<std::int32_t>(raw & 0xffu);
  return static_cast<float>(bits < 128 ? bits : bits - 256);
}

/// Mantissa and exponent widths.
struct Widths {
  unsigned mantissa, exponent;
};
Widths widths_of(Format format) {
  switch (format) {
    case Format::bfloat16:
      return {7, 8};
    case Format::float16:
      return {10, 5};
    case Format::float32:
      return {23, 8};
    case Format::float64:
      return {52, 11};
    case Format::low_half:
      return {16, 0};
    case Format::int8:
      return {7, 0};
    case Format::int32:
      return {31, 0};
    case Format::flag:
      break;
  }
  return {0, 0};
}

}  // namespace

BitField bit_field(Format format, unsigned bit) {
  if (bit >= bits_of(format)) throw std::out_of_range("bit_field: no such bit in the format");
  if (format == Format::flag) return BitField::control;
  const Widths widths = widths_of(format);
  if (bit < widths.mantissa) return BitField::mantissa;
  return bit < widths.mantissa + widths.exponent ? BitField::exponent : BitField::sign;
}

Format sum_format_of(Format west, Format north) {
  if ((west == Format::int8) != (north == Format::int8))
    throw std::invalid_argument("an int8 operand is multiplied by an int8 operand only");
  return west == Format::int8 ? Format::int32 : Format::float32;
}

std::uint32_t encode(Format format, float value) {
  const std::uint32_t bits = bit_cast<std::uint32_t>(canonical(value));
  switch (format) {
    case Format::bfloat16:
      return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    case Format::float16:
      return encode_float16(bits);
    case Format::float32:
      return bits;
    case Format::int8:
      return encode_int8(value);
    case Format::int32:
      return bit_cast<std::uint32_t>(value);
    case Format::float64:
    case Format::flag:
    case Format::low_half:
      break;
  }
  no_such_conversion();
}

float decode(Format format, std::uint32_t raw) {
  switch (format) {
    case Format::bfloat16:
      return canonical(bit_cast<float>(raw << 16));
    case Format::float16:
      return decode_float16(raw);
    case Format::float32:
      return canonical(bit_cast<float>(raw));
    case Format::int8:
      return decode_int8(raw);
    case Format::int32:
      return bit_cast<float>(raw);
    case Format::float64:
    case Format::flag:
    case Format::low_half:
      break;
  }
  no_such_conversion();
}

float round_to(Format format, float value) { return decode(format, encode(format, value)); }

void encode_values(Format format, const float* values, std::byte* raw, std::size_t count) {
  if (format == Format::bfloat16) {
    HWY_DYNAMIC_DISPATCH(encode_bfloat16)(values, reinterpret_cast<std::uint16_t*>(raw), count);
  } else if (format == Format::float32) {
    HWY_DYNAMIC_DISPATCH(canonicalise)(values, reinterpret_cast<float*>(raw), count);
  } else {
    const std::size_t bytes = bytes_of(format);
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t bits = encode(format, values[i]);
      std::memcpy(raw + i * bytes, &bits, bytes);
    }
  }
}

void decode_values(Format format, const std::byte* raw, float* values, std::size_t count) {
  if (format == Format::bfloat16) {
    HWY_DYNAMIC_DISPATCH(decode_bfloat16)
    (reinterpret_cast<const std::uint16_t*>(raw), values, count);
  } else if (format == Format::float32) {
    HWY_DYNAMIC_DISPATCH(canonicalise)(reinterpret_cast<const float*>(raw), values, count);
  } else {
    const std::size_t bytes = bytes_of(format);
    for (std::size_t i = 0; i < count; ++i) {
      std::uint32_t bits = 0;
      std::memcpy(&bits, raw + i * bytes, bytes);
      values[i] = decode(format, bits);
    }
  }
}

void round_values(Format format, float* values, std::size_t count) {
  if (format == Format::bfloat16) {
    HWY_DYNAMIC_DISPATCH(round_bfloat16)(values, count);
  } else if (format == Format::float32) {
    HWY_DYNAMIC_DISPATCH(canonicalise)(values, values, count);
  } else {
    for (std::size_t i = 0; i < count; ++i) values[i] = round_to(format, values[i]);
  }
}

}  // namespace attnguard
#endif  // HWY_ONCE
