// Comparisons made for the query rows of a tile, and what they are made from.
#pragma once

#include <algorithm>
#include <vector>

#include "models/checksum_unit/checker_context.h"
#include "models/checksum_unit/threshold.h"

namespace attnguard {

/// Everything but the values: those of lane `row`, whose alarm would be set at `cycle`.
inline Check row_check(std::uint32_t comparison, const TileContext& tile, std::uint32_t row,
                       std::uint64_t cycle) {
  Check check;
  check.comparison = comparison;
  check.head = tile.head;
  check.query_row = tile.first_row + row;
  check.key_tile = tile.key_tile;
  check.cycle = cycle;
  check.scale = 1;
  return check;
}

/// Checks of the rows of a tile, on their way to the sink together.
class RowChecks {
 public:
  void add(const Check& check) { checks_.push_back(check); }
  void report(CheckSink& sink) {
    sink.checked_rows(checks_.data(), static_cast<std::uint32_t>(checks_.size()));
    checks_.clear();
  }

 private:
  std::vector<Check> checks_;
};

/// The cycles at which the rows of a burst whose beats are rows cross.
inline LaneCycles row_beats(const BeatTiming& timing, std::uint32_t group = 0) {
  return {timing.cycle(group, 0), timing.beat_interval_cycles};
}

/// Takes what crosses, one value per row, into a bank of registers.
inline void capture(const Observed& observed, RegisterFile<float>& registers, std::uint32_t bank) {
  std::copy_n(observed.values, observed.tile.rows, registers.group(bank));
  registers.write(bank, observed.tile.rows, row_beats(observed.timing));
}

/// Keys of the head that a row of the tile has seen once all its tiles are through.
inline double keys_seen(const CheckerDimensions& dims, const TileContext& tile, std::uint32_t row) {
  if (!dims.causal) return dims.tokens_k;
  return double{1} + tile.first_row + row + dims.tokens_k - dims.tokens_q;
}

/// The cycle after the last of a tile's keys has met row 0 in the array: one more per row.
/// `timing`: of Checker::probabilities.
inline LaneCycles after_last_key(const BeatTiming& timing, const TileContext& tile) {
  return {timing.first_cycle + 1 + tile.cols, 1};
}

}  // namespace attnguard
