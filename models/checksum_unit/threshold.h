// When a comparison raises the alarm.
#pragma once

#include <cmath>
#include <cstdint>

#include "models/checksum_unit/checker.h"
#include "models/checksum_unit/checker_config.h"

namespace attnguard {

/// Latency of an adder tree over `inputs` values, its output register included: 1 + ceil(log2
/// inputs) cycles.
std::uint32_t adder_tree_cycles(std::uint32_t inputs);

/// At least (1 + u)^n − 1.
double growth(std::uint64_t n, double u);
/// At most (1 − u)^n, above 0.
double shrink(std::uint64_t n, double u);

/// Roundings that any one term of the two compared sums can pass through, and how many operations
/// may underflow.
struct RoundingCounts {
  std::uint64_t lane = 0;      ///< datapath, float32, on a term's way to the left-hand side
  std::uint64_t left = 0;      ///< checker, on a term's way into the left-hand side
  std::uint64_t right = 0;     ///< checker, on a term's way into the right-hand side or the scale
  double output_roundoff = 0;  ///< unit roundoff of the output rounding, 0 if it is not observed
  double output_tiny = 0;      ///< smallest denormal of the output format, likewise
  std::uint64_t outputs = 0;   ///< values rounded so
  std::uint64_t lane_operations = 0;     ///< datapath products that may underflow
  std::uint64_t checker_operations = 0;  ///< checker operations that may underflow
};

/// Counts of the output comparison (or of P·V alone: not `normalised`) over `key_tiles` tiles, for
/// sums over `rows` query rows; `rounded`: the output is observed after its rounding to bfloat16.
RoundingCounts output_counts(const CheckerDimensions& dims, bool normalised,
                             std::uint64_t key_tiles, bool rounded, std::uint64_t rows);
/// Counts of the score comparison, likewise.
RoundingCounts score_counts(const CheckerDimensions& dims, std::uint64_t key_tiles,
                            std::uint64_t rows);

/// A bound |lhs − rhs| <= factor × scale + floor that clean arithmetic cannot exceed (short of
/// overflow).
struct RoundingBound {
  double factor = 0;
  double floor = 0;
};

/// Standard deviation, in units of the compared sum, of what its roundings add up to if they are
/// independent: each is spread evenly over at most its unit roundoff, of a partial sum that is no
/// larger than the whole.
double rounding_deviation(const RoundingCounts& counts, double unit_roundoff);

/// unit_roundoff and tiny: of the checker's format. Derivation in docs/checkers.md.
RoundingBound rounding_bound(const RoundingCounts& counts, double unit_roundoff, double tiny);

/// Defaults of the factor of a relative and of the value of an absolute threshold.
struct ThresholdDefaults {
  double relative = 0;
  double absolute = 0;
  double variance_unit = 0;       ///< e_max of V-ABFT
  double rounding_deviation = 0;  ///< beside it, see rounding_deviation()
};
ThresholdDefaults output_threshold_defaults(CheckFormat format, CheckPoint point, Format output);
ThresholdDefaults score_threshold_defaults(CheckFormat format);

/// What a threshold multiplies: nothing, the sum of the terms' magnitudes, or V-ABFT's estimate.
enum class ScaleKind : std::uint8_t { none, magnitudes, variances };
inline ScaleKind scale_of(ThresholdRule rule) {
  if (rule == ThresholdRule::absolute) return ScaleKind::none;
  return uses_variances(rule) ? ScaleKind::variances : ScaleKind::magnitudes;
}

/// Alarm unless residual and threshold are finite and residual <= threshold; non-finite ones only
/// if the rule says so.
inline void judge(Check& check, NonfiniteRule rule) {
  check.nonfinite = !std::isfinite(check.residual) || !std::isfinite(check.threshold);
  check.alarm =
      check.nonfinite ? rule == NonfiniteRule::alarm : !(check.residual <= check.threshold);
}

/// The rule of one comparison with everything resolved.
class Judge {
 public:
  Judge(const ThresholdConfig& config, ThresholdDefaults defaults, RoundingBound bound,
        NonfiniteRule nonfinite);

  ScaleKind scale() const { return scale_of(rule_); }
  /// Whether the threshold needs the data's scale.
  bool scaled() const { return scale() != ScaleKind::none; }
  /// c of V-ABFT.
  double variance_factor() const { return variance_factor_; }
  /// Completes threshold, nonfinite and alarm from residual and scale.
  void judge(Check& check) const {
    check.threshold = factor_ * check.scale + floor_;
    attnguard::judge(check, nonfinite_);
  }

 private:
  ThresholdRule rule_;
  double factor_ = 0;  ///< of the scale, which is 1 for an absolute threshold
  double floor_ = 0;
  double variance_factor_ = 0;
  NonfiniteRule nonfinite_;
};

}  // namespace attnguard
