// A sweep before its first point runs: every point read and checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "src/cli/command_line.h"
#include "src/simulation/prepared.h"
#include "src/sweep/grid.h"

namespace attnguard {

struct PlannedPoint {
  std::string config_sha256;
  std::uint64_t injections = 0;  ///< to expect here; none without campaigns
  double size = 0;               ///< grows with the time it takes
};

struct SweepPlan {
  /// The points of `base`, nothing planned yet. UserError as expand_grid() and audited_point(), and
  /// for an `audit` without campaigns.
  SweepPlan(Prepared base, const std::optional<std::uint64_t>& audit);

  SweepMode mode() const { return base.config.sweep.mode; }
  bool campaigns() const { return mode() == SweepMode::campaign; }
  void add(const Prepared& point);
  /// What tells the sweep from every other, wherever it lies; `points` are those of planned.
  nlohmann::ordered_json identity() const;

  Prepared base;  ///< the configuration without the grid
  std::vector<SweepPoint> points;
  std::optional<std::size_t> audited;                        ///< the one point that is; else all
  std::vector<PlannedPoint> planned;                         ///< [point]
  std::function<Prepared(std::size_t point)> prepare_point;  ///< once more, where it runs
};

/// UserError that names the wrong value or point.
SweepPlan plan_sweep(const CommandLine& command_line);

}  // namespace attnguard
