// attnguard sweep: a run or a campaign at every point of a grid.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "src/campaign/csv.h"
#include "src/cli/command_line.h"
#include "src/cli/failure.h"
#include "src/simulation/output_dir.h"
#include "src/simulation/prepared.h"
#include "src/sweep/fork_map.h"
#include "src/sweep/grid.h"
#include "src/sweep/sweep_row.h"

namespace attnguard {
namespace {

using Json = nlohmann::ordered_json;

std::string describe(const SweepPoint& point) {
  std::string text;
  for (const auto& setting : point) text += (text.empty() ? "" : " ") + assignment(setting);
  return text;
}

std::vector<CommandLine> command_lines(const CommandLine& base,
                                       const std::vector<SweepPoint>& points) {
  std::vector<CommandLine> lines;
  for (const SweepPoint& point : points) {
    CommandLine& line = lines.emplace_back(base);
    for (const auto& setting : point) line.sets.push_back(assignment(setting));
  }
  return lines;
}

// In the child: the row, or the failure as {"exit", "message"}.
Json resolve(const CommandLine& line) {
  try {
    return {{"row", sweep_row(prepare(line))}};
  } catch (...) {
    const Failure failure = current_failure();
    return {{"exit", static_cast<int>(failure.code)}, {"message", failure.message}};
  }
}

// Units, reasons and links can differ between points: the columns are their union.
std::vector<std::string> columns(const std::vector<Json>& results) {
  std::vector<std::string> names;
  for (const Json& result : results)
    for (const auto& item : result["row"].items())
      if (std::find(names.begin(), names.end(), item.key()) == names.end())
        names.push_back(item.key());
  return names;
}

void add_value(CsvLine& line, const Json& value) {
  if (value.is_null())
    line.skip();
  else if (value.is_string())
    line.add(value.get<std::string>());
  else if (value.is_number_float())
    line.add(value.get<double>());
  else
    line.add(value.dump());
}

void write_csv(const std::filesystem::path& file, const std::vector<SweepPoint>& points,
               const std::vector<Json>& results) {
  const std::vector<std::string> names = columns(results);
  CsvLine head;
  for (const auto& setting : points[0]) head.add(setting.first);
  for (const std::string& name : names) head.add(name);
  std::ofstream stream(file, std::ios::binary);
  stream << head.str();
  for (std::size_t i = 0; i < points.size(); ++i) {
    CsvLine line;
    for (const auto& setting : points[i]) add_value(line, setting.second);
    for (const std::string& name : names) add_value(line, results[i]["row"].value(name, Json()));
    stream << line.str();
  }
  if (!stream.flush()) throw std::runtime_error("cannot write " + file.string());
}

}  // namespace

int sweep_command(const CommandLine& command_line) {
  const Prepared base = prepare(command_line);
  const std::vector<SweepPoint> points = expand_grid(base.config.sweep, base.origin);
  const std::vector<CommandLine> lines = command_lines(command_line, points);
  for (const CommandLine& line : lines) read_configuration(line);  // complain before anything runs
  OutputDir directory(output_directory(command_line), command_line.force);

  const std::uint32_t workers =
      command_line.workers.value_or(std::max(1U, std::thread::hardware_concurrency()));
  const auto start = std::chrono::steady_clock::now();
  std::size_t finished = 0;
  const std::vector<Json> results = fork_map(
      points.size(), workers, [&](std::size_t i) { return resolve(lines[i]); },
      [&](std::size_t i, const Json& result) {
        ++finished;
        if (command_line.quiet || !result.contains("row")) return;
        fmt::print("point {}/{}: {}: {} cycles, utilization {:.1f} %\n", finished, points.size(),
                   describe(points[i]), result["row"]["cycles"].get<std::uint64_t>(),
                   100 * result["row"]["utilization"].get<double>());
        std::fflush(stdout);
      });
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].contains("row")) continue;
    fmt::print(stderr, "attnguard: point {}: {}\n", describe(points[i]),
               results[i]["message"].get<std::string>());
    return results[i]["exit"].get<int>();
  }

  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  Json summary = result_header(base);
  summary["points"] = points.size();
  write_csv(directory.path() / "sweep.csv", points, results);
  write_json(directory.path() / "sweep.json", summary);
  write_json(directory.path() / "config.json", base.effective);
  write_json(directory.path() / "timing.json", {{"wall_s", wall.count()}, {"workers", workers}});
  directory.commit();
  if (!command_line.quiet)
    fmt::print("written: {}/sweep.csv sweep.json config.json timing.json\n",
               output_directory(command_line).string());
  return kDone;
}

}  // namespace attnguard
