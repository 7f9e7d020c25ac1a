// One key tile through every kernel, with all its inputs and outputs: what kernel tests compare.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/numerics/kernels.h"
#include "models/numerics/lane_tile.h"

namespace attnguard {

struct TileStep {
  // Shape and options.
  std::size_t rows = 1, cols = 1, depth = 1;
  std::size_t north_stride = 1;  ///< >= cols
  Exp2Kind exp2 = Exp2Kind::polynomial;
  Format probability = Format::bfloat16;
  bool first = false;
  float scale = 1.0f;
  // Inputs.
  LaneTile west, max_old;             ///< [depth × stride], [stride]
  std::vector<float> north, values;   ///< [depth × north_stride], [cols × depth]
  std::vector<std::int32_t> visible;  ///< [stride]
  // Outputs; sum and acc are inputs too.
  LaneTile score, max_new, alpha, p, sum, partial, acc, reciprocal, out;

  std::size_t stride() const { return lane_stride(rows); }

  /// Sizes every array for the shape; outputs hold `fill`.
  void resize(float fill) {
    const std::size_t s = stride();
    west.assign(depth * s, 0);
    north.assign(depth * north_stride, 0);
    values.assign(cols * depth, 0);
    visible.assign(s, static_cast<std::int32_t>(cols));
    max_old.assign(s, 0);
    for (LaneTile* tile : {&max_new, &alpha, &sum, &reciprocal}) tile->assign(s, fill);
    for (LaneTile* tile : {&score, &p}) tile->assign(cols * s, fill);
    for (LaneTile* tile : {&partial, &acc, &out}) tile->assign(depth * s, fill);
  }

  /// Runs every kernel on lanes first_lane .. first_lane + lanes − 1.
  void run(std::size_t l, std::size_t lanes) {
    const std::size_t s = stride();
    matmul_tile(&west[l], north.data(), &score[l], depth, cols, lanes, s, north_stride);
    softmax_max(&score[l], &visible[l], scale, &max_old[l], &max_new[l], cols, lanes, s);
    softmax_exp(&score[l], &visible[l], scale, exp2, probability, first, &max_old[l], &max_new[l],
                &alpha[l], &p[l], cols, lanes, s);
    softmax_sum(&p[l], &alpha[l], &sum[l], cols, lanes, s);
    matmul_tile(&p[l], values.data(), &partial[l], cols, depth, lanes, s, depth);
    rescale_add(&acc[l], &alpha[l], &partial[l], depth, lanes, s);
    reciprocals(&sum[l], &reciprocal[l], lanes);
    normalise(&acc[l], &reciprocal[l], &out[l], depth, lanes, s);
  }

  /// Every output array, in the order computed.
  std::array<const LaneTile*, 9> outputs() const {
    return {&score, &max_new, &alpha, &p, &sum, &partial, &acc, &reciprocal, &out};
  }
};

}  // namespace attnguard
