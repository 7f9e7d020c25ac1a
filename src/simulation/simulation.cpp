#include "src/simulation/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "models/accelerator/accelerator.h"
#include "src/simulation/combinations.h"
#include "src/simulation/foreseen_run.h"

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

struct Simulation::Impl {
  Impl(const AcceleratorConfig& config, const std::vector<CheckerConfig>& checkers,
       const AttentionJob& job, bool interposers, const RecoveryConfig& recovery)
      : accelerator((quiet_kernel(), "accelerator"), config, checkers, job.shape, interposers,
                    recovery, lines_of(checkers, recovery.checkers)),
        shape(job.shape),
        members(members_of(checkers)) {
    accelerator.memory().load(job);
    accelerator.external_memory().committed = [this](const Burst& burst, std::uint64_t address) {
      record_commit(burst, address);
    };
    for (auto& guard : accelerator.checksum().guards())
      comparisons.push_back(guard->checker->comparisons());
    comparisons.resize(checkers.size());
    sc_core::sc_start(sc_core::SC_ZERO_TIME);  // every process runs up to its first wait
  }

  enum class Mode { plain, recording, recovering };
  RunResult run(const std::vector<Fault>& faults, std::uint64_t watchdog_cycles, Mode mode);
  void settle();
  void keep_golden(const RunResult& result);
  void record_commit(const Burst& burst, std::uint64_t address);
  void record_misled(const Burst& burst, std::uint64_t address);
  void check_invariants(const RunResult& result) const;

  Accelerator accelerator;
  AttentionShape shape;
  Members members;
  Schedule schedule;   ///< of the recorded golden run
  RunResult golden;    ///< the same; without checks
  bool known = false;  ///< both stand, and no checker alarmed
  std::vector<std::vector<std::string>> comparisons;
  std::vector<CommitRecord> commits;
};

/// A write with a wrong address: every output tile it lies in counts as written in the cycle of its
/// first line.
void Simulation::Impl::record_misled(const Burst& burst, std::uint64_t address) {
  const JobLayout& layout = accelerator.layout();
  const std::uint64_t end = address + burst.group_stride * burst.timing.groups;
  for (std::uint32_t head = 0; head < shape.heads; ++head)
    for (std::uint32_t tile = 0; tile < layout.query_tiles; ++tile) {
      const std::uint64_t first = layout.o_address(head, tile);
      if (end <= first || address >= first + layout.o_tile_bytes) continue;
      CommitRecord record;
      record.head = head;
      record.first_row = tile * layout.rows;
      record.rows = layout.rows_of(tile);
      record.first_cycle = burst.timing.first_cycle;
      record.slice_cols = layout.cols;
      commits.push_back(record);
    }
}

void Simulation::Impl::record_commit(const Burst& burst, std::uint64_t address) {
  if (address != accelerator.layout().o_address(burst.tile.head, burst.tile.query_tile))
    return record_misled(burst, address);
  CommitRecord record;
  record.head = burst.tile.head;
  record.first_row = burst.tile.first_row;
  record.rows = burst.tile.rows;
  record.first_cycle = burst.timing.first_cycle;
  record.row_interval_cycles = burst.timing.beat_interval_cycles;
  record.slice_interval_cycles = burst.timing.group_interval_cycles;
  record.slice_cols = static_cast<std::uint32_t>(burst.values_stride);
  commits.push_back(record);
}

/// After a hang or a crash. What the run has left to do at this time, it does now: a process that
/// is already due cannot be taken back by a reset.
void Simulation::Impl::settle() {
  accelerator.sequencer().abandon();
  while (sc_core::sc_pending_activity_at_current_time()) sc_core::sc_start(sc_core::SC_ZERO_TIME);
}

