// The checkers' arithmetic: three number formats and the loops over lanes.
//
// Every sum ascends from +0 and vector lanes are rows or keys, never terms of one sum, so the bits
// depend neither on the SIMD target nor on the number of lanes. Inputs are float32; every operation
// is rounded to the checker's format. Bits of a NaN are not specified here: whoever reports a value
// makes it canonical.
#pragma once

#include <cstddef>

#include "models/numerics/format.h"

namespace attnguard {

/// A checker's number format: Value holds a number, add, mul and div round to the format.
struct Float32Number {
  using Value = float;
  static constexpr Format format = Format::float32;
  static constexpr double unit_roundoff = 0x1p-24;  ///< half a unit in the last place of 1
  static constexpr double tiny = 0x1p-149;          ///< smallest denormal
  static Value add(Value a, Value b) { return a + b; }
  static Value mul(Value a, Value b) { return a * b; }
  static Value div(Value a, Value b) { return a / b; }
};

struct Float64Number {
  using Value = double;
  static constexpr Format format = Format::float64;
  static constexpr double unit_roundoff = 0x1p-53;
  static constexpr double tiny = 0x1p-1074;
  static Value add(Value a, Value b) { return a + b; }
  static Value mul(Value a, Value b) { return a * b; }
  static Value div(Value a, Value b) { return a / b; }
};

/// Each operation is computed in float32 and rounded to bfloat16.
struct Bfloat16Number {
  using Value = float;
  static constexpr Format format = Format::bfloat16;
  static constexpr double unit_roundoff = 0x1p-8;
  static constexpr double tiny = 0x1p-133;
  static Value add(Value a, Value b) { return round_to(format, a + b); }
  static Value mul(Value a, Value b) { return round_to(format, a * b); }
  static Value div(Value a, Value b) { return round_to(format, a / b); }
};

/// The loops, for the best SIMD target of the machine. Lane loops may read and write up to the next
/// multiple of kLaneAlign lanes: tiles are padded to it. A null `weight` leaves the sums of
/// magnitudes out.
template <class N>
struct CheckMath {
  using Value = typename N::Value;

  /// sum[r] += Σ_c in[r × stride + c], weight[r] += Σ_c |in[r × stride + c]|, ascending c, for r <
  /// rows, c < columns.
  void (*sum_rows)(const float* in, std::size_t stride, std::size_t rows, std::size_t columns,
                   Value* sum, Value* weight);

  /// sum[lane] = Σ_c in[c × stride + lane].
  void (*sum_columns)(const float* in, std::size_t stride, std::size_t columns, std::size_t lanes,
                      Value* sum);

  /// dot[lane] = Σ_c x · factor[c], weight[lane] = Σ_c x · weight_factor[c] with x = in[c × stride
  /// + lane]; the weights use |x| if `magnitude`.
  void (*dot_columns)(const float* in, std::size_t stride, std::size_t columns, std::size_t lanes,
                      const Value* factor, const Value* weight_factor, bool magnitude, Value* dot,
                      Value* weight);

  /// sum[lane] = sum[lane] · alpha[lane] + term[lane].
  void (*rescale)(Value* sum, const float* alpha, const Value* term, std::size_t lanes);
};

/// N is Float32Number, Float64Number or Bfloat16Number.
template <class N>
CheckMath<N> check_math();

}  // namespace attnguard
