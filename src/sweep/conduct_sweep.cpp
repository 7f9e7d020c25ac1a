#include "src/sweep/conduct_sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/interprocess/anonymous_shared_memory.hpp>
#include <chrono>
#include <new>
#include <optional>

#include "src/campaign/session.h"
#include "src/processes/carried_error.h"
#include "src/processes/interrupt.h"
#include "src/simulation/errors.h"
#include "src/sweep/conduct_points.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

class SweepConductor {
 public:
  SweepConductor(const SweepPlan& plan, const std::vector<std::size_t>& points,
                 const PointStore& store, const SweepOptions& options)
      : plan_(plan),
        points_(points),
        store_(store),
        options_(options),
        shared_(boost::interprocess::anonymous_shared_memory(plan.points.size() *
                                                             sizeof(PointProgress))),
        progress_(new (shared_.get_address()) PointProgress[plan.points.size()]),
        told_(plan.points.size(), false) {}

  void conduct(const RunPoint& run) {
    PointsToConduct open;
    for (const std::size_t point : points_) {
      PointProgress& progress = progress_[point];
      progress.all = plan_.planned[point].injections;
      const std::optional<Json> result = store_.read(point);
      if (!result) {
        open.order.push_back(point);
        continue;
      }
      ++kept_points_;
      progress.done = progress.all = progress.kept = result->value("injections", 0ULL);
      progress.finished = true;
    }
    std::stable_sort(open.order.begin(), open.order.end(), [&](std::size_t a, std::size_t b) {
      return plan_.planned[a].size > plan_.planned[b].size;
    });
    open.workers = worker_count(options_.workers);
    open.run = [&](std::size_t point, std::uint32_t workers) {
      return run_point(run, point, workers);
    };
    open.name = [&](std::size_t point) { return point_text(plan_.points[point]); };
    open.tick = [&] {
      tell();
      if (InterruptGuard::interrupted()) throw Interrupted(finished(), points_.size());
    };
    open.progress = progress_;
    conduct_points(open, store_);
    tell();
  }

 private:
  // In the process of the point.
  Json run_point(const RunPoint& run, std::size_t point, std::uint32_t workers) const {
    const auto start = std::chrono::steady_clock::now();
    const Prepared prepared = plan_.prepare_point(point);
    CampaignOptions campaign;
    campaign.workers = workers;
    campaign.out = store_.folder(point);
    campaign.start = fs::exists(identity_file(kCampaignFolder, campaign.out)) ? StartMode::resume
                                                                              : StartMode::anew;
    campaign.memory_bytes = options_.memory_bytes.value_or(campaign.memory_bytes);
    campaign.audit = !plan_.audited || plan_.audited == point ? options_.audit : 0;
    campaign.progress = [&progress = progress_[point]](const CampaignProgress& now) {
      progress.done = now.done;
      progress.all = now.all;
      progress.kept = now.kept;
    };
    Json result = run(point, prepared, campaign);
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
    result["wall_s"] = wall.count();
    return result;
  }

  std::size_t finished() const {
    return static_cast<std::size_t>(
        std::count_if(points_.begin(), points_.end(),
                      [&](std::size_t point) { return progress_[point].finished.load(); }));
  }

  void tell() {
    for (const std::size_t point : points_) {
      if (told_[point] || !progress_[point].finished) continue;
      told_[point] = true;
      if (options_.finished) options_.finished(point, store_.finished(point));
    }
    if (!options_.progress) return;
    SweepProgress now;
    now.finished = finished();
    now.points = points_.size();
    now.kept_points = kept_points_;
    for (const std::size_t point : points_) {
      now.injections += progress_[point].done;
      now.of_injections += progress_[point].all;
      now.kept_injections += progress_[point].kept;
      if (progress_[point].running) now.running.push_back(point);
    }
    options_.progress(now);
  }

  const SweepPlan& plan_;
  const std::vector<std::size_t>& points_;
  const PointStore& store_;
  const SweepOptions& options_;
  const boost::interprocess::mapped_region shared_;
  PointProgress* const progress_;  ///< [point] in shared_
  std::vector<bool> told_;         ///< [point]
  std::size_t kept_points_ = 0;
};

}  // namespace

PointResults conduct_sweep(const SweepPlan& plan, const std::vector<std::size_t>& points,
                           const RunPoint& run, const PointStore& store,
                           const SweepOptions& options) {
  if (options.begin) options.begin(plan.points);
  SweepConductor(plan, points, store, options).conduct(run);
  PointResults results;
  for (const std::size_t point : points) results[point] = store.finished(point);
  return results;
}

void require_sound(const SweepPlan& plan, const PointResults& results) {
  for (const auto& [point, result] : results)
    if (result.contains("error"))
      throw_error(result["error"], fmt::format("point {}: ", point_text(plan.points[point])));
}

}  // namespace attnguard
