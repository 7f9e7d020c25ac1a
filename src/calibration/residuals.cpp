#include "src/calibration/residuals.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "src/campaign/injections/measurement.h"

namespace attnguard {
namespace {

// Infinity beyond the largest number.
double parsed(const std::string& text) {
  double value = std::numeric_limits<double>::infinity();
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

double clean_ratio(const Check& check) {
  if (check.nonfinite) return check.alarm ? std::numeric_limits<double>::infinity() : 0;
  return relative_residual(check);
}

double rounded(double value, int digits) {
  return std::isfinite(value) ? parsed(fmt::format("{:.{}e}", value, digits - 1)) : value;
}

double rounded_up(double ratio, int digits) {
  if (ratio == 0 || !std::isfinite(ratio)) return ratio;
  std::string text = fmt::format("{:.{}e}", ratio, digits - 1);  // to nearest
  const double nearest = parsed(text);
  if (nearest >= ratio) return nearest;
  // One unit of the last digit more.
  std::size_t at = text.find('e');
  const std::string exponent = text.substr(at);
  for (text.resize(at); at-- > 0;) {
    if (text[at] == '.') continue;
    if (text[at] != '9') {
      ++text[at];
      return parsed(text + exponent);
    }
    text[at] = '0';
  }
  return parsed("1" + text + exponent);  // 9.99 becomes 10.00
}

std::uint64_t RatioCounts::total() const {
  std::uint64_t total = 0;
  for (const auto& [ratio, count] : counts_) total += count;
  return total;
}

std::uint64_t RatioCounts::above(double threshold) const {
  std::uint64_t above = 0;
  for (auto at = counts_.upper_bound(threshold); at != counts_.end(); ++at) above += at->second;
  return above;
}

double RatioCounts::threshold(std::uint64_t exceeding) const {
  std::uint64_t above = 0;
  for (auto at = counts_.rbegin(); at != counts_.rend(); ++at) {
    above += at->second;
    if (above > exceeding) return at->first;
  }
  return 0;
}

}  // namespace attnguard
