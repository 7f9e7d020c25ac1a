// Output accumulator: R × d running outputs, rescaled by alpha, normalised after the last key tile,
// written to the o buffer.
//
// Not modelled: the registers inside the divider and the multiply-add pipelines (not fault sites).
// Timing: a partial row crossing at cycle b is accumulated at b + 1. After the last, row i's l is
// read at n + i·⌈d/C⌉ with n = the cycle after the last accumulation (or after the last l has
// arrived), its reciprocal stands divide_latency later, and one slice of C columns per cycle
// follows; it crosses to the o buffer a cycle after it stands in the output register. `done` rises
// when the last word is written.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <systemc>
#include <vector>

#include "models/fabric/burst.h"
#include "models/fabric/checkpoints.h"
#include "models/fabric/clock.h"
#include "models/fabric/commands.h"
#include "models/fabric/line.h"
#include "models/fabric/run_monitor.h"
#include "models/fabric/timeline.h"
#include "models/fabric/unit_stats.h"
#include "models/output_accumulator/accumulator_core.h"

namespace attnguard {

class OutputAccumulator final : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<OutputAccumulator> command_in;
  tlm_utils::simple_target_socket<OutputAccumulator> partial_in;  ///< from the array
  tlm_utils::simple_target_socket<OutputAccumulator> scalar_in;   ///< address 0: alpha, 1: l
  BurstPort output_out;                                           ///< to the o buffer
  BurstPort observe_out;                                          ///< to the checksum unit

  SC_HAS_PROCESS(OutputAccumulator);
  /// `o_write_cycles`: from a beat to its word written in the o buffer.
  OutputAccumulator(sc_core::sc_module_name name, AccumulatorCore& core, std::uint32_t rows,
                    std::uint32_t cols, std::uint32_t head_dim, Format output,
                    std::uint32_t o_write_cycles, const Clock& clock, RunMonitor& monitor,
                    FaultUniverse& universe, LiveLog& log, Line& done);

  void observe(std::uint32_t observations) { observations_ = observations; }
  void reset();
  /// Drops the output tile in work.
  void abandon(std::uint64_t cycle);
  /// Of the accumulated rows, for recovery.
  Checkpoints& checkpoints() { return checkpoints_; }
  /// The accumulated rows are those of the copy.
  void restore(const Checkpoints::Copy& copy) { core_.restore(copy.at<float>(0)); }
  UnitStats stats(std::uint64_t total_cycles) const;
  /// Where its cycles are kept one by one; nullptr: nowhere.
  void record(UnitTrack* track) { track_ = track; }
  static constexpr const char* kIdle = "no_partials";
  /// Of a recorded run: the cycle at which each output tile was sent to the o buffer.
  const std::vector<std::uint64_t>& tile_cycles() const { return tile_cycles_; }

 private:
  void accept_command(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void receive_partial(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void receive_scalars(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void finish_tile(const TileContext& tile);
  template <class Word>
  void to_lines(std::uint32_t rows);
  BeatTiming beats_of(const TileContext& tile, const NormaliseTiming& timing) const;
  void send_observation(const TileContext& tile, const NormaliseTiming& timing);
  void done_method() {
    busy_ = false;
    done_.write(true, clock_.cycle() - 1);
  }

  AccumulatorCore& core_;
  std::uint32_t cols_, head_dim_, slices_;
  std::size_t stride_;
  Format format_;
  std::uint32_t o_write_cycles_;
  const Clock& clock_;
  RunMonitor& monitor_;
  LiveLog& log_;
  Line& done_;
  sc_core::sc_event done_event_;
  AccumulatorCommand command_;
  bool busy_ = false;
  std::uint32_t observations_ = 0;
  std::uint64_t accumulate_cycles_ = 0, normalise_cycles_ = 0;
  UnitTrack* track_ = nullptr;
  AlignedVector<std::byte> raw_output_, encoded_;
  LaneTile observed_;
  std::vector<std::uint64_t> tile_cycles_;
  Checkpoints checkpoints_;
};

}  // namespace attnguard
