#include "tests/support/child_process.h"

#include "src/campaign/worker_pool.h"

namespace attnguard {

std::string run_in_child(const std::function<std::string()>& body) {
  std::string result;
  run_in_workers({1, 1}, 1, "child", [&](std::uint64_t) { return WorkResult{body(), true}; },
                 [&](std::uint64_t, const std::string& bytes) { result = bytes; });
  return result;
}

}  // namespace attnguard
