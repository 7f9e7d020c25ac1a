// The accelerator of a plain matrix product, as a simulation runs it.
#pragma once

#include "models/gemm_accelerator/gemm_accelerator.h"
#include "src/simulation/machine.h"

namespace attnguard {

class GemmMachine final : public Machine {
 public:
  GemmMachine(const AcceleratorConfig& config, const std::vector<CheckerConfig>& checkers,
              const GemmJob& job, bool interposers);

  const Clock& clock() const override { return accelerator_.clock(); }
  const RunMonitor& monitor() const override { return accelerator_.monitor(); }
  const FaultUniverse& universe() const override { return accelerator_.universe(); }
  LiveLog& live_log() override { return accelerator_.live_log(); }
  ChecksumUnit& checksum() override { return accelerator_.checksum(); }

  void load(const Job& job) override { accelerator_.load(std::get<GemmJob>(job)); }
  void abandon() override { accelerator_.array().abandon(); }
  void reset() override { accelerator_.reset(); }
  void record(Timeline* timeline) override { accelerator_.record(timeline); }
  void arm(const Fault& fault) override { accelerator_.arm(fault); }
  void start(bool recovering, bool recording) override;
  FaultOutcome outcome(RegisterId reg) const override { return accelerator_.outcome(reg); }
  std::optional<std::uint64_t> finish_cycle() override;
  void finish_live(std::uint64_t cycles) override { accelerator_.finish_live(cycles); }
  void report(RunResult& result, bool priced, bool recovering) override;
  std::map<std::string, UnitStats> stats(std::uint64_t cycles) const override;

 private:
  void record_commit(const Burst& burst, std::uint64_t address);
  void record_misled(const Burst& burst, std::uint64_t address);
  CommitRecord record_of(const FoldExtent& block) const;

  GemmAccelerator accelerator_;
};

}  // namespace attnguard
