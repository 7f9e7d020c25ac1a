// The points of a sweep, conducted and told about.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "src/campaign/campaign.h"
#include "src/sweep/point_store.h"
#include "src/sweep/sweep.h"
#include "src/sweep/sweep_plan.h"

namespace attnguard {

/// Called in the process of the point; what it returns is kept and told, with the seconds it took
/// as `wall_s`. The options are those of the point's campaign, if it has one.
using RunPoint = std::function<nlohmann::ordered_json(std::size_t point, const Prepared& prepared,
                                                      const CampaignOptions& campaign)>;

/// What points returned, by point.
using PointResults = std::map<std::size_t, nlohmann::ordered_json>;

/// Runs those of `points` that the store lacks; what it then holds of all. Throws what a point
/// throws, with its name, and Interrupted when an InterruptGuard was told to.
PointResults conduct_sweep(const SweepPlan& plan, const std::vector<std::size_t>& points,
                           const RunPoint& run, const PointStore& store,
                           const SweepOptions& options);

/// Throws the first `error` that a result carries: AuditError, ModelError.
void require_sound(const SweepPlan& plan, const PointResults& results);

}  // namespace attnguard
