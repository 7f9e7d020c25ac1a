#include "src/simulation/gemm_machine.h"

#include <algorithm>

namespace attnguard {

GemmMachine::GemmMachine(const AcceleratorConfig& config,
                         const std::vector<CheckerConfig>& checkers, const GemmJob& job,
                         bool interposers)
    : accelerator_("accelerator", config, checkers, job.shape, interposers) {
  accelerator_.load(job);
  accelerator_.memory().committed = [this](const Burst& burst, std::uint64_t address) {
    record_commit(burst, address);
  };
}

/// A write with a wrong address: every tile of C it lies in counts as written in the cycle of its
/// first line.
void GemmMachine::record_misled(const Burst& burst, std::uint64_t address) {
  const GemmLayout& layout = accelerator_.layout();
  const std::uint64_t end = address + layout.c.tile_bytes();
  for (std::uint32_t tile = 0; tile < layout.c.tiles; ++tile) {
    const std::uint64_t first = layout.c.address(tile);
    if (end <= first || address >= first + layout.c.tile_bytes()) continue;
    CommitRecord record = record_of(layout.block(tile));
    record.first_cycle = burst.timing.first_cycle;
    commits_.push_back(record);
  }
}

/// Without times.
CommitRecord GemmMachine::record_of(const FoldExtent& block) const {
  CommitRecord record;
  record.first_row = block.first_m;
  record.rows = block.m;
  record.first_col = block.first_n;
  record.cols = block.n;
  // A slice is what one line holds of a row.
  record.slice_cols = accelerator_.layout().lines_are_columns() ? 1 : block.n;
  return record;
}

void GemmMachine::record_commit(const Burst& burst, std::uint64_t address) {
  const GemmLayout& layout = accelerator_.layout();
  FoldExtent block;
  block.first_m = burst.tile.first_row;
  block.first_n = burst.tile.first_key;
  block.m = burst.tile.rows;
  block.n = burst.tile.cols;
  if (address != layout.c.address(layout.c_tile(block))) return record_misled(burst, address);
  CommitRecord record = record_of(block);
  record.first_cycle = burst.timing.first_cycle;
  (layout.lines_are_columns() ? record.slice_interval_cycles : record.row_interval_cycles) =
      burst.timing.beat_interval_cycles;
  commits_.push_back(record);
}

void GemmMachine::start(bool /*recovering*/, bool /*recording*/) { accelerator_.start(); }

/// The policy's end, or the last value's way out where that takes longer.
std::optional<std::uint64_t> GemmMachine::finish_cycle() {
  const GemmArray& array = accelerator_.array();
  if (!array.finished()) return std::nullopt;
  return std::max(array.folds_end(), array.finish_cycle());
}

void GemmMachine::report(RunResult& result, bool priced, bool /*recovering*/) {
  result.macs = accelerator_.array().macs();
  result.output = accelerator_.memory().output();
  result.link_bytes = accelerator_.link_bytes();
  if (result.completion == Completion::finished)
    result.drain_cycles = result.cycles - accelerator_.array().folds_end();
  if (!priced) return;
  result.activity = accelerator_.activity();
  result.serial_full_cycles = accelerator_.serial_full_cycles();
}

std::map<std::string, UnitStats> GemmMachine::stats(std::uint64_t /*cycles*/) const {
  return accelerator_.stats();
}

}  // namespace attnguard
