// SIGINT and SIGTERM as a question instead of an end.
#pragma once

namespace attnguard {

/// While it lives, the first SIGINT or SIGTERM is noted; the second one ends the process.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  static bool interrupted();
};

}  // namespace attnguard
