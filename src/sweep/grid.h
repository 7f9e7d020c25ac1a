// From the sweep section to the list of points.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "src/config/origin.h"
#include "src/sweep/sweep_config.h"

namespace attnguard {

/// One point: (dotted key, value), in the order of the grid.
using SweepPoint = std::vector<std::pair<std::string, nlohmann::ordered_json>>;

/// The cross product of the grid, linked keys stepping together, the last key fastest. Throws
/// UserError for an empty grid and for linked keys that are not in the grid, appear twice or have
/// lists of different lengths.
std::vector<SweepPoint> expand_grid(const SweepConfig& sweep, const ConfigOrigin& origin);

/// `key=value`, as --set takes it.
std::string assignment(const std::pair<std::string, nlohmann::ordered_json>& setting);

}  // namespace attnguard
