// A checker's own running maximum of the observed scores, with the kernel of the datapath's unit.
//
// As there, row i's register is read and written at score cycle + max latency.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "models/checksum_unit/checker_context.h"
#include "models/numerics/kernels.h"

namespace attnguard {

/// How many keys of the tile each of its rows sees, [rows]; `visible` has room for them.
inline void see_keys(const CheckerDimensions& dims, const TileContext& tile,
                     std::vector<std::int32_t>& visible) {
  for (std::uint32_t row = 0; row < tile.rows; ++row)
    visible[row] = visible_columns(tile, row, dims.causal, dims.tokens_q, dims.tokens_k);
}

class RunningMax {
 public:
  /// `of_scores`: see RegisterShape.
  RunningMax(const CheckerContext& context, bool of_scores)
      : dims_(context.dims),
        max_(context.watch, {context.path + "row[{}].max",
                             {dims_.rows},
                             Format::float32,
                             StorageKind::register_file,
                             LaneMeaning::row,
                             1,
                             dims_.rows,
                             false,
                             of_scores}),
        old_(dims_.stride),
        visible_(dims_.stride) {}

  void declare(FaultUniverse& universe) { max_.declare(universe); }
  void reset() { max_.reset(); }

  /// One key tile of raw scores; the register is read and written at `cycles`.
  void take(const Observed& scores, LaneCycles cycles) {
    const TileContext& tile = scores.tile;
    see_keys(dims_, tile, visible_);
    float* max = max_.group(0);
    if (tile.first)
      std::fill_n(max, tile.rows, -std::numeric_limits<float>::infinity());
    else
      max_.read(0, tile.rows, cycles, tile);
    std::copy_n(max, tile.rows, old_.data());
    softmax_max(scores.values, visible_.data(), dims_.scale_log2e, old_.data(), max, tile.cols,
                tile.rows, scores.stride);
    max_.write(0, tile.rows, cycles);
  }
  // Of the tile last taken, [rows].
  const float* max() { return max_.group(0); }
  const float* old() const { return old_.data(); }  ///< before the tile
  const std::int32_t* visible() const { return visible_.data(); }

 private:
  CheckerDimensions dims_;
  RegisterFile<float> max_;
  LaneTile old_;
  std::vector<std::int32_t> visible_;
};

}  // namespace attnguard
