#include "src/simulation/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "src/simulation/attention_machine.h"
#include "src/simulation/combinations.h"
#include "src/simulation/gemm_machine.h"
#include "src/simulation/machine.h"
#include "src/simulation/run_kernel.h"

namespace attnguard {
namespace {

/// Model errors (SC_REPORT_FATAL and ERROR) become exceptions; nothing is printed by the kernel.
void quiet_kernel() {
  sc_core::sc_report_handler::set_actions(sc_core::SC_FATAL, sc_core::SC_THROW);
  sc_core::sc_report_handler::set_actions(sc_core::SC_ERROR, sc_core::SC_THROW);
  sc_core::sc_report_handler::set_actions(sc_core::SC_WARNING, sc_core::SC_THROW);
  sc_core::sc_report_handler::set_actions(sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
}

}  // namespace

std::unique_ptr<Machine> make_machine(const AcceleratorConfig& accelerator,
                                      const std::vector<CheckerConfig>& checkers, const Job& job,
                                      bool interposers, const RecoveryConfig& recovery) {
  quiet_kernel();
  if (const auto* gemm = std::get_if<GemmJob>(&job))
    return std::make_unique<GemmMachine>(accelerator, checkers, *gemm, interposers);
  return std::make_unique<AttentionMachine>(accelerator, checkers, std::get<AttentionJob>(job),
                                            interposers, recovery);
}

struct Simulation::Impl {
  Impl(const AcceleratorConfig& config, const std::vector<CheckerConfig>& checkers, const Job& job,
       bool interposers, const RecoveryConfig& recovery)
      : machine(make_machine(config, checkers, job, interposers, recovery)),
        members(members_of(checkers)) {
    for (auto& guard : machine->checksum().guards())
      comparisons.push_back(guard->checker->comparisons());
    comparisons.resize(checkers.size());
    run_kernel(sc_core::SC_ZERO_TIME);  // every process runs up to its first wait
  }

  enum class Mode { plain, recording, recovering };
  RunResult run(const std::vector<Fault>& faults, std::uint64_t watchdog_cycles, Mode mode);
  void settle();
  void check_invariants(const RunResult& result) const;

  std::unique_ptr<Machine> machine;
  Members members;
  std::vector<std::vector<std::string>> comparisons;
  Timeline* timeline = nullptr;
};

/// After a hang or a crash. What the run has left to do at this time, it does now: a process that
/// is already due cannot be taken back by a reset.
void Simulation::Impl::settle() {
  machine->abandon();
  while (sc_core::sc_pending_activity_at_current_time()) run_kernel(sc_core::SC_ZERO_TIME);
}

RunResult Simulation::Impl::run(const std::vector<Fault>& faults, std::uint64_t watchdog_cycles,
                                Mode mode) {
  const bool record_live = mode == Mode::recording, recovering = mode == Mode::recovering;
  settle();
  machine->reset();
  machine->take_commits();
  if (record_live) machine->live_log().start();
  for (const Fault& fault : faults) machine->arm(fault);
  machine->start(recovering, record_live);
  // The kernel runs until nothing is left to do: a finished job, an error, or a model that waits
  // for ever.
  run_kernel(machine->clock().until(watchdog_cycles), sc_core::SC_EXIT_ON_STARVATION);

  RunResult result;
  if (machine->monitor().crashed()) {
    result.completion = Completion::crash;
    result.crash_reason = machine->monitor().reason();
    result.crash_cycle = machine->monitor().cycle();
  } else if (const auto finished = machine->finish_cycle()) {
    result.cycles = *finished;
    if (record_live) machine->finish_live(result.cycles);
  } else {
    result.completion = Completion::hang;
  }
  machine->live_log().stop();
  const bool priced = faults.empty() && !recovering && result.completion == Completion::finished;
  machine->report(result, priced, recovering);
  result.commits = machine->take_commits();
  for (auto& guard : machine->checksum().guards()) {
    CheckerResult& checker = result.checkers.emplace_back();
    if (priced) checker.activity = guard->activity();
    checker.checks = std::move(guard->checks);
    checker.alarm_cycle = guard->alarm_cycle;
  }
  // What was in flight when an alarm came is dropped, and with it what is known of its faults.
  for (std::size_t f = 0; f < faults.size() && !recovering; ++f)
    result.fault = result.fault.earlier(machine->outcome(faults[f].site.reg));
  result.checkers.resize(members.size());
  for (std::size_t c = 0; c < members.size(); ++c)
    for (const std::size_t member : members[c])
      result.checkers[c].alarm_cycle =
          std::min(result.checkers[c].alarm_cycle, result.checkers[member].alarm_cycle);
  if (result.completion == Completion::finished) {
    result.units = machine->stats(result.cycles);
    check_invariants(result);
  }
  if (record_live) machine->keep_golden(result);
  if (timeline != nullptr)
    timeline->end_cycle = result.completion == Completion::finished ? result.counted_cycles()
                          : result.completion == Completion::crash  ? result.crash_cycle + 1
                                                                    : machine->clock().cycle() + 1;
  return result;
}

/// Every cycle of every unit is accounted for.
void Simulation::Impl::check_invariants(const RunResult& result) const {
  for (const auto& [unit, stats] : result.units)
    if (stats.total() != result.counted_cycles())
      throw std::logic_error(fmt::format("{}: busy and stall cycles add up to {}, the run took {}",
                                         unit, stats.total(), result.counted_cycles()));
}

Simulation::Simulation(const AcceleratorConfig& accelerator,
                       const std::vector<CheckerConfig>& checkers, const Job& job, bool interposers,
                       const RecoveryConfig& recovery)
    : impl_(std::make_unique<Impl>(accelerator, checkers, job, interposers, recovery)) {}

Simulation::~Simulation() = default;

void Simulation::load(const Job& job) { impl_->machine->load(job); }

const FaultUniverse& Simulation::universe() const { return impl_->machine->universe(); }
const std::vector<std::vector<std::string>>& Simulation::comparisons() const {
  return impl_->comparisons;
}

void Simulation::record(Timeline* timeline) {
  impl_->timeline = timeline;
  impl_->machine->record(timeline);
}

RunResult Simulation::run(bool record_live) {
  // A fault-free schedule is finite, so starvation ends it: done, or a deadlock that is reported as
  // a hang.
  constexpr std::uint64_t kUnbounded = std::uint64_t{1} << 48;
  return impl_->run({}, kUnbounded, record_live ? Impl::Mode::recording : Impl::Mode::plain);
}

const std::vector<LiveBlock>& Simulation::live_blocks() const {
  return impl_->machine->live_log().blocks();
}

const std::vector<BurstRecord>& Simulation::bursts() const {
  return impl_->machine->live_log().bursts();
}

RunResult Simulation::run_with_faults(const std::vector<Fault>& faults,
                                      std::uint64_t watchdog_cycles) {
  return impl_->run(faults, watchdog_cycles, Impl::Mode::plain);
}

RunResult Simulation::run_recovering(const std::vector<Fault>& faults,
                                     std::uint64_t watchdog_cycles) {
  return impl_->run(faults, watchdog_cycles, Impl::Mode::recovering);
}

std::optional<DoneFault> Simulation::foresee(const Fault& fault) const {
  return impl_->machine->foresee(fault);
}

RunResult Simulation::foreseen_run(const DoneFault& fault) const {
  return impl_->machine->foreseen_run(fault);
}

}  // namespace attnguard
