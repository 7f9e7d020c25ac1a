// attnchecker: after the published description of ATTNChecker (arXiv 2410.11720). Plain and
// weighted column sums of each product's tiles detect an error, say in which row it is and what the
// value should have been.
//
// Of a column, d1 and d2 are expected minus observed of the plain and the weighted sum. |d1| above
// the threshold alarms; the error is in row round(d2/d1) − 1. If d1 is not finite or beyond 1e10
// the row is the only one whose value is. The corrected value is the old one plus d1, or, beyond
// 1e3, the expected sum less all other rows. One check per product and tile: its worst column. The
// checker is passive: what it would write, in every column that alarms, is reported, and written by
// the recovery policy `correct` alone.
#pragma once

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/checksum_unit/column_checker.h"
#include "models/checksum_unit/row_check.h"

namespace attnguard {

struct AttnCheckerConfig {
  static constexpr std::string_view kind = "attnchecker";
  std::unique_ptr<Checker> make_checker(const std::string& name,
                                        const CheckerDimensions& dims) const;

  double threshold = 1;
  NonfiniteRule nonfinite = NonfiniteRule::alarm;

  std::optional<ThresholdKey> threshold_key(std::string_view) const {
    return ThresholdKey{"threshold", "", ""};
  }

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"threshold", "largest deviation of a plain column sum that does not alarm", 0.0,
                1e30},
      self.threshold);
    v(FieldSpec{"nonfinite", "whether a deviation that is not finite raises the alarm"},
      self.nonfinite);
  }
};

class AttnChecker final : public ColumnChecker {
 public:
  AttnChecker(const std::string& name, const AttnCheckerConfig& config,
              const CheckerDimensions& dims)
      : ColumnChecker(name, dims, 2), config_(config) {}

  std::vector<Correction> take_corrections() override { return std::exchange(corrections_, {}); }

 private:
  static constexpr float kExtreme = 1e10F;      ///< handled as if it were not finite
  static constexpr float kAddDeviation = 1e3F;  ///< up to here old value + d1 is exact enough

  static bool extreme(float value) { return !(std::fabs(value) <= kExtreme); }

  void report(std::uint32_t comparison, const TileContext& tile, const ColumnSums& sums) override {
    std::uint32_t worst = 0;
    float largest = -1;
    for (std::uint32_t column = 0; column < sums.columns && !std::isnan(largest); ++column) {
      const float size = std::fabs(sums.deviation(0, column));
      if (size <= largest) continue;
      largest = size;
      worst = column;
    }
    Check check = row_check(comparison, tile, 0, sums.cycle + 1);
    check.lhs = sums.observed[worst];
    check.rhs = sums.expected[worst];
    check.residual = canonical(double{largest});
    check.threshold = config_.threshold;
    judge(check, config_.nonfinite);
    const bool deviates = check.residual > check.threshold || check.nonfinite;
    if (const auto found = deviates ? correction_of(tile, sums, worst) : std::nullopt) {
      check.located_row = static_cast<std::int32_t>(tile.first_row + found->row);
      check.located_column = static_cast<std::int32_t>(found->column);
      check.corrected = found->value;
    }
    collect_corrections(tile, sums, check.alarm);
    sink_->checked(check);
  }

  void collect_corrections(const TileContext& tile, const ColumnSums& sums, bool alarm) {
    corrections_.clear();
    for (std::uint32_t column = 0; column < sums.columns && alarm; ++column) {
      if (std::fabs(double{sums.deviation(0, column)}) <= config_.threshold) continue;
      if (const auto found = correction_of(tile, sums, column)) corrections_.push_back(*found);
    }
  }

  /// The row in error, −1 if there is not exactly one.
  static std::int32_t row_of(const TileContext& tile, const ColumnSums& sums,
                             std::uint32_t column) {
    const float d1 = sums.deviation(0, column), d2 = sums.deviation(1, column);
    const auto rows = static_cast<std::int32_t>(tile.rows);
    if (!extreme(d1)) {
      const double row = std::nearbyint(double{d2} / d1) - 1;
      return row >= 0 && row < rows ? static_cast<std::int32_t>(row) : -1;
    }
    std::int32_t found = -1;
    for (std::int32_t row = 0; row < rows; ++row) {
      if (!extreme(sums.values[column * sums.value_stride + static_cast<std::uint32_t>(row)]))
        continue;
      if (found >= 0) return -1;
      found = row;
    }
    return found;
  }

  /// None where no single row is in error.
  static std::optional<Correction> correction_of(const TileContext& tile, const ColumnSums& sums,
                                                 std::uint32_t column) {
    const std::int32_t row = row_of(tile, sums, column);
    if (row < 0) return std::nullopt;
    const float* values = sums.values + column * sums.value_stride;
    const float d1 = sums.deviation(0, column);
    Correction correction{static_cast<std::uint32_t>(row), column, values[row] + d1};
    if (std::fabs(d1) <= kAddDeviation) return correction;
    float others = 0;
    for (std::uint32_t other = 0; other < tile.rows; ++other)
      if (other != correction.row) others += values[other];
    correction.value = canonical(sums.expected[column] - others);
    return correction;
  }

  AttnCheckerConfig config_;
  std::vector<Correction> corrections_;  ///< of the product observed last, until they are taken
};

inline std::unique_ptr<Checker> AttnCheckerConfig::make_checker(
    const std::string& name, const CheckerDimensions& dims) const {
  return std::make_unique<AttnChecker>(name, *this, dims);
}

}  // namespace attnguard
