// Softmax unit: one score row per cycle, all columns in parallel.
//
// Not modelled: the registers inside the comparator tree, the exponential and the adder tree (not
// fault sites). Timing of a row whose score beat crosses at cycle a: score register a, running max
// a + max, alpha and probabilities a + alpha (both cross the links one cycle later), running sum a
// + sum; after the last key tile the sum crosses one cycle later. See SoftmaxTiming.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <systemc>

#include "models/fabric/burst.h"
#include "models/fabric/checkpoints.h"
#include "models/fabric/timeline.h"
#include "models/fabric/unit_stats.h"
#include "models/softmax_unit/softmax_core.h"

namespace attnguard {

class SoftmaxUnit final : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<SoftmaxUnit> score_in;
  BurstPort probability_out;  ///< to the array
  BurstPort scalar_out;       ///< alpha of every tile, l after the last: to the accumulator
  BurstPort observe_out;      ///< the same, to the checksum unit

  SoftmaxUnit(sc_core::sc_module_name name, SoftmaxCore& core, std::uint32_t rows,
              std::uint32_t cols, Format probability, RunMonitor& monitor, FaultUniverse& universe,
              LiveLog& log);

  /// `observations`: Observation bits the checkers need (kScalars).
  void observe(std::uint32_t observations) { observations_ = observations; }
  /// Start of a job.
  void reset(const SoftmaxJob& job);
  /// Of the running max and sum, for recovery.
  Checkpoints& checkpoints() { return checkpoints_; }
  /// The state of a query tile between two of its key tiles is that of the copy.
  void restore(const Checkpoints::Copy& copy) {
    core_.restore(copy.at<float>(0), copy.at<float>(stride_));
  }
  UnitStats stats(std::uint64_t total_cycles) const;
  /// Where its cycles are kept one by one; nullptr: nowhere.
  void record(UnitTrack* track) { track_ = track; }
  static constexpr const char* kIdle = "no_scores";

 private:
  void receive_scores(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void send_probabilities(const Burst& score);
  void send_scalars(const Burst& score, std::uint64_t first_cycle, const float* values, bool sums);

  SoftmaxCore& core_;
  std::size_t stride_;
  Format format_;
  LiveLog& log_;
  std::uint32_t observations_ = 0;
  std::uint64_t busy_cycles_ = 0;
  UnitTrack* track_ = nullptr;
  Checkpoints checkpoints_;
  AlignedVector<std::byte> raw_probability_;
  LaneTile scalars_, observed_scalars_;
};

}  // namespace attnguard
