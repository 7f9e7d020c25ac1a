#include "models/checksum_unit/threshold.h"

#include <cmath>

#include "models/checksum_unit/check_math.h"
#include "models/checksum_unit/variance_scale.h"
#include "models/numerics/ceil_log2.h"

namespace attnguard {
namespace {

constexpr double kFloat32Roundoff = 0x1p-24;
constexpr double kFloat32Tiny = 0x1p-149;

double power(double base, std::uint64_t exponent) {
  double result = 1;
  for (; exponent != 0; exponent >>= 1, base *= base)
    if (exponent & 1) result *= base;
  return result;
}

}  // namespace

double growth(std::uint64_t n, double u) {
  const double nu = static_cast<double>(n) * u;
  return nu < 0.5 ? nu / (1 - nu) : power(1 + u, n) - 1;
}

double shrink(std::uint64_t n, double u) {
  const double nu = static_cast<double>(n) * u;
  return nu < 0.5 ? 1 - nu : power(1 - u, n);
}

std::uint32_t adder_tree_cycles(std::uint32_t inputs) { return 1 + ceil_log2(inputs); }

RoundingCounts output_counts(const CheckerDimensions& dims, bool normalised,
                             std::uint64_t key_tiles, bool rounded, std::uint64_t rows) {
  const std::uint64_t cols = dims.cols, head_dim = dims.head_dim, keys = key_tiles * cols;
  const std::uint64_t divisions = normalised ? 1 : 0;
  const std::uint64_t group = rows > 1 ? rows : 0;  // additions of a row's sums to its group's
  RoundingCounts counts;
  counts.lane = cols + 2 * key_tiles + 2 * divisions;
  counts.left = head_dim + group;
  counts.right = head_dim + 1 + cols + 2 * key_tiles + divisions + group;
  if (rounded) {
    counts.output_roundoff = Bfloat16Number::unit_roundoff;
    counts.output_tiny = Bfloat16Number::tiny;
    counts.outputs = rows * head_dim;
  }
  counts.lane_operations = rows * (head_dim * (keys + key_tiles + divisions) + divisions);
  counts.checker_operations =
      2 * rows * (head_dim + keys * (head_dim + 2) + 2 * key_tiles + divisions);
  return counts;
}

RoundingCounts score_counts(const CheckerDimensions& dims, std::uint64_t key_tiles,
                            std::uint64_t rows) {
  const std::uint64_t cols = dims.cols, head_dim = dims.head_dim, keys = key_tiles * cols;
  const std::uint64_t group = rows > 1 ? rows : 0;
  RoundingCounts counts;
  counts.lane = head_dim;
  counts.left = cols + key_tiles + group;
  counts.right = cols + 1 + head_dim + key_tiles + group;
  counts.lane_operations = rows * keys * head_dim;
  counts.checker_operations =
      2 * rows * (keys + keys * head_dim + 2 * head_dim * key_tiles + 3 * key_tiles);
  return counts;
}

double rounding_deviation(const RoundingCounts& counts, double unit_roundoff) {
  const double lane = static_cast<double>(counts.lane) * kFloat32Roundoff * kFloat32Roundoff;
  const double checker =
      static_cast<double>(counts.left + counts.right) * unit_roundoff * unit_roundoff;
  return std::sqrt((lane + checker) / 3);
}

RoundingBound rounding_bound(const RoundingCounts& counts, double unit_roundoff, double tiny) {
  constexpr double kSlack = 1 + 0x1p-40;  // the roundings of this very computation
  const double left = (1 + growth(counts.lane, kFloat32Roundoff)) * (1 + counts.output_roundoff) *
                      (1 + growth(counts.left, unit_roundoff));
  const double error = left - 1 + growth(counts.right, unit_roundoff);
  RoundingBound bound;
  bound.factor = error * (1 + unit_roundoff) / shrink(counts.right, unit_roundoff) * kSlack;
  const double underflow = static_cast<double>(counts.lane_operations) * kFloat32Tiny +
                           static_cast<double>(counts.checker_operations) * tiny +
                           static_cast<double>(counts.outputs) * counts.output_tiny;
  bound.floor = 4 * (1 + bound.factor) * underflow;
  return bound;
}

ThresholdDefaults output_threshold_defaults(CheckFormat format, CheckPoint point, Format output) {
  if (format == CheckFormat::bfloat16) return {0x1p-2, 16.0};
  if (point == CheckPoint::after_rounding && output == Format::bfloat16) return {0x1p-8, 0x1p-2};
  return {0x1p-17, 0x1p-7};
}

ThresholdDefaults score_threshold_defaults(CheckFormat format) {
  if (format == CheckFormat::bfloat16) return {0x1p-5, 0x1p+14};
  return {0x1p-19, 0x1p-4};
}

Judge::Judge(const ThresholdConfig& config, ThresholdDefaults defaults, RoundingBound bound,
             NonfiniteRule nonfinite)
    : rule_(config.rule), nonfinite_(nonfinite) {
  switch (rule_) {
    case ThresholdRule::absolute:
      factor_ = config.value > 0 ? config.value : defaults.absolute;
      break;
    case ThresholdRule::relative:
      factor_ = config.value > 0 ? config.value : defaults.relative;
      break;
    case ThresholdRule::bound:
      factor_ = bound.factor;
      floor_ = bound.floor;
      break;
    case ThresholdRule::variance:
    case ThresholdRule::variance_published:
      factor_ = defaults.variance_unit;
      variance_factor_ = config.value > 0 ? config.value : kVarianceFactor;
      if (rule_ == ThresholdRule::variance)
        factor_ += variance_factor_ * defaults.rounding_deviation;
      break;
  }
}

}  // namespace attnguard
