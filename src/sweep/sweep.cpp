#include "src/sweep/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/interprocess/anonymous_shared_memory.hpp>
#include <chrono>
#include <new>
#include <string>

#include "src/campaign/session.h"
#include "src/config/sha256.h"
#include "src/config/user_error.h"
#include "src/config/version.h"
#include "src/processes/carried_error.h"
#include "src/processes/interrupt.h"
#include "src/simulation/errors.h"
#include "src/simulation/prepared.h"
#include "src/sweep/conduct_points.h"
#include "src/sweep/sweep_csv.h"
#include "src/sweep/sweep_row.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;

/// A point before it runs.
struct PlannedPoint {
  CommandLine command_line;
  std::string config_sha256;
  std::uint64_t injections = 0;  ///< asked for; none without campaigns
  double size = 0;               ///< grows with the time it takes
};

// Of a run and of a campaign's set-up: roughly its cycles.
double size_of(const Prepared& prepared) {
  const ArrayConfig& array = prepared.config.accelerator.array;
  return multiply_adds(prepared.job) / (static_cast<double>(array.rows) * array.cols);
}

// A message that begins with a value of the grid names the point already.
std::string named(const SweepPoint& point, const std::string& message) {
  for (const Setting& setting : point)
    if (message.rfind(setting.origin, 0) == 0) return message;
  return fmt::format("point {}: {}", point_text(point), message);
}

class Sweep {
 public:
  Sweep(const CommandLine& command_line, const SweepOptions& options)
      : options_(options),
        out_(output_directory(command_line)),
        workers_(worker_count(options.workers)),
        base_(prepare(command_line)),
        points_(expand_grid(base_.config.sweep, base_.origin)),
        audited_(audited_point(base_.config.sweep, points_, base_.origin)) {
    if (options.audit && !campaigns())
      throw UserError("--audit: no campaign to audit; only with sweep.mode campaign");
    for (const SweepPoint& point : points_) plan(command_line, point);
  }

  SweepMode mode() const { return base_.config.sweep.mode; }

  void run() {
    const auto start = std::chrono::steady_clock::now();
    ResumableFolder folder(kSweepFolder, out_, options_.start, identity());
    const InterruptGuard guard;  // only now: until here a signal loses nothing
    folder.open();
    const PointStore store(folder.work(), folder.path(), points_.size());
    if (options_.begin) options_.begin(points_);
    try {
      conduct(store);
    } catch (const UserError&) {
      folder.forget();  // the configuration has to change, so nothing can go on from here
      throw;
    }
    std::vector<Json> results;
    for (std::size_t i = 0; i < points_.size(); ++i) results.push_back(store.finished(i));
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
    folder.publish([&](const fs::path& to) { write(to, results, wall.count(), store); });
    require_sound(results);
  }

 private:
  bool campaigns() const { return mode() == SweepMode::campaign; }

  void plan(const CommandLine& command_line, const SweepPoint& point) {
    PlannedPoint planned{command_line, {}, 0, 0};
    planned.command_line.out = (out_ / "points" / PointStore::name(planned_.size())).string();
    try {
      const Prepared prepared = prepare(planned.command_line, point);
      planned.config_sha256 = prepared.config_sha256;
      if (campaigns()) planned.injections = prepared.config.campaign.injections;
      planned.size = size_of(prepared);
    } catch (const UserError& error) {
      throw UserError(named(point, error.what()));
    }
    planned_.push_back(std::move(planned));
  }

  // What a resumed sweep must have in common with the unfinished one.
  Json identity() const {
    std::string hashes;
    for (const PlannedPoint& point : planned_) hashes += point.config_sha256;
    Json identity = {{"tool", fmt::format("{} ({})", tool_version(), tool_git())},
                     {"config_sha256", sha256_hex(hashes)},
                     {"config", base_.effective}};
    if (options_.audit) identity["audit"] = *options_.audit;
    return identity;
  }

  void conduct(const PointStore& store) {
    const auto shared =
        boost::interprocess::anonymous_shared_memory(points_.size() * sizeof(PointProgress));
    auto* const progress = new (shared.get_address()) PointProgress[points_.size()];
    told_.assign(points_.size(), false);
    kept_points_ = 0;
    PointsToConduct open;
    for (std::size_t i = 0; i < points_.size(); ++i) {
      progress[i].all = planned_[i].injections;
      const std::optional<Json> result = store.read(i);
      if (!result) {
        open.order.push_back(i);
        continue;
      }
      ++kept_points_;
      progress[i].done = progress[i].all = progress[i].kept = result->value("injections", 0ULL);
      progress[i].finished = true;
    }
    std::stable_sort(open.order.begin(), open.order.end(), [&](std::size_t a, std::size_t b) {
      return planned_[a].size > planned_[b].size;
    });
    open.workers = workers_;
    open.run = [&](std::size_t point, std::uint32_t workers) {
      return run_planned(point, workers, store, progress[point]);
    };
    open.name = [&](std::size_t point) { return point_text(points_[point]); };
    open.tick = [&] {
      tell(progress, store);
      if (InterruptGuard::interrupted()) throw Interrupted(finished(progress), points_.size());
    };
    open.progress = progress;
    conduct_points(open, store);
    tell(progress, store);
  }

