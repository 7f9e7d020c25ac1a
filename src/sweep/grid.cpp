#include "src/sweep/grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>

#include "src/config/nearest.h"

namespace attnguard {
namespace {

std::vector<std::string> keys_of(const SweepConfig& sweep) {
  std::vector<std::string> keys;
  for (const SweepAxis& axis : sweep.grid) keys.push_back(axis.key);
  return keys;
}

bool is_below(const std::string& key, const std::string& parent) {
  return key.size() > parent.size() && key.compare(0, parent.size(), parent) == 0 &&
         key[parent.size()] == '.';
}

// A column of sweep.csv must say what was run.
void check_keys(const SweepConfig& sweep, const ConfigOrigin& origin) {
  if (sweep.grid.empty())
    origin.reject("/sweep/grid", "no key", "at least one key with its values");
  if (sweep.grid.size() > kMostSweptKeys)
    origin.reject("/sweep/grid", fmt::format("{} keys", sweep.grid.size()),
                  fmt::format("at most {}", kMostSweptKeys));
  const std::vector<std::string> keys = keys_of(sweep);
  for (auto key = keys.begin(); key != keys.end(); ++key) {
    const std::string pointer = child_pointer("/sweep/grid", *key);
    if (*key == "sweep" || is_below(*key, "sweep"))
      origin.reject(pointer, "a key of the sweep itself", "a key outside the section `sweep`");
    for (auto before = keys.begin(); before != key; ++before)
      if (is_below(*before, *key))
        origin.reject(pointer, fmt::format("undoes {} before it", *before), "the wider key first");
  }
}

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
    std::optional<std::size_t> first;
    for (const std::string& key : sweep.linked[group]) {
      const std::string pointer = fmt::format("/sweep/linked/{}", group);
      const auto found = axis_of.find(key);
      if (found == axis_of.end()) origin.reject(pointer, key, "a key of sweep.grid");
      const std::size_t axis = found->second;
      if (taken[axis]) origin.reject(pointer, key, "each key in one group, once");
      taken[axis] = true;
      const SweepAxis& named = sweep.grid[axis_of[sweep.linked[group].front()]];
      if (sweep.grid[axis].values.size() != named.values.size())
        origin.reject(pointer, fmt::format("{} has {} values", key, sweep.grid[axis].values.size()),
                      fmt::format("{}, as many as {}", named.values.size(), named.key));
      first = std::min(first.value_or(axis), axis);
    }
    for (const std::string& key : sweep.linked[group]) leader[axis_of[key]] = *first;
  }
  return leader;
}

void check_size(const SweepConfig& sweep, const std::vector<std::size_t>& leader,
                const ConfigOrigin& origin) {
  std::uint64_t points = 1;
  for (std::size_t axis = 0; axis < leader.size(); ++axis) {
    if (leader[axis] == axis) points *= sweep.grid[axis].values.size();
    if (points > kMostSweepPoints)
      origin.reject("/sweep/grid", "too many points", fmt::format("at most {}", kMostSweepPoints));
  }
}

Setting setting(const SweepAxis& axis, std::size_t step, const ConfigOrigin& origin) {
  return {axis.key, axis.values[step],
          origin.where(fmt::format("{}/{}", child_pointer("/sweep/grid", axis.key), step))};
}

bool matches(const SweepPoint& point, const KeyValues& values) {
  return std::all_of(values.begin(), values.end(), [&](const auto& value) {
    return std::any_of(point.begin(), point.end(), [&](const Setting& setting) {
      return setting.key == value.first && setting.value == value.second;
    });
  });
}

}  // namespace

std::vector<SweepPoint> expand_grid(const SweepConfig& sweep, const ConfigOrigin& origin) {
  check_keys(sweep, origin);
  const std::vector<std::size_t> leader = group_axes(sweep, origin);
  check_size(sweep, leader, origin);
  std::vector<SweepPoint> points;
  std::vector<std::size_t> step(leader.size(), 0);
  while (true) {
    SweepPoint& point = points.emplace_back();
    for (std::size_t axis = 0; axis < step.size(); ++axis)
      point.push_back(setting(sweep.grid[axis], step[leader[axis]], origin));
    std::size_t axis = step.size();
    while (axis-- > 0) {
      if (leader[axis] != axis) continue;
      if (++step[axis] < sweep.grid[axis].values.size()) break;
      step[axis] = 0;
      if (axis == 0) return points;  // axis 0 leads its group
    }
  }
}

std::optional<std::size_t> audited_point(const SweepConfig& sweep,
                                         const std::vector<SweepPoint>& points,
                                         const ConfigOrigin& origin) {
  if (!sweep.audit_point) return std::nullopt;
  constexpr const char* kPointer = "/sweep/audit_point";
  if (sweep.mode != SweepMode::campaign)
    origin.reject(kPointer, "given", "only with sweep.mode campaign");
  const std::vector<std::string> keys = keys_of(sweep);
  for (const auto& [key, value] : *sweep.audit_point)
    if (std::find(keys.begin(), keys.end(), key) == keys.end())
      origin.reject(child_pointer(kPointer, key), "no key of sweep.grid", suggest(key, keys));
  std::vector<std::size_t> named;
  for (std::size_t i = 0; i < points.size(); ++i)
    if (matches(points[i], *sweep.audit_point)) named.push_back(i);
  if (named.size() != 1)
    origin.reject(kPointer, fmt::format("names {} points", named.size()),
                  "values of the grid that one point has");
  return named.front();
}

std::string point_text(const SweepPoint& point) {
  std::string text;
  for (const Setting& setting : point)
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", setting.key, one_line(setting.value));
  return text;
}

}  // namespace attnguard
