#include "src/simulation/attention_machine.h"

#include "src/simulation/combinations.h"
#include "src/simulation/foreseen_run.h"

namespace attnguard {

AttentionMachine::AttentionMachine(const AcceleratorConfig& config,
                                   const std::vector<CheckerConfig>& checkers,
                                   const AttentionJob& job, bool interposers,
                                   const RecoveryConfig& recovery)
    : accelerator_("accelerator", config, checkers, job.shape, interposers, recovery,
                   recovering_lines(checkers, recovery)),
      shape_(job.shape) {
  accelerator_.memory().load(job);
  accelerator_.external_memory().committed = [this](const Burst& burst, std::uint64_t address) {
    record_commit(burst, address);
  };
}

/// A write with a wrong address: every output tile it lies in counts as written in the cycle of its
/// first line.
void AttentionMachine::record_misled(const Burst& burst, std::uint64_t address) {
  const JobLayout& layout = accelerator_.layout();
  const std::uint64_t end = address + burst.group_stride * burst.timing.groups;
  for (std::uint32_t head = 0; head < shape_.heads; ++head)
    for (std::uint32_t tile = 0; tile < layout.query_tiles; ++tile) {
      const std::uint64_t first = layout.o_address(head, tile);
      if (end <= first || address >= first + layout.o_tile_bytes) continue;
      CommitRecord record;
      record.head = head;
      record.first_row = tile * layout.rows;
      record.rows = layout.rows_of(tile);
      record.cols = shape_.head_dim;
      record.first_cycle = burst.timing.first_cycle;
      record.slice_cols = layout.cols;
      commits_.push_back(record);
    }
}

void AttentionMachine::record_commit(const Burst& burst, std::uint64_t address) {
  if (address != accelerator_.layout().o_address(burst.tile.head, burst.tile.query_tile))
    return record_misled(burst, address);
  CommitRecord record;
  record.head = burst.tile.head;
  record.first_row = burst.tile.first_row;
  record.rows = burst.tile.rows;
  record.cols = shape_.head_dim;
  record.first_cycle = burst.timing.first_cycle;
  record.row_interval_cycles = burst.timing.beat_interval_cycles;
  record.slice_interval_cycles = burst.timing.group_interval_cycles;
  record.slice_cols = static_cast<std::uint32_t>(burst.values_stride);
  commits_.push_back(record);
}

void AttentionMachine::start(bool recovering, bool recording) {
  if (recording) schedule_ = {};
  accelerator_.sequencer().record(recording ? &schedule_ : nullptr);
  accelerator_.start(recovering);
}

std::optional<std::uint64_t> AttentionMachine::finish_cycle() {
  if (!accelerator_.sequencer().finished()) return std::nullopt;
  return accelerator_.sequencer().finish_cycle();
}

void AttentionMachine::report(RunResult& result, bool priced, bool recovering) {
  result.macs = accelerator_.array().macs();
  result.output = accelerator_.memory().output();
  result.link_bytes = accelerator_.link_bytes();
  result.code_reads = accelerator_.code_reads();
  if (recovering) result.recovery = accelerator_.recovered();
  if (priced) result.activity = accelerator_.activity(result.cycles);
}

void AttentionMachine::keep_golden(const RunResult& result) {
  const std::vector<std::uint64_t>& drained = accelerator_.accumulator().tile_cycles();
  for (std::size_t tile = 0; tile < schedule_.tiles.size(); ++tile)
    schedule_.tiles[tile].drained = drained[tile];
  golden_.cycles = result.cycles;
  golden_.output = result.output;
  golden_.commits = result.commits;
  golden_.checkers.assign(result.checkers.size(), {});
  known_ = result.completion == Completion::finished;
  for (const CheckerResult& checker : result.checkers) known_ &= checker.alarm_cycle == kNever;
}

std::optional<DoneFault> AttentionMachine::foresee(const Fault& fault) const {
  const auto line = accelerator_.done_line(fault.site.reg);
  if (!line || !known_) return std::nullopt;
  return foresee_done_fault(accelerator_.program(), schedule_, *line, fault.cycle);
}

RunResult AttentionMachine::foreseen_run(const DoneFault& fault) const {
  return attnguard::foreseen_run(golden_, schedule_, fault, shape_);
}

}  // namespace attnguard
