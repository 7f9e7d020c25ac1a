// Where a tile stands in the workload: travels with every burst.
#pragma once

#include <algorithm>
#include <cstdint>

namespace attnguard {

/// Names a tile within the job.
struct TileId {
  std::uint32_t head = 0, query_tile = 0, key_tile = 0;
};

/// One query tile × key tile of one head. Query rows are SIMD lanes and array rows; keys are array
/// columns.
struct TileContext {
  std::uint32_t head = 0;  ///< query head
  std::uint32_t kv_head = 0;
  std::uint32_t query_tile = 0;  ///< index of the query tile within the head
  std::uint32_t key_tile = 0;    ///< index of the key tile within the head
  std::uint32_t first_row = 0;   ///< query row of lane 0, within the head
  std::uint32_t rows = 0;        ///< used lanes, 1 .. array rows
  std::uint32_t first_key = 0;   ///< key of column 0, within the kv head
  std::uint32_t cols = 0;        ///< used columns (keys), 1 .. array cols
  bool first = false;            ///< first key tile of the query tile
  bool last = false;             ///< last key tile of the query tile
  std::uint32_t bank =
      0;  ///< 0 or 1: which copy of the double-buffered tile registers (P, alpha) is used
  /// 0 or 1: parity of the output tile in the job; on bursts to the checksum unit that come from a
  /// buffer, the half of the buffer that holds the tile.
  std::uint32_t half = 0;

  TileId id() const { return {head, query_tile, key_tile}; }
};

/// Columns of the tile visible to the query of lane `lane`: keys j <= row + tokens_k − tokens_q
/// under a causal mask. 0 .. cols.
inline std::int32_t visible_columns(const TileContext& tile, std::uint32_t lane, bool causal,
                                    std::uint32_t tokens_q, std::uint32_t tokens_k) {
  if (!causal) return static_cast<std::int32_t>(tile.cols);
  const std::int64_t last = std::int64_t{tile.first_row} + lane + tokens_k - tokens_q;
  const std::int64_t visible = last + 1 - tile.first_key;
  return static_cast<std::int32_t>(
      std::min<std::int64_t>(std::max<std::int64_t>(visible, 0), tile.cols));
}

/// When the beats of a burst cross: beat (group, beat) at first + group × group_interval + beat ×
/// beat_interval.
struct BeatTiming {
  std::uint64_t first_cycle = 0;
  std::uint32_t groups = 1;
  std::uint32_t group_interval_cycles = 0;
  std::uint32_t beats = 1;  ///< per group
  std::uint32_t beat_interval_cycles = 1;

  std::uint64_t cycle(std::uint32_t group, std::uint32_t beat) const {
    return first_cycle + std::uint64_t{group} * group_interval_cycles +
           std::uint64_t{beat} * beat_interval_cycles;
  }
  std::uint64_t last_cycle() const { return cycle(groups - 1, beats - 1); }
};

}  // namespace attnguard
