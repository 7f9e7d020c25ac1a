// Independent tasks, each in a process of its own: SystemC elaborates once per process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

namespace attnguard {

/// Results of task(0) … task(count − 1), in that order, whatever order they finish in. At most
/// `workers` run at once; `done` is called in the parent as each one finishes. `task` must not
/// throw; a task whose process dies is a ModelError.
std::vector<nlohmann::ordered_json> fork_map(
    std::size_t count, std::uint32_t workers,
    const std::function<nlohmann::ordered_json(std::size_t)>& task,
    const std::function<void(std::size_t, const nlohmann::ordered_json&)>& done);

}  // namespace attnguard
