// Cycles at the edge of the SystemC kernel.
//
// Everything in the models counts cycles from the start of the job; sc_time appears only here.
// Register updates of cycle c become visible at SystemC time (c + 1) × period.
#pragma once

#include <cmath>
#include <cstdint>
#include <systemc>

namespace attnguard {

/// Of a clock of so many MHz, rounded to whole picoseconds.
inline std::uint64_t period_ps(double mhz) {
  return static_cast<std::uint64_t>(std::round(1e6 / mhz));
}

class Clock {
 public:
  explicit Clock(double mhz)
      : period_(sc_core::sc_time(static_cast<double>(period_ps(mhz)), sc_core::SC_PS)),
        period_value_(period_.value()) {}

  /// Cycle 0 is now.
  void restart() {
    origin_ = now_ = sc_core::sc_time_stamp().value();
    cycle_ = 0;
  }
  /// Current cycle since the start of the job.
  std::uint64_t cycle() const {
    const std::uint64_t now = sc_core::sc_time_stamp().value();
    if (now != now_) {  // units ask often while time stands still, and a division is slow
      now_ = now;
      cycle_ = (now - origin_) / period_value_;
    }
    return cycle_;
  }
  /// Time from now to the start of `cycle`, zero if that has passed.
  sc_core::sc_time until(std::uint64_t cycle) const {
    const std::uint64_t target = origin_ + cycle * period_value_;
    const std::uint64_t now = sc_core::sc_time_stamp().value();
    return target <= now ? sc_core::SC_ZERO_TIME : sc_core::sc_time::from_value(target - now);
  }
  /// Time from now to the middle of `cycle`, when every line has settled; zero if that has passed.
  sc_core::sc_time until_middle(std::uint64_t cycle) const {
    const std::uint64_t target = origin_ + cycle * period_value_ + period_value_ / 2;
    const std::uint64_t now = sc_core::sc_time_stamp().value();
    return target <= now ? sc_core::SC_ZERO_TIME : sc_core::sc_time::from_value(target - now);
  }
  /// Time from now to late in `cycle`, when those who looked at a line in its middle have acted
  /// too.
  sc_core::sc_time until_late(std::uint64_t cycle) const {
    return until_middle(cycle) + period_ * 0.125;
  }
  const sc_core::sc_time& period() const { return period_; }

 private:
  sc_core::sc_time period_;
  std::uint64_t period_value_;
  std::uint64_t origin_ = 0;
  mutable std::uint64_t now_ = 0, cycle_ = 0;
};

}  // namespace attnguard
