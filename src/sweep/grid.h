// From the sweep section to the list of points.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "src/config/document.h"
#include "src/config/origin.h"
#include "src/sweep/sweep_config.h"

namespace attnguard {

/// One point: its settings in the order of the grid. Messages call a setting by its place in the
/// list: `c.json#/sweep/grid/accelerator.array.rows/2`.
using SweepPoint = std::vector<Setting>;

/// The cross product of the grid, linked keys stepping together, the last key fastest. Throws
/// UserError for an empty grid, a key of the section `sweep` itself, a key that would undo one
/// before it, for linked keys that are not in the grid, appear twice or have lists of different
/// lengths, and for more than 100 keys or 10 000 points.
std::vector<SweepPoint> expand_grid(const SweepConfig& sweep, const ConfigOrigin& origin);

/// Index of the point that sweep.audit_point names; none without that key. Throws UserError unless
/// it names exactly one, in a sweep of campaigns.
std::optional<std::size_t> audited_point(const SweepConfig& sweep,
                                         const std::vector<SweepPoint>& points,
                                         const ConfigOrigin& origin);

/// `accelerator.array.rows=4 workload.mask="causal"`
std::string point_text(const SweepPoint& point);

}  // namespace attnguard
