// SIGINT, SIGTERM and SIGHUP: an end in order, or a question.
#pragma once

#include <csignal>

namespace attnguard {

/// From now on the signals end the program with exit code 130 and one line, unless an
/// InterruptGuard lives. A signal that is ignored stays so.
void end_on_interrupt();

/// While it lives, the first signal is noted; the second one ends the process. A signal that was
/// ignored stays so. Guards may be nested.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

  static bool interrupted();

 private:
  struct sigaction before_[3];
};

}  // namespace attnguard
