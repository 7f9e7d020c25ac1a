// The accelerator of a plain matrix product: owns the units and binds their sockets, nothing else.
//
// The array alone is driven: both operands stand in their buffers before cycle 0, a line of either
// can be read in every cycle, and a line of C can be written in every cycle.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <systemc>
#include <vector>

#include "models/accelerator/accelerator_config.h"
#include "models/checksum_unit/checksum_unit.h"
#include "models/fabric/links.h"
#include "models/fault_injector/fault_owners.h"
#include "models/gemm_accelerator/gemm_array.h"
#include "models/gemm_accelerator/gemm_layout.h"
#include "models/gemm_accelerator/result_memory.h"
#include "models/sram_buffer/sram_buffer.h"

namespace attnguard {

class GemmAccelerator final : public sc_core::sc_module {
 public:
  /// `interposers`: put a fault interposer on every data link; without, links are not fault sites.
  GemmAccelerator(sc_core::sc_module_name name, const AcceleratorConfig& config,
                  const std::vector<CheckerConfig>& checkers, const GemmShape& shape,
                  bool interposers);

  /// The operands of the jobs to come.
  void load(const GemmJob& job);
  /// Every unit as after power-on, the operands in their buffers, cycle 0 now, no fault armed.
  void reset();
  /// Of the next runs, each from its reset() on; nullptr: none. Gets a track for each unit of
  /// stats() and for each alarm line.
  void record(Timeline* timeline);
  void start() {
    links_.start();
    array_->start();
  }
  /// One more fault.
  void arm(const Fault& fault) { owners_.arm(fault); }
  FaultOutcome outcome(RegisterId reg) const { return owners_.outcome(reg); }
  /// End of a recorded run: what is known only then.
  void finish_live(std::uint64_t total_cycles);

  /// Cycles from the start to the end of the last fold as the policy counts it; the last values
  /// may leave later.
  std::map<std::string, UnitStats> stats() const;
  std::map<std::string, std::uint64_t> link_bytes() const { return links_.bytes(); }
  /// What every unit and the links did; the checkers' is theirs.
  std::map<std::string, Activity> activity() const;
  /// Of all folds under serial_full.
  std::uint64_t serial_full_cycles() const;

  const GemmLayout& layout() const { return layout_; }
  const Clock& clock() const { return clock_; }
  const RunMonitor& monitor() const { return monitor_; }
  const FaultUniverse& universe() const { return universe_; }
  LiveLog& live_log() { return log_; }
  GemmArray& array() { return *array_; }
  ResultMemory& memory() { return *result_memory_; }
  ChecksumUnit& checksum() { return *checksum_; }

 private:
  void build_units(const std::vector<CheckerConfig>& checkers);
  void bind_links(bool interposers, bool checkers);
  void preload();
  std::uint64_t register_bits_written() const;

  AcceleratorConfig config_;
  GemmLayout layout_;
  Clock clock_;
  RunMonitor monitor_;
  FaultUniverse universe_;
  LiveLog log_;
  FaultOwners owners_{universe_};
  Links links_{clock_, universe_, log_, owners_};
  Timeline* timeline_ = nullptr;
  GemmLayout::PackedOperands packed_;  ///< as they lie in their buffers

  std::unique_ptr<SramCore> a_core_, b_core_;
  std::unique_ptr<SramBuffer> a_buffer_, b_buffer_;
  std::unique_ptr<GemmCore> array_core_;
  std::unique_ptr<GemmArray> array_;
  std::unique_ptr<ResultMemory> result_memory_;
  std::unique_ptr<ChecksumUnit> checksum_;
  std::vector<std::unique_ptr<BurstPort>> idle_;  ///< peers of sockets that nothing drives here
};

}  // namespace attnguard