RunResult Simulation::Impl::run(const std::vector<Fault>& faults, std::uint64_t watchdog_cycles,
                                Mode mode) {
  const bool record_live = mode == Mode::recording;
  settle();
  accelerator.reset();
  commits.clear();
  if (record_live) {
    accelerator.live_log().start();
    schedule = {};
  }
  accelerator.sequencer().record(record_live ? &schedule : nullptr);
  for (const Fault& fault : faults) accelerator.arm(fault);
  accelerator.start(mode == Mode::recovering);
  // The kernel runs until nothing is left to do: a finished job, an error, or a model that waits
  // for ever.
  sc_core::sc_start(accelerator.clock().until(watchdog_cycles), sc_core::SC_EXIT_ON_STARVATION);

  RunResult result;
  if (accelerator.monitor().crashed()) {
    result.completion = Completion::crash;
    result.crash_reason = accelerator.monitor().reason();
    result.crash_cycle = accelerator.monitor().cycle();
  } else if (!accelerator.sequencer().finished()) {
    result.completion = Completion::hang;
  } else {
    result.cycles = accelerator.sequencer().finish_cycle();
    if (record_live) accelerator.finish_live(result.cycles);
  }
  accelerator.live_log().stop();
  result.macs = accelerator.array().macs();
  result.output = accelerator.memory().output();
  result.commits = std::move(commits);
  result.link_bytes = accelerator.link_bytes();
  result.code_reads = accelerator.code_reads();
  if (mode == Mode::recovering) result.recovery = accelerator.recovered();
  const bool priced =
      faults.empty() && mode != Mode::recovering && result.completion == Completion::finished;
  if (priced) result.activity = accelerator.activity(result.cycles);
  for (auto& guard : accelerator.checksum().guards()) {
    CheckerResult& checker = result.checkers.emplace_back();
    if (priced) checker.activity = guard->activity();
    checker.checks = std::move(guard->checks);
    checker.alarm_cycle = guard->alarm_cycle;
  }
  // What was in flight when an alarm came is dropped, and with it what is known of its faults.
  for (std::size_t f = 0; f < faults.size() && mode != Mode::recovering; ++f)
    result.fault = result.fault.earlier(accelerator.outcome(faults[f].site.reg));
  result.checkers.resize(members.size());
  for (std::size_t c = 0; c < members.size(); ++c)
    for (const std::size_t member : members[c])
      result.checkers[c].alarm_cycle =
          std::min(result.checkers[c].alarm_cycle, result.checkers[member].alarm_cycle);
  if (result.completion == Completion::finished) {
    result.units = accelerator.stats(result.cycles);
    check_invariants(result);
  }
  if (record_live) keep_golden(result);
  return result;
}

void Simulation::Impl::keep_golden(const RunResult& result) {
  const std::vector<std::uint64_t>& drained = accelerator.accumulator().tile_cycles();
  for (std::size_t tile = 0; tile < schedule.tiles.size(); ++tile)
    schedule.tiles[tile].drained = drained[tile];
  golden.cycles = result.cycles;
  golden.output = result.output;
  golden.commits = result.commits;
  golden.checkers.assign(result.checkers.size(), {});
  known = result.completion == Completion::finished;
  for (const CheckerResult& checker : result.checkers) known &= checker.alarm_cycle == kNever;
}

/// Every cycle of every unit is accounted for.
void Simulation::Impl::check_invariants(const RunResult& result) const {
  for (const auto& [unit, stats] : result.units)
    if (stats.total() != result.cycles)
      throw std::logic_error(fmt::format("{}: busy and stall cycles add up to {}, the run took {}",
                                         unit, stats.total(), result.cycles));
}

Simulation::Simulation(const AcceleratorConfig& accelerator,
                       const std::vector<CheckerConfig>& checkers, const AttentionJob& job,
                       bool interposers, const RecoveryConfig& recovery)
    : impl_(std::make_unique<Impl>(accelerator, checkers, job, interposers, recovery)) {}

Simulation::~Simulation() = default;

void Simulation::load(const AttentionJob& job) { impl_->accelerator.memory().load(job); }

const FaultUniverse& Simulation::universe() const { return impl_->accelerator.universe(); }
const std::vector<std::vector<std::string>>& Simulation::comparisons() const {
  return impl_->comparisons;
}

RunResult Simulation::run(bool record_live) {
  // A fault-free schedule is finite, so starvation ends it: done, or a deadlock that is reported as
  // a hang.
  constexpr std::uint64_t kUnbounded = std::uint64_t{1} << 48;
  return impl_->run({}, kUnbounded, record_live ? Impl::Mode::recording : Impl::Mode::plain);
}

const std::vector<LiveBlock>& Simulation::live_blocks() const {
  return impl_->accelerator.live_log().blocks();
}

const std::vector<BurstRecord>& Simulation::bursts() const {
  return impl_->accelerator.live_log().bursts();
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
  const auto line = impl_->accelerator.done_line(fault.site.reg);
  if (!line || !impl_->known) return std::nullopt;
  return foresee_done_fault(impl_->accelerator.program(), impl_->schedule, *line, fault.cycle);
}

RunResult Simulation::foreseen_run(const DoneFault& fault) const {
  return attnguard::foreseen_run(impl_->golden, impl_->schedule, fault, impl_->shape);
}

}  // namespace attnguard
