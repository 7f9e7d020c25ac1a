// Sums down the columns of both products of a tile, plain and weighted with 1, 2, … by row, against
// what the operands say: e·(A·B) against (e·A)·B.
//
// Every row of weights adds a row below the array. It takes the column sums of Q, formed as the S
// pass reads its operands, or of P, formed as the first P·V pass is fed, and its results leave the
// array after the tile's last row; they wait until the tile's own rows have been added up as they
// left. A column's sums stand one cycle after its last row.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "models/checksum_unit/checker_context.h"
#include "models/numerics/kernels.h"

namespace attnguard {

/// One product of one tile: per row of weights and column what its rows add up to, and what the
/// operands say. [weights][stride], float32.
struct ColumnSums {
  const float* observed = nullptr;
  const float* expected = nullptr;
  std::size_t stride = 0;
  std::uint32_t columns = 0;
  const float* values = nullptr;  ///< the product itself, [columns][value_stride], lane = row
  std::size_t value_stride = 0;
  std::uint64_t cycle = 0;  ///< all sums stand

  /// expected − observed.
  float deviation(std::uint32_t weight, std::uint32_t column) const {
    return canonical(expected[weight * stride + column] - observed[weight * stride + column]);
  }
};

class ColumnChecksum {
 public:
  /// `weights`: 1 for plain sums alone, 2 with the weighted ones.
  ColumnChecksum(const CheckerContext& context, std::uint32_t weights)
      : dims_(context.dims),
        weights_(weights),
        passes_((dims_.head_dim - 1) / dims_.cols + 1),
        query_sum_(context.watch, shape(context, "query_sum", weights, dims_.head_dim, 1)),
        score_sum_(context.watch, shape(context, "score_sum", weights, dims_.cols, 1)),
        score_expected_(context.watch, shape(context, "score_expected", weights, dims_.cols, 2)),
        probability_sum_(context.watch, shape(context, "probability_sum", weights, dims_.cols, 1)),
        product_sum_(context.watch, shape(context, "pv_sum", weights * passes_, dims_.cols, 1)),
        product_expected_(context.watch,
                          shape(context, "pv_expected", weights * passes_, dims_.cols, 2)),
        key_(dims_.head_dim * lane_stride(dims_.cols)),
        value_stride_(lane_stride(std::size_t{passes_} * dims_.cols)),
        value_(dims_.cols * value_stride_ + kLaneAlign),
        north_(std::max(dims_.head_dim, dims_.cols) * weights),
        observed_(weights * value_stride_),
        expected_(weights * std::max(value_stride_, lane_stride(dims_.cols))) {}

  static constexpr std::uint32_t kNeeds =
      kQueryRead | kKeyRead | kScores | kProbabilities | kValueRead | kPartials;

  void query_read(const Observed& observed) {
    const TileContext& tile = observed.tile;
    const LaneCycles cycles = depth_beats(observed.timing);
    for (std::uint32_t w = 0; w < weights_; ++w) {
      for (std::uint32_t k = 0; k < dims_.head_dim; ++k)
        query_sum_.group(w)[k] = sum_of_rows(observed.values + k * observed.stride, tile.rows, w);
      query_sum_.write(w, dims_.head_dim, cycles);
    }
  }

  /// The S pass, whose query_read came before.
  void key_read(const Observed& observed) {
    const TileContext& tile = observed.tile;
    const std::size_t stride = lane_stride(dims_.cols);
    for (std::uint32_t k = 0; k < dims_.head_dim; ++k)
      std::copy_n(observed.values + k * observed.stride, tile.cols, &key_[k * stride]);
    const LaneCycles beats = depth_beats(observed.timing);
    for (std::uint32_t w = 0; w < weights_; ++w) {
      query_sum_.read(w, dims_.head_dim, beats + dims_.rows, tile);
      for (std::uint32_t k = 0; k < dims_.head_dim; ++k)
        north_[k * weights_ + w] = query_sum_.group(w)[k];
    }
    matmul_tile(key_.data(), north_.data(), expected_.data(), dims_.head_dim, weights_, tile.cols,
                stride, weights_);
    const LaneCycles written{observed.timing.last_cycle() + dims_.rows + 1, 1};
    for (std::uint32_t w = 0; w < weights_; ++w) {
      const std::uint32_t group = tile.bank * weights_ + w;
      std::copy_n(&expected_[w * stride], tile.cols, score_expected_.group(group));
      score_expected_.write(group, tile.cols, written);
    }
  }

  /// Valid until the next call.
  ColumnSums scores(const Observed& observed) {
    const TileContext& tile = observed.tile;
    const BeatTiming& timing = observed.timing;
    const LaneCycles done{timing.last_cycle() + 1, 0};
    for (std::uint32_t w = 0; w < weights_; ++w) {
      add_rows(score_sum_, w, observed, 0, tile.cols, w, 0);
      score_sum_.read(w, tile.cols, done, tile);
      score_expected_.read(tile.bank * weights_ + w, tile.cols, done, tile);
    }
    return {score_sum_.group(0), score_expected_.group(tile.bank * weights_),
            score_sum_.stride(), tile.cols,
            observed.values,     observed.stride,
            done.first};
  }

  void value_read(const Observed& observed) {
    for (std::uint32_t key = 0; key < observed.tile.cols; ++key)
      std::copy_n(observed.values + key * observed.stride, dims_.head_dim,
                  &value_[key * value_stride_]);
    pass_interval_ = observed.timing.group_interval_cycles;
  }

