// Recovery: what the sequencer does when a checker's alarm line interrupts it.
//
// Not modelled: its own state (retry counters, the record of what was stored) as fault sites, a
// path by which the units are told to drop their work (all do in the same cycle). Timing: an alarm
// line read high in cycle A aborts the job in A: no unit does anything after A for what was in
// flight, no check made from A on counts. The first command of the work redone is written in A +
// abort_cycles. Everything is loaded again. Nothing on chip outlives the abort but, for the policy
// recompute_tile, the copies of the running max, the running sum, the accumulated rows and the
// checkers' sums as they stood before a key tile: those are written back in A.
#pragma once

#include <cstdint>
#include <functional>
#include <systemc>
#include <vector>

#include "models/checksum_unit/checksum_unit.h"
#include "models/fabric/clock.h"
#include "models/fabric/line.h"
#include "models/output_accumulator/output_accumulator.h"
#include "models/sequencer/program.h"
#include "models/sequencer/recovery_core.h"
#include "models/sequencer/sequencer.h"
#include "models/softmax_unit/softmax_unit.h"

namespace attnguard {

class Recovery final : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(Recovery);
  /// `checkers`: the guards whose lines interrupt. `abandon`: makes every unit of the datapath drop
  /// what it has in flight, in the cycle given.
  Recovery(sc_core::sc_module_name name, const RecoveryConfig& config, const JobLayout& layout,
           const HalfBytes& half_bytes, const Clock& clock, ChecksumUnit& checksum,
           const std::vector<std::size_t>& checkers, const Line& store_done, Sequencer& sequencer,
           SoftmaxUnit& softmax, OutputAccumulator& accumulator,
           std::function<void(std::uint64_t)> abandon);

  /// Start of a job, in which alarms interrupt or not.
  void start(bool active);
  /// Of the job that has ended.
  RecoveryResult result() const;

 private:
  void alarm_method();
  void interrupt_method();
  std::uint32_t tile_of(const Place& place) const {
    return layout_.output_tile(static_cast<std::uint32_t>(place.head),
                               static_cast<std::uint32_t>(place.query_row));
  }
  std::vector<Blame> blames(std::uint64_t cycle) const;
  CoveredTiles covered_tiles(std::uint32_t tile, std::uint64_t cycle);
  ProgramStart return_to(const RestartPoint& point, CoveredTiles covered);
  std::uint64_t last_check() const;

  RecoveryConfig config_;
  const JobLayout& layout_;
  HalfBytes half_bytes_;
  const Clock& clock_;
  ChecksumUnit& checksum_;
  std::vector<ChecksumUnit::Guard*> guards_;
  Sequencer& sequencer_;
  SoftmaxUnit& softmax_;
  OutputAccumulator& accumulator_;
  std::function<void(std::uint64_t)> abandon_;
  RecoveryCore core_;
  bool active_ = false;
  sc_core::sc_event interrupt_event_;
};

}  // namespace attnguard
