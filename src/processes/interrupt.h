// SIGINT and SIGTERM as a question instead of an end.
#pragma once

#include <csignal>

namespace attnguard {

/// While it lives, the first SIGINT or SIGTERM is noted; the second one ends the process. A signal
/// that was ignored stays so.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  static bool interrupted();

 private:
  struct sigaction before_[2];
};

}  // namespace attnguard
