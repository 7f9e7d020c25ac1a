// The points of a sweep side by side, each in a process of its own: SystemC elaborates once per
// process.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "src/sweep/point_store.h"

namespace attnguard {

/// How far a point is, in memory that all processes share.
struct PointProgress {
  std::atomic<std::uint64_t> done{0}, all{0};  ///< injections
  std::atomic<std::uint64_t> kept{0};          ///< of those done, by an earlier process
  std::atomic<bool> running{false}, finished{false};
};

struct PointsToConduct {
  std::vector<std::size_t> order;  ///< in which they start
  std::uint32_t workers = 1;       ///< processes at once, over all points
  /// Called in the process of the point with its share of the workers; what it returns goes to the
  /// store. What it throws ends everything: it is thrown here again, as throw_error does.
  std::function<nlohmann::ordered_json(std::size_t point, std::uint32_t workers)> run;
  std::function<std::string(std::size_t point)> name;  ///< for messages
  /// Called here several times a second; ends everything by throwing.
  std::function<void()> tick;
  PointProgress* progress = nullptr;  ///< [point], in shared memory
};

/// Until the store holds every point of the order. A process that dies is replaced once.
void conduct_points(const PointsToConduct& points, const PointStore& store);

}  // namespace attnguard
