// attnchecker: after the published description of ATTNChecker (arXiv 2410.11720). Plain and
// weighted column sums of each product's tiles detect an error, say in which row it is and what the
// value should have been.
//
// Of a column, d1 and d2 are expected minus observed of the plain and the weighted sum. |d1| above
// the threshold alarms; the error is in row round(d2/d1) − 1. If d1 is not finite or beyond 1e10
// the row is the only one whose value is. The corrected value is the old one plus d1, or, beyond
// 1e3, the expected sum less all other rows. One check per product and tile: its worst column. The
// checker is passive: what it would write is reported, not written.
#pragma once

#include <cmath>
#include <memory>
#include <string>
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
    if (check.residual > check.threshold || check.nonfinite) locate(tile, sums, worst, check);
    sink_->checked(check);
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

  static void locate(const TileContext& tile, const ColumnSums& sums, std::uint32_t column,
                     Check& check) {
    const std::int32_t row = row_of(tile, sums, column);
    if (row < 0) return;
    const float* values = sums.values + column * sums.value_stride;
    const float d1 = sums.deviation(0, column);
    check.located_row = static_cast<std::int32_t>(tile.first_row) + row;
    check.located_column = static_cast<std::int32_t>(column);
    if (std::fabs(d1) <= kAddDeviation) {
      check.corrected = values[row] + d1;
      return;
    }
    float others = 0;
    for (std::uint32_t other = 0; other < tile.rows; ++other)
      if (other != static_cast<std::uint32_t>(row)) others += values[other];
    check.corrected = canonical(sums.expected[column] - others);
  }

  AttnCheckerConfig config_;
};

inline std::unique_ptr<Checker> AttnCheckerConfig::make_checker(
    const std::string& name, const CheckerDimensions& dims) const {
  return std::make_unique<AttnChecker>(name, *this, dims);
}

}  // namespace attnguard
