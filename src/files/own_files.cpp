#include "src/files/own_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "src/files/report_mark.h"
#include "src/files/resumable_folder.h"
#include "src/simulation/errors.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFiles[] = {
    // run, sites
    "run.json", "output.npy", "cost.csv", "waves.vcd", "timeline.json", "sites.csv", "sites.json",
    // campaign, shard
    "injections.csv", "coverage.csv", "strata.csv", "paired.csv", "error_size.csv", "latency.csv",
    "fmeda.csv", "faults.csv", "audit.csv", "summary.json", "shard.json", "shard.chunks",
    // calibrate, roc, replay, sweep
    "thresholds.csv", "distribution.csv", "maxima.csv", "residuals.csv", "calibration.json",
    "roc.csv", "roc.json", "replay.json", "sweep.csv", "sweep.json", "points.json",
    // most of them
    "config.json", "timing.json"};

// Of these one is in every finished result.
constexpr std::string_view kMarks[] = {"run.json",   "sites.json", "summary.json",
                                       "shard.json", "sweep.json", "calibration.json",
                                       "roc.json",   "replay.json"};

template <std::size_t n>
bool among(const std::string_view (&names)[n], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_folder(const fs::path& path) { return fs::is_directory(fs::symlink_status(path)); }

bool is_unfinished(const ResumableKind& kind, const fs::path& folder) {
  return is_folder(folder / kind.work) && fs::is_regular_file(identity_file(kind, folder));
}

/// A name alone tells nothing: a user's own file may have it.
bool is_mark(const fs::path& file) {
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) return false;
  std::ifstream stream(file);
  const auto json = nlohmann::json::parse(stream, nullptr, false);
  return json.is_object() && json.contains("tool");
}

/// The work of an unfinished command: all in it is its own.
bool is_work(const fs::path& entry) {
  for (const ResumableKind& kind : {kCampaignFolder, kSweepFolder})
    if (entry.filename() == kind.work && is_unfinished(kind, entry.parent_path())) return true;
  return false;
}

std::vector<fs::path> entries(const fs::path& folder) {
  return {fs::directory_iterator(folder), fs::directory_iterator()};
}

/// Numbers are the points of a sweep.
bool is_own_folder(const fs::path& folder) {
  constexpr std::string_view kReplay = "replay_";
  const std::string name = folder.filename().string();
  if (name == "points") {
    const std::vector<fs::path> points = entries(folder);
    return std::any_of(points.begin(), points.end(), [](const fs::path& point) {
      return is_folder(point) && is_own_folder(point);
    });
  }
  const bool named =
      name == "roc" ||
      (name.rfind(kReplay, 0) == 0 && is_number(std::string_view(name).substr(kReplay.size()))) ||
      (is_number(name) && folder.parent_path().filename() == "points");
  return named && is_result(folder);
}

bool is_own_file(const fs::path& file) {
  const std::string name = file.filename().string();
  return among(kFiles, name) || (name == "report.html" && is_report(file));
}

}  // namespace

bool is_own(const fs::path& entry) {
  return is_folder(entry) ? is_own_folder(entry) || is_work(entry) : is_own_file(entry);
}

bool is_result(const fs::path& folder) {
  for (const std::string_view mark : kMarks)
    if (is_mark(folder / mark)) return true;
  return is_unfinished(kCampaignFolder, folder) || is_unfinished(kSweepFolder, folder);
}

void remove_results(const fs::path& folder, const fs::path& except) {
  const bool result = is_result(folder);  // before its marks go
  for (const fs::path& entry : entries(folder)) {
    if (entry == except) continue;
    if (!is_folder(entry)) {
      if (result && is_own_file(entry)) fs::remove(entry);
    } else if (is_work(entry)) {
      fs::remove_all(entry);
    } else if (is_own_folder(entry)) {
      remove_results(entry);
      if (fs::is_empty(entry)) fs::remove(entry);
    }
  }
}

void require_room(const fs::path& from, const fs::path& to) {
  for (const fs::path& entry : entries(from)) {
    const fs::path there = to / entry.filename();
    if (!fs::exists(fs::symlink_status(there))) continue;
    if (is_folder(entry) && is_folder(there))
      require_room(entry, there);
    else if (is_folder(entry) || is_folder(there))
      throw MachineError(fmt::format("{}: in the way of a {} of the result; move it away",
                                     there.string(), is_folder(entry) ? "folder" : "file"));
  }
}

void move_into_place(const fs::path& from, const fs::path& to) {
  if (!is_folder(from) || !is_folder(to)) return fs::rename(from, to);
  for (const fs::path& entry : entries(from)) move_into_place(entry, to / entry.filename());
  fs::remove(from);
}

}  // namespace attnguard
