#include "src/sweep/sweep.h"

#include <chrono>
#include <numeric>

#include "src/campaign/faults/sharding.h"
#include "src/campaign/session.h"
#include "src/campaign/shard.h"
#include "src/config/user_error.h"
#include "src/files/shard_set.h"
#include "src/processes/carried_error.h"
#include "src/processes/interrupt.h"
#include "src/sweep/conduct_sweep.h"
#include "src/sweep/point_results.h"
#include "src/sweep/sweep_files.h"
#include "src/sweep/sweep_row.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// What a command makes of a plan.
struct SweepPart {
  Json identity;
  std::vector<std::size_t> points;
  RunPoint run;
  std::function<void(const fs::path& folder, const PointResults&, const SweepTiming&)> write;
};

struct ConductedPart {
  PointResults results;
  SweepTiming timing;
};

// From an empty folder, or what an earlier process left in it, to its results.
ConductedPart conduct_part(const SweepPlan& plan, const SweepPart& part, const fs::path& out,
                           const SweepOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  ResumableFolder folder(kSweepFolder, out, options.start, part.identity);
  const InterruptGuard guard;  // only now: until here a signal loses nothing
  folder.open();
  const PointStore store(folder.work(), folder.path(), plan.points.size());
  ConductedPart conducted;
  try {
    conducted.results = conduct_sweep(plan, part.points, part.run, store, options);
  } catch (const UserError&) {
    folder.forget();  // the configuration has to change, so nothing can go on from here
    throw;
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  conducted.timing = {wall.count(), worker_count(options.workers)};
  folder.publish([&](const fs::path& to) {
    part.write(to, conducted.results, conducted.timing);
    if (plan.campaigns()) store.publish(to);
  });
  return conducted;
}

Json shard_of_point(const Prepared& prepared, const CampaignOptions& options, ShardId shard) {
  const ConductedShard conducted = run_shard(prepared, options, shard).conducted;
  Json result = {{"injections", conducted.injections}};
  try {
    require_none_failed(conducted.failed);
  } catch (...) {
    result["error"] = current_error();
  }
  return result;
}

}  // namespace

SweepMode run_sweep(const CommandLine& command_line, const SweepOptions& options) {
  const SweepPlan plan = plan_sweep(command_line);
  SweepPart all;
  all.identity = plan.identity();
  if (options.audit) all.identity["audit"] = *options.audit;
  all.points.resize(plan.points.size());
  std::iota(all.points.begin(), all.points.end(), 0);
  all.run = [&](std::size_t, const Prepared& prepared, const CampaignOptions& campaign) {
    return plan.campaigns() ? campaign_point(prepared, run_campaign(prepared, campaign))
                            : fault_free_point(prepared);
  };
  all.write = [&](const fs::path& folder, const PointResults& results, const SweepTiming& timing) {
    write_sweep(folder, plan, results, timing);
  };
  require_sound(plan, conduct_part(plan, all, output_directory(command_line), options).results);
  return plan.mode();
}

SweepShardSummary run_sweep_shard(const CommandLine& command_line, const SweepOptions& options,
                                  ShardId shard) {
  SweepPlan plan = plan_sweep(command_line);
  const fs::path out = output_directory(command_line);
  SweepPart part;
  part.identity =
      shard_identity(kSweepFolder, plan.identity(),
                     options.memory_bytes.value_or(CampaignOptions().memory_bytes), shard);
  SweepShardSummary summary;
  summary.campaigns = plan.campaigns();
  if (options.start == StartMode::resume && is_finished_shard(kSweepFolder, out, part.identity)) {
    summary.was_finished = true;
    return summary;
  }
  for (PlannedPoint& point : plan.planned) point.injections /= shard.count;
  for (std::size_t point = 0; point < plan.points.size(); ++point)
    if (plan.campaigns() || Sharding(shard.count).shard(point) == shard.number - 1)
      part.points.push_back(point);
  part.run = [&](std::size_t, const Prepared& prepared, const CampaignOptions& campaign) {
    return plan.campaigns() ? shard_of_point(prepared, campaign, shard)
                            : fault_free_point(prepared);
  };
  part.write = [&](const fs::path& folder, const PointResults& results, const SweepTiming& timing) {
    if (!plan.campaigns()) write_point_results(folder / kPointResults, part.identity, results);
    write_json(folder / kShardIdentity, part.identity);
    write_sweep_shard(folder, plan, results, timing);
  };
  const ConductedPart conducted = conduct_part(plan, part, out, options);
  require_sound(plan, conducted.results);
  summary.points = part.points.size();
  for (const auto& [point, result] : conducted.results)
    summary.injections += result.value("injections", 0ULL);
  summary.wall_s = conducted.timing.wall_s;
  return summary;
}

}  // namespace attnguard
