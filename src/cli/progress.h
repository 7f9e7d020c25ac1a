// A progress line on standard error: rewritten in place on a terminal, a line every 10 % otherwise.
#pragma once

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "src/cli/standard_streams.h"

namespace attnguard {

class Progress {
 public:
  explicit Progress(std::string what) : what_(std::move(what)) {}

  /// `more` is asked for what to say behind the figures when a line is due; `kept` of those done
  /// were there before and say nothing about the rate.
  template <class More>
  void update(std::uint64_t done, std::uint64_t all, More more, std::uint64_t kept = 0) {
    if ((done == kept && done < all) || (done == all && ended_)) return;
    ended_ = done == all;
    const double elapsed_s = seconds_since_start();
    if (terminal_) {
      if (done < all && elapsed_s < next_s_) return;
      next_s_ = elapsed_s + 0.2;
      const std::string text = line(done, all, done - kept, elapsed_s) + more();
      // A line that wraps could not be rewritten.
      tell(fmt::format("\r{:<{}.{}}{}", text, columns(), columns(), done == all ? "\n" : ""));
    } else {
      if (done * 10 / all == tenth_) return;
      tenth_ = done * 10 / all;
      tell(fmt::format("{}{}\n", line(done, all, done - kept, elapsed_s), more()));
    }
  }
  void update(std::uint64_t done, std::uint64_t all) {
    update(done, all, [] { return ""; });
  }
  /// The next output begins on a line of its own.
  void end_line() {
    if (terminal_ && next_s_ > 0) tell("\n");
  }

  /// The next output takes the place of the line.
  void clear_line() {
    if (terminal_ && next_s_ > 0) tell(fmt::format("\r{:{}}\r", "", columns()));
  }

  /// 59 s, 12:05, 3:00:00
  static std::string duration(double seconds) {
    const auto s = static_cast<std::uint64_t>(seconds + 0.5);
    if (s < 60) return fmt::format("{} s", s);
    if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
    return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  }

 private:
  std::string line(std::uint64_t done, std::uint64_t all, std::uint64_t here,
                   double elapsed_s) const {
    const double rate = elapsed_s > 0 ? static_cast<double>(here) / elapsed_s : 0;
    const double remaining_s = rate > 0 ? static_cast<double>(all - done) / rate : 0;
    return fmt::format("{} {}/{} ({:.0f} %), {:.{}f}/s, {} left", what_, done, all,
                       100.0 * static_cast<double>(done) / static_cast<double>(all), rate,
                       rate < 10 ? 1 : 0, duration(remaining_s));
  }

  static int columns() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
  }

  double seconds_since_start() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

  std::string what_;
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double next_s_ = 0;
  std::uint64_t tenth_ = 0;
  bool ended_ = false;
};

}  // namespace attnguard
