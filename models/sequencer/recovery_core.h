// What an alarm makes the sequencer do again, and how often. Plain C++.
//
// The unit of work is the query tile or the query head that the alarming check belongs to. Work is
// always done in the order of the program: it goes back to the first output tile that is to be done
// again and goes on from there to the end of the job. An output tile that is not yet whole in
// external memory is in flight and lost with the abort, so the program never restarts behind it.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "models/accelerator/job_layout.h"
#include "models/sequencer/recovery_config.h"

namespace attnguard {

/// Of one run.
struct RecoveryResult {
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  std::uint32_t retries = 0;           ///< interruptions after which work was done again
  bool exhausted = false;              ///< a unit of work alarmed again after its last retry
  std::uint64_t alarm_cycle = kNever;  ///< first interruption: an alarm line is read high
  /// Every unit done again is whole in external memory and the last of its checks is read; kNever
  /// if nothing was done again.
  std::uint64_t recovered_cycle = kNever;
};

class RecoveryCore {
 public:
  /// `heads_only`: a checker carries sums from query tile to query tile, so that work can start
  /// again at the first query tile of a head only.
  RecoveryCore(const RecoveryConfig& config, const JobLayout& layout, bool heads_only);

  void reset();
  /// Checks of these output tiles (in job order) alarmed, as read in `cycle`; the first `stored`
  /// tiles of the job are whole in external memory. The output tile to start again at; none if
  /// every unit of them has used up its retries.
  std::optional<std::uint32_t> interrupt(const std::vector<std::uint32_t>& tiles,
                                         std::uint32_t stored, std::uint64_t cycle);
  /// Output tiles that belong to units done again.
  bool done_again(std::uint32_t tile) const { return attempts_[unit_of(tile)] > 0; }
  const RecoveryResult& result() const { return result_; }

 private:
  std::uint32_t head_start(std::uint32_t tile) const { return tile - tile % tiles_per_head_; }
  /// First output tile of the unit.
  std::uint32_t unit_of(std::uint32_t tile) const { return whole_heads_ ? head_start(tile) : tile; }

  std::uint32_t allowed_, tiles_per_head_;
  bool heads_only_, whole_heads_;
  std::vector<std::uint32_t> attempts_;  ///< by first output tile of the unit
  RecoveryResult result_;
};

}  // namespace attnguard
