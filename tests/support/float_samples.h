// Random float32 values for tests: ordinary ones, and with some probability the special ones.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <random>

namespace attnguard {

inline float float_of(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
inline std::uint32_t bits_of_float(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

class FloatSamples {
 public:
  explicit FloatSamples(std::uint32_t seed) : engine_(seed) {}

  std::size_t integer(std::size_t low, std::size_t high) {
    return std::uniform_int_distribution<std::size_t>(low, high)(engine_);
  }
  template <class T, class... More>
  T pick(T first, More... more) {
    const T choices[] = {first, static_cast<T>(more)...};
    return choices[integer(0, sizeof...(More))];
  }
  float normal(float deviation) {
    return std::normal_distribution<float>(0.0f, deviation)(engine_);
  }
  /// Any bit pattern.
  float any() { return float_of(static_cast<std::uint32_t>(engine_())); }
  /// One in `period` values is NaN (any payload and sign), infinite, a denormal, a signed zero,
  /// close to overflow or a bfloat16 tie.
  float with_specials(float deviation, std::size_t period) {
    if (integer(1, period) != 1) return normal(deviation);
    const std::uint32_t specials[] = {0x7fc00000, 0xffc00001, 0x7f800001, 0x7f800000, 0xff800000,
                                      0x00000001, 0x807fffff, 0x00000000, 0x80000000, 0x7f7fffff,
                                      0xff7fffff, 0x3f808000, 0xbf818000};
    return float_of(specials[integer(0, 12)]);
  }

 private:
  std::mt19937 engine_;
};

}  // namespace attnguard
