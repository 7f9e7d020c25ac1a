// How long someone waited for a control line, and which flips of it that wait would have seen.
#pragma once

#include <cstdint>

namespace attnguard {

/// A wait for a line to be high, sampled every cycle from `since` until it was, at `until`.
struct LineWait {
  std::uint64_t since = 0, until = 0;
  std::uint64_t live_from = 0;  ///< a flip from this cycle to before `until` is read
  bool rose = false;            ///< meanwhile; else the line was high before

  bool live(std::uint64_t cycle) const { return live_from <= cycle && cycle < until; }
  /// The line after the update of a live cycle.
  bool value(std::uint64_t cycle) const { return !rose || cycle + 1 == until; }
};

}  // namespace attnguard