  /// P·V, whose value_read came before: its first pass fills the sums of P, all passes read them.
  void probabilities(const Observed& observed) {
    const TileContext& tile = observed.tile;
    const std::uint64_t first_pass =
        observed.timing.first_cycle - std::uint64_t{passes_ - 1} * pass_interval_;
    for (std::uint32_t w = 0; w < weights_; ++w) {
      for (std::uint32_t key = 0; key < tile.cols; ++key)
        probability_sum_.group(w)[key] =
            sum_of_rows(observed.values + key * observed.stride, tile.rows, w);
      probability_sum_.write(w, tile.cols, {first_pass + tile.rows, 1});
    }
    for (std::uint32_t pass = 0; pass < passes_; ++pass)
      expect_products(tile, pass, first_pass + std::uint64_t{pass} * pass_interval_);
  }

  ColumnSums partials(const Observed& observed) {
    const TileContext& tile = observed.tile;
    for (std::uint32_t w = 0; w < weights_; ++w)
      for (std::uint32_t pass = 0; pass < passes_; ++pass) {
        const std::uint32_t group = w * passes_ + pass, first = pass * dims_.cols,
                            expected = tile.bank * weights_ * passes_ + group;
        const LaneCycles done{observed.timing.cycle(pass, tile.rows - 1) + 1, 0};
        add_rows(product_sum_, group, observed, first, width(pass), w, pass);
        product_sum_.read(group, width(pass), done, tile);
        product_expected_.read(expected, width(pass), done, tile);
        std::copy_n(product_sum_.group(group), width(pass), &observed_[w * value_stride_ + first]);
        std::copy_n(product_expected_.group(expected), width(pass),
                    &expected_[w * value_stride_ + first]);
      }
    return {observed_.data(),
            expected_.data(),
            value_stride_,
            dims_.head_dim,
            observed.values,
            observed.stride,
            observed.timing.last_cycle() + 1};
  }

 private:
  static RegisterShape shape(const CheckerContext& context, const char* name, std::uint32_t groups,
                             std::uint32_t lanes, std::uint32_t banks) {
    RegisterShape shape{
        context.path + name + "[{}]", {groups * lanes}, Format::float32, StorageKind::register_file,
        LaneMeaning::element,         banks * groups,   lanes,           true};
    if (banks > 1) {
      shape.path += "[{}]";
      shape.extents = {banks, groups * lanes};
    }
    return shape;
  }
  static LaneCycles depth_beats(const BeatTiming& timing) {
    return {timing.first_cycle, timing.beat_interval_cycles};
  }
  static float weight_of(std::uint32_t w, std::uint32_t row) {
    return w == 0 ? 1.0F : static_cast<float>(row + 1);
  }
  static float sum_of_rows(const float* values, std::uint32_t rows, std::uint32_t w) {
    float sum = 0;
    for (std::uint32_t row = 0; row < rows; ++row) sum += weight_of(w, row) * values[row];
    return canonical(sum);
  }
  std::uint32_t width(std::uint32_t pass) const {
    return std::min(dims_.cols, dims_.head_dim - pass * dims_.cols);
  }

  /// Columns first .. first + count − 1 of the observed product, row by row as they leave.
  void add_rows(RegisterFile<float>& sums, std::uint32_t group, const Observed& observed,
                std::uint32_t first, std::uint32_t count, std::uint32_t w, std::uint32_t pass) {
    const BeatTiming& timing = observed.timing;
    float* sum = sums.group(group);
    sums.accumulate(group, count, {timing.cycle(pass, 0), 0}, observed.tile.rows,
                    timing.beat_interval_cycles, observed.tile, [&](std::uint32_t row) {
                      const float weight = weight_of(w, row);
                      const float* value = observed.values + first * observed.stride + row;
                      for (std::uint32_t c = 0; c < count; ++c)
                        sum[c] = (row == 0 ? 0.0F : sum[c]) + weight * value[c * observed.stride];
                    });
    for (std::uint32_t c = 0; c < count; ++c) sum[c] = canonical(sum[c]);
  }

  void expect_products(const TileContext& tile, std::uint32_t pass, std::uint64_t start) {
    for (std::uint32_t w = 0; w < weights_; ++w) {
      probability_sum_.read(w, tile.cols, {start + tile.rows + 1, 1}, tile);
      for (std::uint32_t key = 0; key < tile.cols; ++key)
        north_[key * weights_ + w] = probability_sum_.group(w)[key];
    }
    matmul_tile(&value_[pass * dims_.cols], north_.data(), expected_.data(), tile.cols, weights_,
                width(pass), value_stride_, weights_);
    for (std::uint32_t w = 0; w < weights_; ++w) {
      const std::uint32_t group = (tile.bank * weights_ + w) * passes_ + pass;
      std::copy_n(&expected_[w * value_stride_], width(pass), product_expected_.group(group));
      product_expected_.write(group, width(pass), {start + tile.cols + tile.rows, 1});
    }
  }

  CheckerDimensions dims_;
  std::uint32_t weights_, passes_;
  RegisterFile<float> query_sum_;         ///< group = weight, lane = depth
  RegisterFile<float> score_sum_;         ///< group = weight, lane = key
  RegisterFile<float> score_expected_;    ///< group = bank × weights + weight
  RegisterFile<float> probability_sum_;   ///< group = weight, lane = key
  RegisterFile<float> product_sum_;       ///< group = weight × passes + pass, lane = column
  RegisterFile<float> product_expected_;  ///< group = (bank × weights + weight) × passes + pass
  LaneTile key_;                          ///< [head_dim][lane_stride(cols)]
  std::size_t value_stride_;
  LaneTile value_;  ///< V of the tile to come, [key][value_stride]
  LaneTile north_;  ///< operands of the checksum rows, [depth][weights]
  LaneTile observed_, expected_;
  std::uint32_t pass_interval_ = 0;
};

}  // namespace attnguard
