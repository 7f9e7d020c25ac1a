#include "src/campaign/injections/measurement.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attnguard {

void combine(const Members& members, std::vector<CheckerMeasurement>& checkers) {
  for (std::size_t c = 0; c < members.size(); ++c) {
    if (members[c].empty()) continue;
    bool finite = false;
    checkers[c] = {};
    for (const std::size_t member : members[c]) {
      checkers[c].alarm_cycle = std::min(checkers[c].alarm_cycle, checkers[member].alarm_cycle);
      finite |= checkers[member].alarm_cycle != kNever && !checkers[member].alarm_is_nonfinite;
    }
    checkers[c].alarm_is_nonfinite = checkers[c].alarm_cycle != kNever && !finite;
  }
}

double row_scale(const std::uint32_t* words, std::size_t count, Format format) {
  double scale = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double value = number_of(format, words[i]);
    if (std::isfinite(value)) scale = std::max(scale, std::fabs(value));
  }
  return scale;
}

namespace {

void take(double error, double scale, OutputDifference& difference) {
  ++difference.changed_rows;
  difference.max_abs_error = std::max(difference.max_abs_error, error);
  difference.max_row_error = std::max(difference.max_row_error, scale > 0 ? error / scale : error);
}

}  // namespace

void add_changed_row(const std::uint32_t* golden, const std::uint32_t* words, std::size_t count,
                     double scale, Format format, OutputDifference& difference) {
  double error = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (golden[i] == words[i]) continue;
    ++difference.changed_values;
    const double expected = number_of(format, golden[i]), value = number_of(format, words[i]);
    if (std::isfinite(value) && std::isfinite(expected)) {
      error = std::max(error, std::fabs(value - expected));
    } else {
      difference.nonfinite = true;
      error = std::numeric_limits<double>::infinity();
    }
  }
  take(error, scale, difference);
}

void add_changed_row(const RowErrors& errors, double scale, OutputDifference& difference) {
  difference.changed_values += errors.changed;
  difference.nonfinite |= errors.nonfinite;
  take(errors.largest, scale, difference);
}

double relative_residual(const Check& check) {
  if (check.scale > 0) return check.residual / check.scale;
  // A flipped sign can make the scale negative: then even an equal pair alarms.
  return check.scale == 0 && check.residual == 0 ? 0 : std::numeric_limits<double>::infinity();
}

void add_changed_check(const Check& check, RatioMax& largest) {
  if (check.nonfinite) {
    largest.nonfinite = true;
    return;
  }
  const double ratio = relative_residual(check);
  if (largest.ratio && ratio <= *largest.ratio) return;
  largest.ratio = ratio;
  largest.cycle = check.cycle;
}

}  // namespace attnguard
