// Text of sweep.csv.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "src/sweep/grid.h"

namespace attnguard {

/// A row per point: its settings, then its columns. Units, checkers and links can differ between
/// points: the columns are their union, each after the one that is before it at the first point
/// that has it.
std::string sweep_csv(const std::vector<SweepPoint>& points,
                      const std::vector<nlohmann::ordered_json>& rows);

}  // namespace attnguard
