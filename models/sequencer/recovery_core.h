// What an alarm makes the sequencer do again, and how often. Plain C++.
//
// The unit of work is the query tile or the query head that the alarming check belongs to, or a key
// tile of the query tile as long as its beginning can be gone back to. Work is
// always done in the order of the program: it goes back to the first output tile that is to be done
// again and goes on from there to the end of the job. An output tile that is not yet whole in
// external memory is in flight and lost with the abort, so the program never restarts behind it.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "models/accelerator/job_layout.h"
#include "models/sequencer/recovery_config.h"

namespace attnguard {

/// Of one run.
struct RecoveryResult {
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  /// Interruptions after which work was done again; of `correct`, products of a tile put right.
  std::uint32_t retries = 0;
  bool exhausted = false;              ///< a unit of work alarmed again after its last retry
  std::uint64_t alarm_cycle = kNever;  ///< first interruption: an alarm line is read high
  /// Every unit done again is whole in external memory and the last of its checks is read; kNever
  /// if nothing was done again.
  std::uint64_t recovered_cycle = kNever;
};

/// What an alarm blames.
struct Blame {
  std::uint32_t tile = 0;                 ///< output tile, in job order
  std::optional<std::uint32_t> key_tile;  ///< of it, if the check belongs to one
};

/// Where work is done again from.
struct RestartPoint {
  std::uint32_t tile = 0;      ///< output tile, in job order
  std::uint32_t key_tile = 0;  ///< of it
  bool operator==(const RestartPoint& other) const {
    return tile == other.tile && key_tile == other.key_tile;
  }
};

/// The key tiles of the output tile in work whose beginning can be gone back to: first .. last,
/// none if first > last.
struct CoveredTiles {
  std::uint32_t first = 1, last = 0;
};

class RecoveryCore {
 public:
  /// `heads_only`: a checker carries sums from query tile to query tile, so that work can start
  /// again at the first query tile of a head only.
  RecoveryCore(const RecoveryConfig& config, const JobLayout& layout, bool heads_only);

  void reset();
  /// Checks alarmed, as read in `cycle`; the first `stored` output tiles of the job are whole in
  /// external memory, `covered` are key tiles of the next one. Where to start again; nowhere if
  /// every unit blamed has used up its retries.
  std::optional<RestartPoint> interrupt(const std::vector<Blame>& blames, std::uint32_t stored,
                                        CoveredTiles covered, std::uint64_t cycle);
  /// Output tiles that belong to units done again, or of which a key tile was.
  bool done_again(std::uint32_t tile) const { return redone_[unit_of(tile)]; }
  const RecoveryResult& result() const { return result_; }

 private:
  std::uint32_t head_start(std::uint32_t tile) const { return tile - tile % tiles_per_head_; }
  /// First output tile of the unit.
  std::uint32_t unit_of(std::uint32_t tile) const { return whole_heads_ ? head_start(tile) : tile; }

  std::uint32_t key_tile_to_start_at(const Blame& blame, std::uint32_t stored,
                                     CoveredTiles covered);

  std::uint32_t allowed_, tiles_per_head_;
  bool heads_only_, whole_heads_, key_tiles_;
  std::vector<std::uint32_t> attempts_;                      ///< by first output tile of the unit
  std::vector<bool> redone_;                                 ///< likewise
  std::set<std::pair<std::uint32_t, std::uint32_t>> tried_;  ///< (output tile, key tile) done again
  RecoveryResult result_;
};

}  // namespace attnguard
