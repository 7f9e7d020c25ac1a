// The golden state of the query heads of one kv head: operands, and per query tile and key tile
// what a fault can start from and what it is compared with.
//
// Values are computed by the cores and kernels of the models from the job's tensors; the cycles
// come from the golden run. Output words and every check are compared with the golden run's as
// they are recorded. If all query tiles do not fit in the memory allowed, each is recorded again
// when it is needed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "models/accelerator/attention_job.h"
#include "models/output_accumulator/accumulator_core.h"
#include "models/softmax_unit/softmax_core.h"
#include "src/campaign/differential/checker_replay.h"
#include "src/campaign/differential/group_schedule.h"

namespace attnguard {

/// What does not change from group to group.
struct GoldenJob {
  const AcceleratorConfig& accelerator;
  const std::vector<CheckerConfig>& checkers;
  const AttentionJob& job;
  JobLayout layout;
  const FaultUniverse& universe;
  const std::vector<BurstRecord>& bursts;
  const RunResult& golden;
  /// Whether the golden schedule tells what a flip of a control line does; fills in the measurement
  /// if one is given.
  std::function<bool(const Fault&, Measurement*)> foresee;

  TileStrides strides() const {
    return {lane_stride(layout.rows), lane_stride(layout.cols), lane_stride(layout.shape.head_dim)};
  }
};

/// The cores and checkers that recompute tiles; register ids are the accelerator's.
struct ReplayUnits {
  explicit ReplayUnits(const GoldenJob& job);

  SoftmaxCore softmax;
  AccumulatorCore accumulator;
  std::vector<std::unique_ptr<CheckerReplay>> checkers;
  LiveLog no_log;
};

/// Of one query tile. Lane-major tiles are [..][row stride], rows lie one after another.
struct GoldenTile {
  LaneTile query;                  ///< [d][stride]
  LaneTile scores, probabilities;  ///< [step][C][stride]
  LaneTile alpha, max, sum;        ///< [step][stride]; max and sum after the step
  LaneTile partial, acc;  ///< [row][step][value stride], rows `pitch` apart; acc after the step
  LaneTile outputs;       ///< acc, output and reciprocal as in OutputView, lane 0 = row 0
  std::vector<CheckerTrace> checkers;
  std::uint32_t steps = 0;
  std::size_t pitch = 0;

  /// A cache line more than the steps of a row take: else what all rows have of one step falls into
  /// the same few sets of the cache.
  static std::size_t pitch_of(std::size_t steps, std::size_t value_stride) {
    return steps * value_stride + kLaneAlign;
  }
};

class GoldenGroup {
 public:
  /// Throws ModelError when what is recorded contradicts the golden run.
  GoldenGroup(const GoldenJob& job, ReplayUnits& units, std::uint32_t kv_head,
              std::uint64_t memory_bytes);

  const GroupSchedule& schedule() const { return schedule_; }
  /// K tile [d][key stride] and V tile [C][value stride].
  const float* key(std::uint32_t key_tile) const { return keys_[key_tile].data(); }
  const float* value(std::uint32_t key_tile) const { return values_[key_tile].data(); }
  /// Copies of the same that a fault may change; whoever does puts the golden value back.
  float* changing_key(std::uint32_t key_tile) { return copy(keys_, changing_keys_, key_tile); }
  float* changing_value(std::uint32_t key_tile) {
    return copy(values_, changing_values_, key_tile);
  }
  /// Valid until the next call.
  const GoldenTile& tile(std::uint32_t index);

  /// Bytes of one query tile of `steps` key tiles.
  static std::uint64_t tile_bytes(const GoldenJob& job, const ReplayUnits& units,
                                  std::uint32_t steps);
  /// Bytes of the largest group.
  static std::uint64_t group_bytes(const GoldenJob& job, const ReplayUnits& units);

 private:
  static float* copy(const std::vector<LaneTile>& golden, std::vector<LaneTile>& copies,
                     std::uint32_t key_tile);
  void load_operands();
  void hold_column_of_previous_group();
  void load_stores();
  void record(std::uint32_t index, GoldenTile& tile, bool verify);
  void record_step(const TileTiming& timing, std::uint32_t step, GoldenTile& tile,
                   std::vector<std::vector<Check>>& made);
  void verify_outputs(const TileTiming& timing, const GoldenTile& tile) const;
  void verify_checks(std::size_t checker, const std::vector<Check>& made);

  const GoldenJob& job_;
  ReplayUnits& units_;
  TileStrides strides_;
  GroupSchedule schedule_;
  std::vector<LaneTile> keys_, values_;
  std::vector<LaneTile> changing_keys_, changing_values_;  ///< made when first asked for
  bool all_resident_ = true;
  std::vector<GoldenTile> tiles_;                     ///< all, or the one recorded last
  std::uint32_t resident_tile_ = 0;                   ///< which one that is
  std::vector<std::vector<CheckerTrace>> starts_;     ///< per tile, if not all are kept
  std::vector<std::vector<std::size_t>> next_check_;  ///< [checker][comparison] to verify next
  std::vector<Check> made_;
  // Room for one tile.
  LaneTile rows_, broadcast_;
  std::vector<const float*> row_pointers_, acc_pointers_;
};

}  // namespace attnguard
