// One accelerator with one job, elaborated once and run as often as wanted: golden, or with a fault
// armed.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/accelerator/accelerator_config.h"
#include "models/checksum_unit/checker.h"
#include "models/checksum_unit/checker_config.h"
#include "models/fabric/activity.h"
#include "models/fabric/code_reads.h"
#include "models/fabric/timeline.h"
#include "models/fabric/unit_stats.h"
#include "models/fault_injector/fault.h"
#include "models/sequencer/done_fault.h"
#include "models/sequencer/recovery_core.h"
#include "src/workload/job.h"

namespace attnguard {

inline constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

/// Of one checker in one run.
struct CheckerResult {
  std::vector<Check> checks;           ///< every comparison, in the order made
  std::uint64_t alarm_cycle = kNever;  ///< first cycle at which the alarm line was read high
  std::optional<Activity> activity;    ///< of a fault-free run and a checker that tells its cost
};

/// When the words of one output tile reach external memory, or the result memory of a gemm.
struct CommitRecord {
  std::uint32_t head = 0;
  std::uint32_t first_row = 0, rows = 0;
  std::uint32_t first_col = 0, cols = 0;
  std::uint64_t first_cycle = 0;            ///< line of (row 0, slice 0) accepted
  std::uint32_t row_interval_cycles = 0;    ///< between rows
  std::uint32_t slice_interval_cycles = 0;  ///< between slices of slice_cols columns of a row
  std::uint32_t slice_cols = 0;
};

/// A run that takes longer has hung.
inline std::uint64_t watchdog_cycles(std::uint64_t golden_cycles) {
  return 4 * golden_cycles + 10000;
}
/// The same where alarms interrupt: each unit of work may be done again `retries` times, with what
/// was in flight behind it and after an abort.
inline std::uint64_t recovery_watchdog_cycles(std::uint64_t golden_cycles,
                                              const RecoveryConfig& recovery) {
  const std::uint64_t key_tiles = recovery.policy == RecoveryPolicy::recompute_tile ? 1 : 0;
  return (1 + key_tiles + recovery.retries) *
         (watchdog_cycles(golden_cycles) + recovery.abort_cycles * golden_cycles);
}

/// failed: of no run; the process that should have made it died, twice.
enum class Completion : std::uint8_t { finished, hang, crash, failed };

struct RunResult {
  Completion completion = Completion::finished;
  std::string crash_reason;  ///< which unit answered what, when
  std::uint64_t crash_cycle = kNever;
  /// Start of the job to the last store's done; meaningful when finished.
  std::uint64_t cycles = 0;
  /// Of a gemm: those at the end that the fold policy does not count, in which the last values
  /// leave.
  std::uint64_t drain_cycles = 0;
  std::uint64_t serial_full_cycles = 0;  ///< of a fault-free gemm: its folds under that policy
  std::uint64_t macs = 0;                ///< multiply-accumulates executed
  /// [heads][tokens_q][head_dim], of a gemm [m][n]: raw bits in the output format as memory holds
  /// them (bfloat16 in the low half).
  std::vector<std::uint32_t> output;
  std::vector<CommitRecord> commits;
  std::map<std::string, UnitStats> units;
  std::map<std::string, std::uint64_t> link_bytes;
  std::map<std::string, Activity> activity;  ///< of a fault-free run
  std::vector<CheckerResult> checkers;       ///< in configuration order
  CodeReads code_reads;                      ///< of protected buffers
  FaultOutcome fault;  ///< of the armed faults, the first activated; not where alarms interrupt
  RecoveryResult recovery;  ///< of a run in which alarms interrupt

  /// What is reported as the run's time: of a gemm what the fold policy counts.
  std::uint64_t counted_cycles() const { return cycles - drain_cycles; }
};

class Simulation {
 public:
  /// Elaborates. At most one per process (SystemC); throws std::invalid_argument with one line when
  /// a tile fits no buffer half. `interposers`: bind a fault interposer into every data link;
  /// without, links are no fault sites (to measure what disarmed interposers cost).
  Simulation(const AcceleratorConfig& accelerator, const std::vector<CheckerConfig>& checkers,
             const Job& job, bool interposers = true, const RecoveryConfig& recovery = {});
  ~Simulation();

  /// Other tensors of the same shape: what the next runs compute.
  void load(const Job& job);

  const FaultUniverse& universe() const;
  /// Comparison names per checker, configuration order.
  const std::vector<std::vector<std::string>>& comparisons() const;

  /// What happens when in the next runs is kept there, each replacing the one before; nullptr:
  /// nowhere, as at first. `timeline` is new and outlives the runs.
  void record(Timeline* timeline);

  /// Fault-free run. With `record_live`, live_blocks() afterwards holds the liveness of every
  /// register.
  RunResult run(bool record_live = false);
  const std::vector<LiveBlock>& live_blocks() const;
  /// Every burst that crossed a link in that run.
  const std::vector<BurstRecord>& bursts() const;
  /// Runs with the faults armed; ends as a hang after `watchdog_cycles`.
  RunResult run_with_faults(const std::vector<Fault>& faults, std::uint64_t watchdog_cycles);
  RunResult run_with_fault(const Fault& fault, std::uint64_t watchdog_cycles) {
    return run_with_faults({fault}, watchdog_cycles);
  }
  /// The same, where an alarm makes the accelerator do work again as the recovery configuration
  /// says.
  RunResult run_recovering(const std::vector<Fault>& faults, std::uint64_t watchdog_cycles);
  /// What a flip of a done line does, told from the recorded golden run; empty for other registers
  /// and where only run_with_fault can tell.
  std::optional<DoneFault> foresee(const Fault& fault) const;
  /// The run with such a fault as far as a comparison with the golden run needs it: output of a run
  /// that finishes, no checks, no commits but that of a stale tile, no statistics.
  RunResult foreseen_run(const DoneFault& fault) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attnguard
