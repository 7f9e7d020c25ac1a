// Online softmax of one score tile: values, registers, liveness. Plain C++, no time but cycle
// numbers.
#pragma once

#include <cstdint>

#include "models/accelerator/accelerator_config.h"
#include "models/fabric/tile.h"
#include "models/fault_injector/fault_universe.h"
#include "models/fault_injector/register_tap.h"
#include "models/numerics/kernels.h"
#include "models/numerics/lane_tile.h"

namespace attnguard {

/// Cycles after a row's score beat (cycle a) at which its registers are written. The register of
/// one stage is read by the next in the cycle after it was written.
struct SoftmaxTiming {
  std::uint32_t max;    ///< running max: a + max
  std::uint32_t alpha;  ///< alpha and probabilities: a + alpha
  std::uint32_t sum;    ///< running sum: a + sum

  SoftmaxTiming(const SoftmaxConfig& config, std::uint32_t cols);
};

/// What the unit is told once per job.
struct SoftmaxJob {
  float scale_log2e = 0.0F;  ///< softmax scale × log2(e), float32
  bool causal = false;
  std::uint32_t tokens_q = 0, tokens_k = 0;
};

class SoftmaxCore {
 public:
  SoftmaxCore(const SoftmaxConfig& config, std::uint32_t rows, std::uint32_t cols,
              Format probability);

  void declare(FaultUniverse& universe, const std::string& name);
  void reset(const SoftmaxJob& job);

  /// Processes score tile [cols × stride] (changed in place by a fault in the score register) whose
  /// row i arrives at cycle first_beat + i.
  void process(const TileContext& tile, float* score, std::uint64_t first_beat, LiveLog& log);

  /// The state of a query tile between two of its key tiles: running max and sum, [stride].
  void restore(const float* max, const float* sum);
  /// A tile of `cols` keys whose scores and running maximum are known to equal another run's, whose
  /// results (max [stride], alpha [stride], probability [cols × stride]) are given: only the sum
  /// moves on.
  void follow(const float* max, const float* alpha, const float* probability, std::uint32_t cols);
  const float* max() const { return max_.data(); }  ///< [stride], running maximum

  const SoftmaxTiming& timing() const { return timing_; }
  // Each with kLaneAlign values of room behind, for who reads whole vectors from some row on.
  const float* probability() const { return probability_.data(); }  ///< [cols × stride], rounded
  const float* alpha() const { return alpha_.data(); }              ///< [stride]
  const float* sum() const {
    return sum_.data();
  }  ///< [stride], running sum; sent after the last key tile
  RegisterTap& tap() { return tap_; }

 private:
  struct Registers {
    RegisterId score, max, alpha, probability, sum;
  };
  void compute(const TileContext& tile, const float* score);
  RowSet faulty_rows(const TileContext& tile, std::uint64_t first_beat) const;
  void compute_row(const TileContext& tile, float* score, std::uint32_t row, std::uint64_t beat);
  void add_live(const TileContext& tile, std::uint64_t first_beat, LiveLog& log);

  SoftmaxTiming timing_;
  Exp2Kind exp2_;
  Format format_;
  std::uint32_t rows_, cols_;
  std::size_t stride_;
  SoftmaxJob job_;
  LaneTile max_, max_new_, alpha_, sum_, probability_;
  AlignedVector<std::int32_t> visible_;
  Registers reg_{};
  RegisterTap tap_;
  std::uint64_t previous_beat_ =
      0;  ///< first score beat of the previous key tile of this query tile
};

}  // namespace attnguard
