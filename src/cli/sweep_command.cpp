// attnguard sweep: a run or a campaign at every point of a grid, or one shard of that.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "src/cli/command_line.h"
#include "src/cli/progress.h"
#include "src/cli/resume.h"
#include "src/cli/standard_streams.h"
#include "src/cli/sweep_display.h"
#include "src/config/printable.h"
#include "src/simulation/errors.h"
#include "src/simulation/prepared.h"
#include "src/sweep/point_results.h"
#include "src/sweep/sweep.h"

namespace attnguard {
namespace {

void print_interrupted(const Interrupted& interrupted, const CommandLine& command_line) {
  if (!std::filesystem::exists(output_directory(command_line) / kSweepFolder.work))
    tell("attnguard: interrupted; nothing to keep yet\n");
  else
    tell(fmt::format(
        "attnguard: interrupted; {} of {} points are kept, and what campaigns of others "
        "have; go on with: {}\n",
        interrupted.kept, interrupted.all, resume_command(command_line)));
}

void print_shard(const SweepShardSummary& summary, ShardId shard, const std::string& folder) {
  if (summary.was_finished) return print_finished_shard(shard, folder);
  fmt::print("\nshard {}/{}: {} points", shard.number, shard.count, summary.points);
  if (summary.campaigns) fmt::print(", {} injections", summary.injections);
  fmt::print(" in {}\nwritten to {}: {} shard.json timing.json config.json\n",
             Progress::duration(summary.wall_s), printable(folder),
             summary.campaigns ? "points/" : kPointResults);
}

}  // namespace

int sweep_command(const CommandLine& command_line) {
  SweepOptions options;
  options.workers = command_line.workers.value_or(0);
  options.start = start_mode(command_line);
  options.audit = command_line.audit;
  options.memory_bytes = command_line.memory_bytes;
  SweepDisplay display;
  if (!command_line.quiet) display.attach(options);
  const std::string folder = output_directory(command_line).string();
  try {
    if (command_line.shard) {
      const SweepShardSummary summary = run_sweep_shard(command_line, options, *command_line.shard);
      if (!command_line.quiet) print_shard(summary, *command_line.shard, folder);
    } else {
      const SweepMode mode = run_sweep(command_line, options);
      if (!command_line.quiet) print_sweep_written(folder, mode);
    }
  } catch (const Interrupted& interrupted) {
    display.clear_line();
    print_interrupted(interrupted, command_line);
    return kInterrupted;
  } catch (...) {
    display.clear_line();
    rethrow_with_resume(kSweepFolder, command_line);
  }
  return kDone;
}

}  // namespace attnguard
