// The accelerator: owns the units and binds their sockets, nothing else.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <systemc>
#include <vector>

#include "models/accelerator/accelerator_config.h"
#include "models/accelerator/job_layout.h"
#include "models/accelerator/value_correction.h"
#include "models/checksum_unit/checksum_unit.h"
#include "models/dma/dma.h"
#include "models/external_memory/external_memory.h"
#include "models/fabric/command_interposer.h"
#include "models/fabric/links.h"
#include "models/fabric/router.h"
#include "models/fault_injector/fault_owners.h"
#include "models/output_accumulator/output_accumulator.h"
#include "models/sequencer/done_fault.h"
#include "models/sequencer/recovery.h"
#include "models/sequencer/sequencer.h"
#include "models/softmax_unit/softmax_unit.h"
#include "models/sram_buffer/sram_buffer.h"
#include "models/systolic_array/systolic_array.h"

namespace attnguard {

class Accelerator final : public sc_core::sc_module {
 public:
  /// `interposers`: put a fault interposer on every data link; without, links are not fault sites.
  /// `interrupting`: indices of the checkers whose alarm interrupts, or which correct, where
  /// `recovery` is enabled.
  Accelerator(sc_core::sc_module_name name, const AcceleratorConfig& config,
              const std::vector<CheckerConfig>& checkers, const AttentionShape& shape,
              bool interposers, const RecoveryConfig& recovery,
              const std::vector<std::size_t>& interrupting);

  /// Every unit as after power-on, cycle 0 now, no fault armed.
  void reset();
  /// `recovering`: alarms interrupt the job, or values are corrected; only where recovery is
  /// enabled.
  void start(bool recovering);
  /// One more fault.
  void arm(const Fault& fault) { owners_.arm(fault); }
  /// Of the next runs, each from its reset() on; nullptr: none. Gets a track for each unit of
  /// stats() and for each control line.
  void record(Timeline* timeline);
  /// The done line that is this register, if one is.
  std::optional<DoneLine> done_line(RegisterId reg) const;
  /// Of the faults of the unit that owns this register, the first activated.
  FaultOutcome outcome(RegisterId reg) const { return owners_.outcome(reg); }
  /// End of a recorded run: what is known only then.
  void finish_live(std::uint64_t total_cycles);

  std::map<std::string, UnitStats> stats(std::uint64_t total_cycles) const;
  std::map<std::string, std::uint64_t> link_bytes() const { return links_.bytes(); }
  /// Of all buffers.
  CodeReads code_reads() const;
  /// What every unit, the links and external memory did in the run that took so many cycles; the
  /// checkers' is theirs.
  std::map<std::string, Activity> activity(std::uint64_t total_cycles) const;

  const Program& program() const { return program_; }
  const JobLayout& layout() const { return layout_; }
  const Clock& clock() const { return clock_; }
  const RunMonitor& monitor() const { return monitor_; }
  const FaultUniverse& universe() const { return universe_; }
  LiveLog& live_log() { return log_; }
  Sequencer& sequencer() { return *sequencer_; }
  const SystolicArray& array() const { return *array_; }
  const OutputAccumulator& accumulator() const { return *accumulator_; }
  ExternalMemoryCore& memory() { return *memory_core_; }
  ExternalMemory& external_memory() { return *external_memory_; }
  ChecksumUnit& checksum() { return *checksum_; }
  /// Of the job that has ended.
  RecoveryResult recovered() const;

 private:
  void build_units(const std::vector<CheckerConfig>& checkers);
  /// Every unit of the datapath drops what it has in flight.
  void abandon(std::uint64_t cycle);
  void bind_links(bool interposers, bool checkers);
  void bind_commands(bool interposer);
  std::unique_ptr<Line> make_done_line(const std::string& name);

  AcceleratorConfig config_;
  JobLayout layout_;
  Clock clock_;
  RunMonitor monitor_;
  FaultUniverse universe_;
  LiveLog log_;
  FaultOwners owners_{universe_};
  Links links_{clock_, universe_, log_, owners_};
  HalfBytes half_bytes_{};
  Program program_;

  Timeline* timeline_ = nullptr;

  std::unique_ptr<Line> load_done_, array_done_, accumulator_done_, store_done_;
  std::unique_ptr<SramCore> buffer_cores_[4];
  std::unique_ptr<SramBuffer> buffers_[4];
  std::unique_ptr<ExternalMemoryCore> memory_core_;
  std::unique_ptr<ExternalMemory> external_memory_;
  std::unique_ptr<Dma> dma_;
  std::unique_ptr<ArrayCore> array_core_;
  std::unique_ptr<SystolicArray> array_;
  std::unique_ptr<SoftmaxCore> softmax_core_;
  std::unique_ptr<SoftmaxUnit> softmax_;
  std::unique_ptr<AccumulatorCore> accumulator_core_;
  std::unique_ptr<OutputAccumulator> accumulator_;
  std::unique_ptr<ChecksumUnit> checksum_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<StateCounters> state_counters_;
  std::unique_ptr<Sequencer> sequencer_;
  std::unique_ptr<Recovery> recovery_;           ///< none where no alarm interrupts
  std::unique_ptr<ValueCorrection> correction_;  ///< none where nothing is corrected
  std::unique_ptr<CommandInterposer> command_interposer_;
};

}  // namespace attnguard
