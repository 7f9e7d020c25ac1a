// What ends a run early: a unit that answers with an error.
#pragma once

#include <cstdint>
#include <string>
#include <systemc>

#include "models/fabric/clock.h"

namespace attnguard {

class RunMonitor {
 public:
  explicit RunMonitor(const Clock& clock) : clock_(clock) {}
  void reset() { reason_.clear(); }
  /// Records the first error and stops the kernel.
  void crash(const std::string& reason) {
    if (crashed()) return;
    reason_ = reason;
    cycle_ = clock_.cycle();
    sc_core::sc_pause();
  }
  bool crashed() const { return !reason_.empty(); }
  const std::string& reason() const { return reason_; }
  std::uint64_t cycle() const { return cycle_; }

 private:
  const Clock& clock_;
  std::string reason_;
  std::uint64_t cycle_ = 0;
};

}  // namespace attnguard
