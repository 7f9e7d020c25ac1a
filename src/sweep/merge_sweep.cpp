#include "src/sweep/merge_sweep.h"

#include <fmt/format.h>

#include <chrono>
#include <numeric>

#include "src/campaign/faults/sharding.h"
#include "src/campaign/merge.h"
#include "src/campaign/session.h"
#include "src/config/user_error.h"
#include "src/processes/interrupt.h"
#include "src/simulation/output_dir.h"
#include "src/sweep/point_results.h"
#include "src/sweep/sweep_files.h"
#include "src/sweep/sweep_row.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// The shards of every point's campaign.
std::vector<ShardSet> campaigns_of(const ShardSet& shards, std::size_t points) {
  std::vector<ShardSet> campaigns;
  for (std::size_t point = 0; point < points; ++point) {
    std::vector<fs::path> folders;
    for (const fs::path& folder : shards.folders) folders.push_back(point_folder(folder, point));
    campaigns.push_back(read_shards(folders));
  }
  return campaigns;
}

// Points come from their own folders: config.json of the sweep has filled in defaults that hang on
// what the grid sets. Of runs the shards' hashes serve; nothing of them is done again.
void plan_points(SweepPlan& plan, const ShardSet& shards, const std::vector<ShardSet>& campaigns,
                 const fs::path& out) {
  plan.prepare_point = [&campaigns, out](std::size_t point) {
    return prepare_merge(campaigns[point], point_folder(out, point));
  };
  const Json hashes = shards.identity.value("points", Json());
  for (std::size_t point = 0; point < plan.points.size(); ++point)
    if (plan.campaigns())
      plan.add(plan.prepare_point(point));
    else if (hashes.is_array() && point < hashes.size() && hashes[point].is_string())
      plan.planned.push_back({hashes[point].get<std::string>(), 0, 0});
  require_unchanged(shards, plan.identity());
}

PointResults runs_of(const ShardSet& shards, const SweepPlan& plan) {
  const auto count = static_cast<std::uint32_t>(shards.folders.size());
  std::vector<PointResults> by_shard;
  for (std::uint32_t shard = 0; shard < count; ++shard)
    by_shard.push_back(read_point_results(
        shards.folders[shard] / kPointResults,
        shard_identity(kSweepFolder, shards.identity, shards.memory_bytes, {shard + 1, count})));
  PointResults results;
  for (std::size_t point = 0; point < plan.points.size(); ++point) {
    const std::uint32_t shard = Sharding(count).shard(point);
    const auto found = by_shard[shard].find(point);
    if (found == by_shard[shard].end())
      throw UserError(
          fmt::format("{}: point {} is missing or damaged; run shard {}/{} again with --force",
                      (shards.folders[shard] / kPointResults).string(),
                      point_text(plan.points[point]), shard + 1, count));
    results[point] = found->second;
  }
  return results;
}

}  // namespace

SweepMode merge_sweep(const ShardSet& shards, const fs::path& out, const SweepOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const bool replace = options.start == StartMode::anew;
  require_outside(usable_folder(out, replace), shards);
  SweepPlan plan(reopen_shards(shards, out), options.audit);
  std::vector<ShardSet> campaigns;
  if (plan.campaigns()) campaigns = campaigns_of(shards, plan.points.size());
  plan_points(plan, shards, campaigns, out);

  const InterruptGuard guard;
  OutputDir folder(out, replace);
  PointResults results;
  if (plan.campaigns()) {
    const fs::path work = folder.path() / kSweepFolder.work;
    const PointStore store(work, folder.path(), plan.points.size());
    std::vector<std::size_t> points(plan.points.size());
    std::iota(points.begin(), points.end(), 0);
    results = conduct_sweep(
        plan, points,
        [&](std::size_t point, const Prepared& prepared, const CampaignOptions& campaign) {
          return campaign_point(prepared, merge_shards(prepared, campaigns[point], campaign));
        },
        store, options);
    store.publish(folder.path());
    fs::remove_all(work);
  } else {
    results = runs_of(shards, plan);
    if (options.begin) options.begin(plan.points);
    for (const auto& [point, result] : results)
      if (options.finished) options.finished(point, result);
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  write_sweep(folder.path(), plan, results, {wall.count(), worker_count(options.workers)});
  folder.commit();
  require_sound(plan, results);
  return plan.mode();
}

}  // namespace attnguard
