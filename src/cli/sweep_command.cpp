// attnguard sweep: a run or a campaign at every point of a grid.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "src/cli/command_line.h"
#include "src/cli/progress.h"
#include "src/cli/resume.h"
#include "src/cli/standard_streams.h"
#include "src/config/printable.h"
#include "src/simulation/errors.h"
#include "src/simulation/prepared.h"
#include "src/sweep/sweep.h"

namespace attnguard {
namespace {

void print_finished(const SweepPoint& point, const Json& row) {
  const std::string line =
      fmt::format("point {}: {} cycles, utilization {:.1f} %\n", point_text(point),
                  row["cycles"].get<std::uint64_t>(), 100 * row["utilization"].get<double>());
  // If nobody can read it the sweep goes on all the same; the end of the program tells.
  std::fputs(line.c_str(), stdout);
  std::fflush(stdout);
}

// Keys by their last name: a line on the terminal is short.
std::string running_text(const SweepProgress& now, const std::vector<SweepPoint>& points) {
  std::vector<std::string> running;
  for (const std::size_t index : now.running) {
    SweepPoint point = points[index];
    for (Setting& setting : point) setting.key.erase(0, setting.key.rfind('.') + 1);
    running.push_back(point_text(point));
  }
  return running.empty() ? "" : fmt::format("; at {}", fmt::join(running, ", "));
}

void print_interrupted(const Interrupted& interrupted, const CommandLine& command_line) {
  if (!std::filesystem::exists(output_directory(command_line) / kSweepFolder.work))
    tell("attnguard: interrupted; nothing to keep yet\n");
  else
    tell(fmt::format(
        "attnguard: interrupted; {} of {} points are kept, and what campaigns of others "
        "have; go on with: {}\n",
        interrupted.kept, interrupted.all, resume_command(command_line)));
}

}  // namespace

int sweep_command(const CommandLine& command_line) {
  SweepOptions options;
  options.workers = command_line.workers.value_or(0);
  options.start = start_mode(command_line);
  options.audit = command_line.audit;
  options.memory_bytes = command_line.memory_bytes;
  std::vector<SweepPoint> points;
  Progress point_progress("points"), injection_progress("injections");
  if (!command_line.quiet) {
    options.begin = [&](const std::vector<SweepPoint>& all) { points = all; };
    options.finished = [&](std::size_t point, const Json& result) {
      injection_progress.clear_line();
      print_finished(points[point], result["row"]);
    };
    options.progress = [&](const SweepProgress& now) {
      const auto more = [&] { return running_text(now, points); };
      if (now.of_injections > 0)
        injection_progress.update(
            now.injections, now.of_injections,
            [&] { return fmt::format("; points {}/{}{}", now.finished, now.points, more()); },
            now.kept_injections);
      else
        point_progress.update(now.finished, now.points, more, now.kept_points);
    };
  }
  bool campaigns = false;
  try {
    campaigns = run_sweep(command_line, options) == SweepMode::campaign;
  } catch (const Interrupted& interrupted) {
    injection_progress.clear_line();
    print_interrupted(interrupted, command_line);
    return kInterrupted;
  } catch (...) {
    injection_progress.clear_line();
    rethrow_with_resume(kSweepFolder, command_line);
  }
  if (!command_line.quiet)
    fmt::print("written: {}/sweep.csv sweep.json config.json timing.json{}\n",
               printable(output_directory(command_line).string()), campaigns ? " points/" : "");
  return kDone;
}

}  // namespace attnguard
