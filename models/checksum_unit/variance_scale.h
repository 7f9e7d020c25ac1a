// The scale of V-ABFT's threshold for one row of a product C = A·B, after the published description
// (arXiv 2602.08043): an estimate of the sum's rounding error from means and variances alone.
//
//   T = e_max·(N|μ_A| Σ_k|μ_Bk| + c·sqrt(N μ_A² Σ_k σ_Bk² + N² σ_A² Σ_k μ_Bk²)
//              + c·sqrt(N)·σ_A·sqrt(Σ_k σ_Bk²))
//
// A has K values per row, B has K rows of N columns. A variance is replaced by its bound
// (max − μ)(μ − min), so that no second pass over the data is needed.
//
// e_max was measured on other hardware and knows of K only. Where sums ascend one by one in
// float32, c standard deviations of their roundings stand beside it (threshold.h).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace attnguard {

/// Mean, and a bound of the variance, of some values.
template <class Value>
struct Spread {
  Value mean = 0, variance = 0;

  static Spread of(Value sum, Value max, Value min, std::uint32_t count) {
    const Value mean = sum / static_cast<Value>(count);
    return {mean, std::max((max - mean) * (mean - min), Value{0})};
  }
  /// Of values[0], values[stride], …
  static Spread of(const float* values, std::size_t stride, std::uint32_t count) {
    Value sum = 0, max = values[0], min = values[0];
    for (std::uint32_t i = 0; i < count; ++i) {
      const Value value = values[i * stride];
      sum += value;
      max = std::max(max, value);
      min = std::min(min, value);
    }
    return of(sum, max, min, count);
  }
};

/// What T needs of B.
template <class Value>
struct ProductSpread {
  Value mean_magnitude = 0;  ///< Σ_k |μ_Bk|
  Value mean_square = 0;     ///< Σ_k μ_Bk²
  Value variance = 0;        ///< Σ_k σ_Bk²

  void add(const Spread<Value>& row) {
    mean_magnitude += std::fabs(row.mean);
    mean_square += row.mean * row.mean;
    variance += row.variance;
  }
};

/// T ÷ e_max.
template <class Value>
Value variance_scale(const Spread<Value>& a, const ProductSpread<Value>& b, std::uint32_t columns,
                     double c) {
  const auto n = static_cast<Value>(columns), factor = static_cast<Value>(c);
  const Value means = n * std::fabs(a.mean) * b.mean_magnitude;
  const Value mixed =
      std::sqrt(n * a.mean * a.mean * b.variance + n * n * a.variance * b.mean_square);
  const Value both = std::sqrt(n) * std::sqrt(a.variance) * std::sqrt(b.variance);
  return means + factor * mixed + factor * both;
}

/// e_max of a float32 datapath, as published.
inline double variance_unit(std::uint32_t inner) {
  return 1.5e-9 * std::sqrt(static_cast<double>(inner)) + 1.7e-7;
}

/// The largest c of the published range 2.5 … 5.39.
inline constexpr double kVarianceFactor = 5.39;

}  // namespace attnguard
