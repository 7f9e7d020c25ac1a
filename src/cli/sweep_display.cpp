#include "src/cli/sweep_display.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>

#include "src/config/printable.h"

namespace attnguard {
namespace {

using Json = nlohmann::ordered_json;

// A shard of a campaign has no row.
void print_finished(const SweepPoint& point, const Json& result) {
  const std::string done =
      result.contains("row")
          ? fmt::format("{} cycles, utilization {:.1f} %",
                        result["row"]["cycles"].get<std::uint64_t>(),
                        100 * result["row"]["utilization"].get<double>())
          : fmt::format("{} injections", result["injections"].get<std::uint64_t>());
  // If nobody can read it the sweep goes on all the same; the end of the program tells.
  std::fputs(fmt::format("point {}: {}\n", point_text(point), done).c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace

// Keys by their last name: a line on the terminal is short.
std::string SweepDisplay::running_text(const SweepProgress& now) const {
  std::vector<std::string> running;
  for (const std::size_t index : now.running) {
    SweepPoint point = points_[index];
    for (Setting& setting : point) setting.key.erase(0, setting.key.rfind('.') + 1);
    running.push_back(point_text(point));
  }
  return running.empty() ? "" : fmt::format("; at {}", fmt::join(running, ", "));
}

void SweepDisplay::attach(SweepOptions& options) {
  options.begin = [this](const std::vector<SweepPoint>& all) { points_ = all; };
  options.finished = [this](std::size_t point, const Json& result) {
    clear_line();
    print_finished(points_[point], result);
  };
  options.progress = [this](const SweepProgress& now) {
    const auto more = [&] { return running_text(now); };
    if (now.of_injections > 0)
      injections_.update(
          now.injections, now.of_injections,
          [&] { return fmt::format("; points {}/{}{}", now.finished, now.points, more()); },
          now.kept_injections);
    else if (now.points > 0)
      finished_.update(now.finished, now.points, more, now.kept_points);
  };
}

void print_sweep_written(const std::string& folder, SweepMode mode) {
  fmt::print("written: {}/sweep.csv sweep.json config.json timing.json{}\n", printable(folder),
             mode == SweepMode::campaign ? " points/" : "");
}

}  // namespace attnguard
