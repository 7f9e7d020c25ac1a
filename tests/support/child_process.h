// SystemC elaborates once per process, so a test of several simulations runs each in a process of
// its own.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "src/processes/worker_pool.h"

namespace attnguard {

/// body(0) .. body(count − 1), each in a fresh fork of this process, two at a time. Throws when a
/// body throws or its process dies; expectations of the test belong into the caller, not into
/// `body`.
inline std::vector<std::string> run_in_children(
    std::size_t count, const std::function<std::string(std::size_t)>& body) {
  std::vector<std::string> results;
  run_in_workers(
      {2, 1}, count, "child", [&](std::uint64_t i) { return WorkResult{body(i), true}; },
      [&](std::uint64_t, const std::string& bytes) { results.push_back(bytes); });
  return results;
}

}  // namespace attnguard
