// The modelled hardware with its job, as a simulation runs it, whichever accelerator it is.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "models/accelerator/accelerator_config.h"
#include "models/checksum_unit/checksum_unit.h"
#include "models/fabric/clock.h"
#include "models/fabric/run_monitor.h"
#include "models/fault_injector/fault.h"
#include "models/sequencer/done_fault.h"
#include "models/sequencer/recovery_config.h"
#include "src/simulation/simulation.h"
#include "src/workload/job.h"

namespace attnguard {

class Machine {
 public:
  virtual ~Machine() = default;

  virtual const Clock& clock() const = 0;
  virtual const RunMonitor& monitor() const = 0;
  virtual const FaultUniverse& universe() const = 0;
  virtual LiveLog& live_log() = 0;
  virtual ChecksumUnit& checksum() = 0;

  /// Other tensors of the same shape.
  virtual void load(const Job& job) = 0;
  /// A run is over: what it has left to do never happens.
  virtual void abandon() = 0;
  virtual void reset() = 0;
  /// See Simulation::record.
  virtual void record(Timeline* timeline) = 0;
  virtual void arm(const Fault& fault) = 0;
  /// `recording`: of what start() sets going, remember when it was done.
  virtual void start(bool recovering, bool recording) = 0;
  /// Of the faults of the unit that owns this register, the first activated.
  virtual FaultOutcome outcome(RegisterId reg) const = 0;
  /// Empty for a job that is not done.
  virtual std::optional<std::uint64_t> finish_cycle() = 0;
  /// End of a recorded run.
  virtual void finish_live(std::uint64_t cycles) = 0;
  /// Fills in what this hardware knows of the run but its time; its `activity` if `priced`, its
  /// `recovery` if `recovering`.
  virtual void report(RunResult& result, bool priced, bool recovering) = 0;
  /// Statistics of a finished run.
  virtual std::map<std::string, UnitStats> stats(std::uint64_t cycles) const = 0;

  /// A recorded run without a fault, which finished or not.
  virtual void keep_golden(const RunResult&) {}
  /// See Simulation.
  virtual std::optional<DoneFault> foresee(const Fault&) const { return std::nullopt; }
  virtual RunResult foreseen_run(const DoneFault&) const { return {}; }

  /// What memory has accepted since this was last asked.
  std::vector<CommitRecord> take_commits() { return std::exchange(commits_, {}); }

 protected:
  std::vector<CommitRecord> commits_;
};

std::unique_ptr<Machine> make_machine(const AcceleratorConfig& accelerator,
                                      const std::vector<CheckerConfig>& checkers, const Job& job,
                                      bool interposers, const RecoveryConfig& recovery);

}  // namespace attnguard
