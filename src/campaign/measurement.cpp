#include "src/campaign/measurement.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace attnguard {

double row_scale(const std::uint32_t* words, std::size_t count, Format format) {
  double scale = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double value = decode(format, words[i]);
    if (std::isfinite(value)) scale = std::max(scale, std::fabs(value));
  }
  return scale;
}

namespace {

/// Errors of the values of one row that differ.
class RowErrors {
 public:
  explicit RowErrors(OutputDifference& difference) : difference_(difference) {}
  void add(double expected, double value) {
    ++difference_.changed_values;
    if (std::isfinite(value) && std::isfinite(expected)) {
      error_ = std::max(error_, std::fabs(value - expected));
    } else {
      difference_.nonfinite = true;
      error_ = std::numeric_limits<double>::infinity();
    }
  }
  void finish(double scale) {
    ++difference_.changed_rows;
    difference_.max_abs_error = std::max(difference_.max_abs_error, error_);
    difference_.max_row_error =
        std::max(difference_.max_row_error, scale > 0 ? error_ / scale : error_);
  }

 private:
  OutputDifference& difference_;
  double error_ = 0;
};

}  // namespace

void add_changed_row(const std::uint32_t* golden, const std::uint32_t* words, std::size_t count,
                     double scale, Format format, OutputDifference& difference) {
  RowErrors errors(difference);
  for (std::size_t i = 0; i < count; ++i)
    if (golden[i] != words[i]) errors.add(decode(format, golden[i]), decode(format, words[i]));
  errors.finish(scale);
}

std::size_t add_row(const float* golden, const float* values, std::size_t count, double scale,
                    OutputDifference& difference) {
  const auto bits = [](float value) {
    std::uint32_t raw;
    std::memcpy(&raw, &value, sizeof raw);
    return raw;
  };
  const auto differ = [&](std::size_t i) { return bits(golden[i]) != bits(values[i]); };
  std::size_t first = 0;
  while (first < count && !differ(first)) ++first;
  if (first == count) return count;
  RowErrors errors(difference);
  for (std::size_t i = first; i < count; ++i)
    if (differ(i)) errors.add(golden[i], values[i]);
  errors.finish(scale);
  return first;
}

void add_changed_check(const Check& check, RatioMax& largest) {
  largest.nonfinite |= check.nonfinite;
  // A residual over a zero scale is beyond every relative threshold, unless it is zero itself.
  const double value = check.residual == 0 ? 0 : check.residual / check.scale;
  if (std::isnan(value) || (largest.ratio && value <= *largest.ratio)) return;
  largest.ratio = value;
  largest.cycle = check.cycle;
}

}  // namespace attnguard