  // In the process of the point.
  Json run_planned(std::size_t point, std::uint32_t workers, const PointStore& store,
                   PointProgress& progress) const {
    const auto start = std::chrono::steady_clock::now();
    const Prepared prepared = prepare(planned_[point].command_line, points_[point]);
    CampaignOptions campaign;
    campaign.workers = workers;
    campaign.out = store.folder(point);
    campaign.start = fs::exists(identity_file(kCampaignFolder, campaign.out)) ? StartMode::resume
                                                                              : StartMode::anew;
    if (options_.memory_bytes) campaign.memory_bytes = *options_.memory_bytes;
    campaign.audit = !audited_ || audited_ == point ? options_.audit : 0;
    campaign.progress = [&](const CampaignProgress& now) {
      progress.done = now.done;
      progress.all = now.all;
      progress.kept = now.kept;
    };
    Json result = run_point(prepared, campaign);
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
    result["wall_s"] = wall.count();
    return result;
  }

  std::size_t finished(const PointProgress* progress) const {
    return static_cast<std::size_t>(
        std::count_if(progress, progress + points_.size(),
                      [](const PointProgress& point) { return point.finished.load(); }));
  }

  void tell(const PointProgress* progress, const PointStore& store) {
    for (std::size_t i = 0; i < points_.size(); ++i) {
      if (told_[i] || !progress[i].finished) continue;
      told_[i] = true;
      if (options_.finished) options_.finished(i, store.finished(i));
    }
    if (!options_.progress) return;
    SweepProgress now;
    now.finished = finished(progress);
    now.points = points_.size();
    now.kept_points = kept_points_;
    for (std::size_t i = 0; i < points_.size(); ++i) {
      now.injections += progress[i].done;
      now.of_injections += progress[i].all;
      now.kept_injections += progress[i].kept;
      if (progress[i].running) now.running.push_back(i);
    }
    options_.progress(now);
  }

  void write(const fs::path& to, const std::vector<Json>& results, double wall_s,
             const PointStore& store) const {
    std::vector<Json> rows;
    Json points = Json::array(), walls = Json::array();
    for (std::size_t i = 0; i < points_.size(); ++i) {
      rows.push_back(results[i].at("row"));
      walls.push_back(results[i].at("wall_s"));
      Json point = {{"settings", Json::object()}, {"config_sha256", planned_[i].config_sha256}};
      for (const Setting& setting : points_[i]) point["settings"][setting.key] = setting.value;
      if (campaigns()) {
        point["folder"] = fmt::format("points/{}", PointStore::name(i));
        point["injections"] = results[i].at("injections");
        point["audit"] = results[i].at("audit");
      }
      points.push_back(std::move(point));
    }
    write_text(to / "sweep.csv", sweep_csv(points_, rows));
    Json summary = result_header(base_);
    summary["points"] = std::move(points);
    write_json(to / "sweep.json", summary);
    write_json(to / "config.json", base_.effective);
    write_json(to / "timing.json",
               {{"wall_s", wall_s}, {"workers", workers_}, {"points_wall_s", walls}});
    if (!campaigns()) return;
    store.clear_leftovers();
    fs::rename(store.folders(), to / "points");
  }

  void require_sound(const std::vector<Json>& results) const {
    for (std::size_t i = 0; i < points_.size(); ++i)
      if (results[i].contains("error"))
        throw_error(results[i]["error"], fmt::format("point {}: ", point_text(points_[i])));
  }

  const SweepOptions& options_;
  const fs::path out_;
  const std::uint32_t workers_;
  const Prepared base_;
  const std::vector<SweepPoint> points_;
  const std::optional<std::size_t> audited_;
  std::vector<PlannedPoint> planned_;
  std::vector<bool> told_;
  std::size_t kept_points_ = 0;
};

}  // namespace

SweepMode run_sweep(const CommandLine& command_line, const SweepOptions& options) {
  Sweep sweep(command_line, options);
  sweep.run();
  return sweep.mode();
}

}  // namespace attnguard
