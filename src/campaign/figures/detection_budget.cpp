#include "src/campaign/figures/detection_budget.h"

#include <charconv>
#include <cmath>

namespace attnguard {

std::optional<std::uint64_t> budget_cycles(std::string_view text, double clock_mhz) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || !std::isfinite(number) || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  double cycles = 0;
  if (text == "cycles") {
    cycles = number;
  } else if (text == "ns") {
    cycles = number * clock_mhz / 1e3;
  } else if (text == "us") {
    cycles = number * clock_mhz;
  } else if (text == "ms") {
    cycles = number * clock_mhz * 1e3;
  } else if (text == "s") {
    cycles = number * clock_mhz * 1e6;
  } else {
    return std::nullopt;
  }
  if (cycles >= 0x1p63) return std::nullopt;
  return static_cast<std::uint64_t>(cycles);
}

}  // namespace attnguard
