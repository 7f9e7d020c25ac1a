#include "src/simulation/foreseen_run.h"

#include <algorithm>

namespace attnguard {
namespace {

void leave_stale(RunResult& run, const RunResult& golden, const Schedule& schedule,
                 const DoneFault::StaleTile& stale, const AttentionShape& shape) {
  const auto first_word = [&](const CommitRecord& commit) {
    return (std::size_t{commit.head} * shape.tokens_q + commit.first_row) * shape.head_dim;
  };
  CommitRecord commit = golden.commits[stale.tile];
  const CommitRecord& held = golden.commits[stale.tile - 2];
  std::copy_n(golden.output.data() + first_word(held), std::size_t{held.rows} * shape.head_dim,
              run.output.data() + first_word(commit));
  commit.first_cycle -= schedule.tiles[stale.tile].stored - stale.stored;
  run.commits.push_back(commit);
}

}  // namespace

RunResult foreseen_run(const RunResult& golden, const Schedule& schedule, const DoneFault& fault,
                       const AttentionShape& shape) {
  RunResult run;
  switch (fault.ending) {
    case DoneEnding::finished:
      run.completion = Completion::finished;
      break;
    case DoneEnding::hang:
      run.completion = Completion::hang;
      break;
    case DoneEnding::crash:
      run.completion = Completion::crash;
      break;
  }
  run.cycles = golden.cycles;
  if (fault.ending == DoneEnding::finished || fault.stale) run.output = golden.output;
  run.checkers.resize(golden.checkers.size());
  run.fault = fault.outcome;
  if (fault.stale) leave_stale(run, golden, schedule, *fault.stale, shape);
  return run;
}

}  // namespace attnguard
