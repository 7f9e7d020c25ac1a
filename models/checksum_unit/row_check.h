// The record of a comparison made for one query row of a tile.
#pragma once

#include <cmath>

#include "models/checksum_unit/checker.h"
#include "models/checksum_unit/checker_config.h"
#include "models/checksum_unit/checker_registers.h"

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

/// Alarm unless residual and threshold are finite and residual <= threshold; non-finite ones only
/// if the rule says so.
inline void judge(Check& check, NonfiniteRule rule) {
  check.nonfinite = !std::isfinite(check.residual) || !std::isfinite(check.threshold);
  check.alarm =
      check.nonfinite ? rule == NonfiniteRule::alarm : !(check.residual <= check.threshold);
}

/// The cycles at which the rows of a burst whose beats are rows cross.
inline LaneCycles row_beats(const BeatTiming& timing, std::uint32_t group = 0) {
  return {timing.cycle(group, 0), timing.beat_interval_cycles};
}

/// The cycle after the last of a tile's keys has met row 0 in the array: one more per row.
/// `timing`: of Checker::probabilities.
inline LaneCycles after_last_key(const BeatTiming& timing, const TileContext& tile) {
  return {timing.first_cycle + 1 + tile.cols, 1};
}

}  // namespace attnguard
