// Systolic array unit: takes S and P·V commands, reads operand lines, delivers score and P·V tiles.
//
// Not modelled: the skew and de-skew registers at the edges and the FIFO that hides buffer
// conflicts (not fault sites). Timing of a pass fed from cycle s with depth T (see SteppingArray
// for the registers): row i crosses the output link at s + T + C + 1 + i. A pass may start when the
// edge is free, when its rows find the column bus free (s + T >= s' + T' + R), when its operands
// have come (read at r, then s = r + read latency + (T − 1)(interval − 1): a FIFO lets slower
// buffer beats run ahead), and, for P·V, when the whole probability tile is there. One command
// waits while another runs; `done` is high while that place is free.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <array>
#include <deque>
#include <functional>
#include <systemc>
#include <utility>

#include "models/fabric/burst.h"
#include "models/fabric/clock.h"
#include "models/fabric/commands.h"
#include "models/fabric/line.h"
#include "models/fabric/run_monitor.h"
#include "models/fabric/timeline.h"
#include "models/fabric/unit_stats.h"
#include "models/systolic_array/array_core.h"

namespace attnguard {

/// What the array must know of an operand buffer.
struct OperandPort {
  std::uint32_t beat_interval_cycles = 1;
  std::uint32_t read_latency_cycles = 1;
};

class SystolicArray final : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<SystolicArray> command_in;
  tlm_utils::simple_target_socket<SystolicArray> probability_in;
  BurstPort q_in, k_in, v_in;  ///< operand lines
  BurstPort score_out;         ///< to the softmax unit
  BurstPort partial_out;       ///< to the accumulator
  BurstPort observe_out;       ///< to the checksum unit

  SC_HAS_PROCESS(SystolicArray);
  SystolicArray(sc_core::sc_module_name name, ArrayCore& core, const ArrayConfig& config,
                const FormatsConfig& formats, std::uint32_t head_dim, OperandPort q, OperandPort k,
                OperandPort v, const Clock& clock, RunMonitor& monitor, FaultUniverse& universe,
                LiveLog& log, Line& done);

  /// Observation bits the checkers need: kScores, kProbabilities, kPartials.
  void observe(std::uint32_t observations) { observations_ = observations; }
  /// Called with every product, [column][stride], when the checkers have observed it and before it
  /// leaves; null for nobody.
  void correct(std::function<void(float* values, std::size_t stride)> write) {
    correct_ = std::move(write);
  }
  void reset();
  /// Drops the operations under way and the waiting command; cycles counted ahead are taken back.
  void abandon(std::uint64_t cycle);
  UnitStats stats(std::uint64_t total_cycles) const;
  std::uint64_t macs() const { return macs_; }
  /// Where its cycles are kept one by one; nullptr: nowhere.
  void record(UnitTrack* track) { track_ = track; }
  static constexpr const char* kIdle = "finish";

 private:
  /// Operations in flight. P·V of tile n needs the drained scores of tile n, so the operations from
  /// P·V n − 1 to S n + 2 are the most that can be under way.
  static constexpr std::size_t kWorks = 4;
  /// Why the west edge stands still; the first three as in WaitedFor.
  enum class Stall { command, load, accumulator, probability, drain, operand };
  static constexpr std::array kStallNames = {"command",     "load",  "accumulator",
                                             "probability", "drain", "operand"};

  void accept_command(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void receive_probability(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void plan_when_ready();
  void feed_method();
  void drain_method();

  /// Cycle at which operand reading starts; accounts for the wait.
  std::uint64_t plan(ArrayWork& work);
  bool read_operands(ArrayWork& work, std::uint64_t read_start);
  void wait_for_operands(ArrayWork& work);
  bool read_lines(BurstPort& port, const ArrayWork& work, std::uint64_t address,
                  std::uint64_t read_start, std::uint32_t lanes, std::uint32_t line_elements,
                  std::uint32_t read_interval, LaneTile& values);
  void deliver(ArrayWork& work);
  void observe_values(const Burst& like, std::uint32_t observation, const float* values,
                      std::size_t count);
  void observe_probability(const ArrayWork& work);
  /// The west edge is taken for that long, with an operand or waiting.
  void busy(std::uint64_t cycles) {
    if (track_ != nullptr) record_cycles({}, cycles);
    take_edge(stats_.busy_cycles, cycles);
  }
  void stall(Stall reason, std::uint64_t cycles) {
    if (track_ != nullptr) record_cycles(kStallNames[static_cast<std::size_t>(reason)], cycles);
    take_edge(stall_cycles(reason), cycles);
  }
  /// Looked up by name once per run: every pass counts.
  std::uint64_t& stall_cycles(Stall reason) {
    const auto which = static_cast<std::size_t>(reason);
    if (stall_cycles_[which] == nullptr)
      stall_cycles_[which] = &stats_.stall_cycles[kStallNames[which]];
    return *stall_cycles_[which];
  }
  void record_cycles(std::string_view stall, std::uint64_t cycles);
  void take_edge(std::uint64_t& counter, std::uint64_t cycles) {
    if (cycles == 0) return;
    counter += cycles;
    counted_.push_back({&counter, edge_free_, edge_free_ + cycles});
    edge_free_ += cycles;
  }

  ArrayCore& core_;
  ArrayConfig config_;
  FormatsConfig formats_;
  std::uint32_t head_dim_;
  OperandPort q_, k_, v_;
  const Clock& clock_;
  RunMonitor& monitor_;
  LiveLog& log_;
  Line& done_;
  std::uint32_t observations_ = 0;
  std::function<void(float*, std::size_t)> correct_;

  ArrayCommand command_;
  bool pending_ = false;  ///< a command waits to be fed
  bool planned_ = false;  ///< and its start is known
  std::uint64_t read_start_ = 0;
  std::uint64_t command_cycle_ = 0;
  sc_core::sc_event feed_event_, drain_event_;
  std::array<ArrayWork, kWorks> works_;
  std::array<ArrayOperands, kWorks> operands_;
  std::size_t next_work_ = 0, first_draining_ = 0, draining_ = 0;
  std::uint64_t edge_free_ = 0, bus_free_ = 0, reads_end_ = 0;
  std::uint64_t probability_ready_[2] = {0,
                                         0};  ///< first cycle in which the bank's tile can be read
  bool probability_valid_[2] = {false, false};  ///< holds a tile no P·V has used yet
  std::uint64_t macs_ = 0;
  UnitStats stats_;
  std::array<std::uint64_t*, kStallNames.size()> stall_cycles_{};  ///< in stats_
  UnitTrack* track_ = nullptr;
  /// Cycles [begin, end) that stand in a counter and may still lie ahead: abandoned passes give
  /// them back. The last one ends at edge_free_.
  struct Counted {
    std::uint64_t* counter;
    std::uint64_t begin, end;
  };
  std::deque<Counted> counted_;
  AlignedVector<std::byte> raw_, decoded_q_;
  LaneTile probability_, observed_;
};

}  // namespace attnguard
