#include "src/sweep/grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <map>

namespace attnguard {
namespace {

// Which axes step together: for each axis the index of its group's first axis.
std::vector<std::size_t> group_axes(const SweepConfig& sweep, const ConfigOrigin& origin) {
  std::map<std::string, std::size_t> axis_of;
  std::vector<std::size_t> leader;
  for (const SweepAxis& axis : sweep.grid) {
    axis_of[axis.key] = leader.size();
    leader.push_back(leader.size());
  }
  std::vector<bool> taken(leader.size(), false);
  for (std::size_t group = 0; group < sweep.linked.size(); ++group) {
    std::size_t first = leader.size();
    for (const std::string& key : sweep.linked[group]) {
      const std::string pointer = fmt::format("/sweep/linked/{}", group);
      const auto found = axis_of.find(key);
      if (found == axis_of.end()) origin.reject(pointer, key, "a key of sweep.grid");
      const std::size_t axis = found->second;
      if (taken[axis]) origin.reject(pointer, key, "each key in one group, once");
      taken[axis] = true;
      first = std::min(first, axis);
      if (sweep.grid[axis].values.size() != sweep.grid[first].values.size())
        origin.reject(pointer, fmt::format("{} has {} values", key, sweep.grid[axis].values.size()),
                      fmt::format("{}, as many as {}", sweep.grid[first].values.size(),
                                  sweep.grid[first].key));
    }
    for (const std::string& key : sweep.linked[group]) leader[axis_of[key]] = first;
  }
  return leader;
}

}  // namespace

std::vector<SweepPoint> expand_grid(const SweepConfig& sweep, const ConfigOrigin& origin) {
  if (sweep.grid.empty())
    origin.reject("/sweep/grid", "no key", "at least one key with its values");
  const std::vector<std::size_t> leader = group_axes(sweep, origin);
  std::vector<SweepPoint> points;
  std::vector<std::size_t> step(leader.size(), 0);
  while (true) {
    SweepPoint& point = points.emplace_back();
    for (std::size_t axis = 0; axis < step.size(); ++axis)
      point.emplace_back(sweep.grid[axis].key, sweep.grid[axis].values[step[leader[axis]]]);
    std::size_t axis = step.size();
    while (axis-- > 0) {
      if (leader[axis] != axis) continue;
      if (++step[axis] < sweep.grid[axis].values.size()) break;
      step[axis] = 0;
      if (axis == 0) return points;  // axis 0 leads its group
    }
  }
}

std::string assignment(const std::pair<std::string, nlohmann::ordered_json>& setting) {
  return fmt::format("{}={}", setting.first, setting.second.dump());
}

}  // namespace attnguard
