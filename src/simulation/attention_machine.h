// The accelerator of attention, as a simulation runs it.
#pragma once

#include "models/accelerator/accelerator.h"
#include "src/simulation/machine.h"

namespace attnguard {

class AttentionMachine final : public Machine {
 public:
  AttentionMachine(const AcceleratorConfig& config, const std::vector<CheckerConfig>& checkers,
                   const AttentionJob& job, bool interposers, const RecoveryConfig& recovery);

  const Clock& clock() const override { return accelerator_.clock(); }
  const RunMonitor& monitor() const override { return accelerator_.monitor(); }
  const FaultUniverse& universe() const override { return accelerator_.universe(); }
  LiveLog& live_log() override { return accelerator_.live_log(); }
  ChecksumUnit& checksum() override { return accelerator_.checksum(); }

  void load(const Job& job) override { accelerator_.memory().load(std::get<AttentionJob>(job)); }
  void abandon() override { accelerator_.sequencer().abandon(); }
  void reset() override { accelerator_.reset(); }
  void record(Timeline* timeline) override { accelerator_.record(timeline); }
  void arm(const Fault& fault) override { accelerator_.arm(fault); }
  void start(bool recovering, bool recording) override;
  FaultOutcome outcome(RegisterId reg) const override { return accelerator_.outcome(reg); }
  std::optional<std::uint64_t> finish_cycle() override;
  void finish_live(std::uint64_t cycles) override { accelerator_.finish_live(cycles); }
  void report(RunResult& result, bool priced, bool recovering) override;
  std::map<std::string, UnitStats> stats(std::uint64_t cycles) const override {
    return accelerator_.stats(cycles);
  }

  void keep_golden(const RunResult& result) override;
  std::optional<DoneFault> foresee(const Fault& fault) const override;
  RunResult foreseen_run(const DoneFault& fault) const override;

 private:
  void record_commit(const Burst& burst, std::uint64_t address);
  void record_misled(const Burst& burst, std::uint64_t address);

  Accelerator accelerator_;
  AttentionShape shape_;
  Schedule schedule_;   ///< of the recorded golden run
  RunResult golden_;    ///< the same; without checks
  bool known_ = false;  ///< both stand, and no checker alarmed
};

}  // namespace attnguard
