// Output rows of one query tile: rescale, accumulate, normalise. Plain C++, no time but cycle
// numbers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "models/fabric/tile.h"
#include "models/fault_injector/fault_universe.h"
#include "models/fault_injector/register_tap.h"
#include "models/numerics/kernels.h"
#include "models/numerics/lane_tile.h"

namespace attnguard {

/// Cycles of the normalisation of a query tile: the reciprocal of row i is written at
/// reciprocal_cycle(i), its slice g of C columns stands in the output register at output_cycle(i,
/// g) and crosses to the o buffer one cycle later.
struct NormaliseTiming {
  std::uint64_t start = 0;  ///< the sum of row i is read at start + i × slices
  std::uint32_t slices = 1;
  std::uint32_t divide_latency_cycles = 0;

  std::uint64_t sum_read_cycle(std::uint32_t row) const {
    return start + std::uint64_t{row} * slices;
  }
  std::uint64_t reciprocal_cycle(std::uint32_t row) const {
    return sum_read_cycle(row) + divide_latency_cycles;
  }
  std::uint64_t output_cycle(std::uint32_t row, std::uint32_t slice) const {
    return reciprocal_cycle(row) + 1 + slice;
  }
};

class AccumulatorCore {
 public:
  AccumulatorCore(std::uint32_t rows, std::uint32_t cols, std::uint32_t head_dim,
                  std::uint32_t divide_latency_cycles);

  void declare(FaultUniverse& universe, const std::string& name);
  void reset();

  /// alpha of row i arrives at first_cycle + i; [stride].
  void receive_alpha(const TileContext& tile, const float* alpha, std::uint64_t first_cycle);
  /// l of row i arrives at first_cycle + i; [stride].
  void receive_sum(const TileContext& tile, const float* sum, std::uint64_t first_cycle);
  /// Whether the alpha that came last is there when the partial beats need it.
  bool has_alpha(const TileContext& tile, const BeatTiming& partial) const {
    return alpha_cycle_[tile.bank] <= partial.first_cycle;
  }
  /// P·V tile [d × stride] (changed in place by a fault in the partial register): group = pass,
  /// beat = row.
  void accumulate(const TileContext& tile, float* partial, const BeatTiming& timing, LiveLog& log);
  /// After the last key tile: 1/l and the normalised rows.
  NormaliseTiming normalise_tile(const TileContext& tile, LiveLog& log);

  /// One row of accumulate and normalise with every register access at its cycle.
  void accumulate_row(const TileContext& tile, std::uint32_t row, float* partial,
                      const BeatTiming& timing);
  void normalise_row(const TileContext& tile, std::uint32_t row, const NormaliseTiming& timing);
  /// acc of one row: values [d], one after another.
  void restore_row(std::uint32_t row, const float* values);
  /// acc of all rows, [d × stride].
  void restore(const float* acc) { std::copy_n(acc, acc_.size(), acc_.data()); }
  void copy_row(std::uint32_t row, float* values) const;

  const float* acc() const { return acc_.data(); }                ///< [d × stride]
  const float* output() const { return output_.data(); }          ///< [d × stride], float32
  const float* reciprocal() const { return reciprocal_.data(); }  ///< [stride]
  RegisterTap& tap() { return tap_; }

 private:
  struct Registers {
    RegisterId alpha, sum, partial, acc, reciprocal, output;
  };
  std::uint32_t slice_cols(std::uint32_t slice) const;
  RowSet faulty_rows(const TileContext& tile, const BeatTiming& timing) const;
  RowSet faulty_rows(const TileContext& tile, const NormaliseTiming& timing) const;
  std::uint32_t row_of(const Site& site) const;
  void add_live_accumulate(const TileContext& tile, const BeatTiming& timing, LiveLog& log) const;
  void add_live_normalise(const TileContext& tile, const NormaliseTiming& timing,
                          LiveLog& log) const;
  void add_live_acc(const TileContext& tile, LiveLog& log, std::uint64_t read,
                    std::int64_t slice_step, std::int64_t row_step) const;

  std::uint32_t rows_, cols_, head_dim_, slices_, divide_latency_;
  std::size_t stride_;
  LaneTile acc_, alpha_[2], sum_[2], reciprocal_, output_;
  LaneTile saved_rows_;  ///< [rows that meet a fault × d]
  std::uint64_t alpha_cycle_[2] = {0, 0}, sum_cycle_[2] = {0, 0};
  BeatTiming last_accumulate_;  ///< partial beats of the previous key tile of this query tile
  Registers reg_{};
  RegisterTap tap_;
};

}  // namespace attnguard
