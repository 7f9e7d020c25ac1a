// Tile kernels of the datapath, vectorised across query rows and never across a sum.
//
// Layout ("lane-major"): a tile's query rows are SIMD lanes. A quantity with C columns per row is
// stored as [C][stride], the row being the fastest index; stride = lane_stride(rows), a multiple of
// kLaneAlign. Lanes past the used rows hold don't-care values. Every pointer passed here is at
// least 4-byte aligned; tiles kept in a LaneTile (lane_tile.h) are 64-byte aligned. Each function
// may be called on a sub-range of lanes by offsetting the pointers and passing `lanes` < stride:
// the result for a lane never depends on another lane, on `lanes` or on the SIMD target. NaN in
// every result is canonical.
#pragma once

#include <cstddef>
#include <cstdint>

#include "models/numerics/exp2.h"
#include "models/numerics/format.h"
#include "models/numerics/matmul.h"  // IWYU pragma: export

namespace attnguard {

/// Lanes are padded to this many floats.
inline constexpr std::size_t kLaneAlign = 16;
constexpr std::size_t lane_stride(std::size_t rows) {
  return (rows + kLaneAlign - 1) / kLaneAlign * kLaneAlign;
}

/// The `scale` of the softmax stages: softmax scale × log2(e), multiplied in double, rounded once
/// to float32.
constexpr float scale_log2e(float softmax_scale) {
  return static_cast<float>(static_cast<double>(softmax_scale) * 1.4426950408889634);
}

/// changed[lane] |= bits of a[c][lane] that differ in b[c][lane], over the columns.
void collect_changes(const float* a, const float* b, std::uint32_t* changed, std::size_t cols,
                     std::size_t lanes, std::size_t stride);

/// How a row of values differs from `golden`, both exact in float32 with canonical NaN.
struct RowErrors {
  std::size_t changed = 0;  ///< values with other bits
  std::size_t first = 0;    ///< column of the first of them; count if there is none
  double largest = 0;       ///< max |value − golden|, infinite if `nonfinite`
  bool nonfinite = false;   ///< a changed value is not finite, or its golden one
};
RowErrors row_errors(const float* golden, const float* values, std::size_t count);
/// The same for every lane of a tile [cols × stride], padded lanes included: errors[stride].
void lane_errors(const float* golden, const float* values, std::size_t cols, std::size_t stride,
                 RowErrors* errors);

/// Softmax stage 1: max_new[lane] = running max of max_old[lane] and x[j][lane] = score[j][lane] *
/// scale over the columns j < visible[lane] (ascending; m = x > m ? x : m). `scale` =
/// scale_log2e(softmax scale).
void softmax_max(const float* score, const std::int32_t* visible, float scale, const float* max_old,
                 float* max_new, std::size_t cols, std::size_t lanes, std::size_t stride);

/// Softmax stage 2: alpha[lane] = 2^(max_old − max_new), +0 if `first`; p[j][lane] = 2^(x −
/// max_new) rounded once to `probability`, +0 where j >= visible[lane].
void softmax_exp(const float* score, const std::int32_t* visible, float scale, Exp2Kind exp2,
                 Format probability, bool first, const float* max_old, const float* max_new,
                 float* alpha, float* p, std::size_t cols, std::size_t lanes, std::size_t stride);

/// Softmax stage 3: sum[lane] = sum[lane] * alpha[lane] + (Σ_j p[j][lane], ascending from +0).
void softmax_sum(const float* p, const float* alpha, float* sum, std::size_t cols,
                 std::size_t lanes, std::size_t stride);

/// acc[c][lane] = acc[c][lane] * alpha[lane] + partial[c][lane].
void rescale_add(float* acc, const float* alpha, const float* partial, std::size_t cols,
                 std::size_t lanes, std::size_t stride);

/// One row [count] of rescale_add through `steps` key tiles: alpha[s · alpha_stride] and
/// partial[s · stride + c]. What has become equal to `golden` [steps × stride], the same row of a
/// run without a fault, stays so and is not computed further; that is looked at every fourth step
/// and after the last, where the answer is whether the row differs.
bool rescale_row(float* acc, const float* alpha, std::size_t alpha_stride, const float* partial,
                 const float* golden, std::size_t stride, std::size_t steps, std::size_t count);

/// [row][count] rows, each where rows[lane] says, to out [count × stride].
void rows_to_lanes(const float* const* rows, std::size_t lanes, float* out, std::size_t count,
                   std::size_t stride);

/// reciprocal[lane] = 1 / sum[lane] (one float32 division).
void reciprocals(const float* sum, float* reciprocal, std::size_t lanes);

/// out[c][lane] = acc[c][lane] * reciprocal[lane], float32, not yet rounded to the output format.
void normalise(const float* acc, const float* reciprocal, float* out, std::size_t cols,
               std::size_t lanes, std::size_t stride);

}  // namespace attnguard
