// When everything happens in the golden run, tile by tile, for the query heads of one kv head.
//
// No latency depends on data, so a fault in data leaves every cycle here as it is. Read off the
// bursts that crossed the links.
#pragma once

#include <cstdint>
#include <vector>

#include "models/accelerator/job_layout.h"
#include "models/fault_injector/fault_universe.h"

namespace attnguard {

/// A tile of Q, K or V in its buffer.
struct TileInBuffer {
  BeatTiming written;         ///< from the dma
  std::uint64_t address = 0;  ///< bytes
  std::uint32_t half = 0;     ///< of the buffer
};

/// One key tile of one query tile: S, softmax, P·V.
struct StepTiming {
  TileContext tile;
  BeatTiming q_read, k_read, v_read;  ///< operand lines leave their buffers
  BeatTiming scores, probability, alpha, partial;
  std::uint64_t fed_cycle = 0;        ///< the last P·V pass starts: probabilities are observed
  std::uint64_t scores_arrival = 0, partial_arrival = 0;  ///< cycle at which the tile is handed over
  std::uint32_t key_slot = 0;  ///< index into keys() and values()
};

/// One query tile.
struct TileTiming {
  TileContext tile;  ///< of its last key tile
  std::vector<StepTiming> steps;
  TileInBuffer query;
  BeatTiming sum, output;          ///< l; slices of output rows
  std::uint64_t output_address = 0;
  std::uint64_t output_arrival = 0;
  BeatTiming output_read, commit;  ///< o buffer to dma, dma to external memory
};

class GroupSchedule {
 public:
  /// Bursts of the golden run of `kv_head`. Throws ModelError when one is missing.
  GroupSchedule(const JobLayout& layout, const BuffersConfig& buffers, std::uint32_t kv_head, const FaultUniverse& universe,
           const std::vector<BurstRecord>& bursts);

  std::uint32_t kv_head() const { return kv_head_; }
  /// In job order: query heads of the kv head, then query tiles.
  const std::vector<TileTiming>& tiles() const { return tiles_; }
  std::uint32_t tile_index(const TileId& tile) const {
    return (tile.head - kv_head_ * heads_) * query_tiles_ + tile.query_tile;
  }
  /// K and V tiles as loaded: one per key tile if they stay in their buffers, else one per step.
  const std::vector<TileInBuffer>& keys() const { return keys_; }
  const std::vector<TileInBuffer>& values() const { return values_; }

 private:
  StepTiming& step(const TileContext& tile) {
    return tiles_[tile_index(tile.id())].steps[tile.key_tile];
  }
  std::uint32_t slot(const TileContext& tile) {
    return resident_ ? tile.key_tile : step(tile).key_slot;
  }
  void take(const std::string& link, const BurstRecord& burst);
  void require_complete() const;

  TileInBuffer in_buffer(const BurstRecord& burst, const BufferConfig& buffer) const;

  const BuffersConfig& buffers_;
  std::uint32_t kv_head_, heads_, query_tiles_, cols_;
  bool resident_;
  std::vector<TileTiming> tiles_;
  std::vector<TileInBuffer> keys_, values_;
};

}  // namespace attnguard
