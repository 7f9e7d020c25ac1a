// The systolic array as it computes a plain matrix product: a controller that counts through the
// folds, reads their operand lines, and sends the values of C on.
// Not modelled: skew and de-skew registers at the edges, the registers of the fold counter, the
// store of the partial sums that a weight- or input-stationary array hands from fold to fold (as
// large as a block of C; a line is read and written in every cycle). Operand line i of a fold that
// starts in cycle s (a stationary line: that preloads from p on) crosses its link in cycle s + i (p
// + i), in which it enters the array. Values of C cross the result link a line at a time, aligned
// with the array's last column (GemmCore::timing), and are rounded to the output format as they
// leave. When a fold starts: fold_timing.h.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <systemc>
#include <vector>

#include "models/fabric/burst.h"
#include "models/fabric/clock.h"
#include "models/fabric/run_monitor.h"
#include "models/fabric/timeline.h"
#include "models/fabric/unit_stats.h"
#include "models/gemm_accelerator/fold_timing.h"
#include "models/gemm_accelerator/gemm_layout.h"
#include "models/numerics/lane_tile.h"
#include "models/systolic_array/gemm_core.h"

namespace attnguard {

class GemmArray final : public sc_core::sc_module {
 public:
  BurstPort a_in, b_in;   ///< operand lines
  BurstPort result_out;   ///< to the result memory
  BurstPort observe_out;  ///< to the checksum unit

  SC_HAS_PROCESS(GemmArray);
  GemmArray(sc_core::sc_module_name name, GemmCore& core, const GemmLayout& layout,
            FoldPolicy policy, const Clock& clock, RunMonitor& monitor, FaultUniverse& universe,
            LiveLog& log);

  /// Observation bits the checkers need: kScores.
  void observe(std::uint32_t observations) { observations_ = observations; }
  /// Folds whose values may be on their way at once, whatever the policy.
  static std::uint32_t folds_in_flight(const GemmLayout& layout);

  void reset();
  /// Fold 0 starts now, in cycle 0.
  void start();
  /// The job goes no further.
  void abandon();
  /// Every value of C is sent.
  bool finished() const { return drained_ == layout_.folds(); }
  /// The first cycle after the last fold, as the policy counts.
  std::uint64_t folds_end() const { return folds_end_; }
  /// The cycle in which the controller sees that the last value is written.
  std::uint64_t finish_cycle() const { return finish_cycle_; }
  /// `total_cycles`: folds_end(), the end of the work counted.
  UnitStats stats(std::uint64_t total_cycles) const;
  std::uint64_t macs() const { return macs_; }
  /// Where its cycles are kept one by one; nullptr: nowhere.
  void record(UnitTrack* track) { track_ = track; }
  static constexpr const char* kIdle = "finish";

 private:
  /// A fold under way with what it was given and what it computes.
  struct Work {
    GemmFold fold;
    FoldExtent extent;
    TileContext tile;
    LaneTile a, b;                ///< [fold_k × row stride], [fold_k × fold_n]
    std::shared_ptr<LaneTile> c;  ///< [fold_n × row stride], of all folds that form its sums
  };

  void feed_method();
  void drain_method();
  std::unique_ptr<Work> take_work();
  std::shared_ptr<LaneTile> take_block();
  void describe(std::uint32_t index, Work& work) const;
  void plan_next();
  std::uint64_t begin(const GemmFold& fold) const {
    return core_.preload_cycles() > 0 ? fold.preload : fold.start;
  }
  bool read_operands(Work& work);
  bool read_lines(BurstPort& port, const Work& work, const OperandTiles& tiles, std::uint32_t tile,
                  std::uint32_t across, std::size_t stride, LaneTile& values);
  std::uint64_t late_cycles(const BurstPort& port, const OperandTiles& tiles,
                            const GemmFold& fold) const;
  void account(const GemmFold& fold, std::uint64_t late_cycles);
  void deliver(const Work& work);

  GemmCore& core_;
  const GemmLayout& layout_;
  FoldPolicy policy_;
  FoldTiming timing_;
  const Clock& clock_;
  RunMonitor& monitor_;
  LiveLog& log_;
  std::size_t stride_;  ///< of rows of A and C
  std::uint32_t in_flight_limit_;
  std::uint32_t observations_ = 0;

  sc_core::sc_event feed_event_, drain_event_;
  std::deque<std::unique_ptr<Work>> in_flight_;  ///< feed order
  std::vector<std::unique_ptr<Work>> spare_;
  std::vector<std::shared_ptr<LaneTile>> blocks_;  ///< those nobody else holds are free
  bool running_ = false;
  std::uint32_t next_ = 0, drained_ = 0;  ///< folds
  GemmFold planned_;                      ///< the next, with its cycles
  std::uint64_t edge_free_ = 0, folds_end_ = 0, finish_cycle_ = 0, macs_ = 0;
  UnitStats stats_;
  UnitTrack* track_ = nullptr;
  AlignedVector<std::byte> raw_;
  LaneTile line_, observed_;
};

}  // namespace attnguard
