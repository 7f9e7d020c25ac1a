// statistical_abft: after the published description of ReaLM (arXiv 2503.24053). A tile of a
// product alarms only if the deviations of its column sums lie in a critical region of the plane
// (sum of the deviations, number of columns that deviate): few small errors are left to the model's
// resilience.
//
// The region is a staircase: every corner (columns, deviation) claims all tiles with at least so
// many columns beyond theta whose deviations add up to more than that. Corners are the user's to
// calibrate; the defaults claim one column beyond theta and a sum beyond theta. `factor` moves the
// whole region: it multiplies theta and the deviation of every corner. Hence a tile has a largest
// factor at which it still is critical, reported as its residual; hardware compares with the
// products.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/checksum_unit/column_checker.h"
#include "models/checksum_unit/row_check.h"

namespace attnguard {

struct CriticalCorner {
  std::uint32_t columns = 1;
  double deviation = 0;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"columns", "at least so many columns deviate by more than theta", 0, 1e9, true},
      self.columns);
    v(FieldSpec{"deviation", "and the sum of all deviations exceeds this", 0.0, 1e30, true},
      self.deviation);
  }
};

struct CriticalRegionConfig {
  double theta = 0;
  std::vector<CriticalCorner> corners;
  double factor = 1;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"theta", "a column counts if its sum deviates by more than this", 0.0, 1e30},
      self.theta);
    v(FieldSpec{"corners", "of the staircase that bounds the critical region"}, self.corners);
    v(FieldSpec{"factor", "of theta and of every corner's deviation", 0.0, 1e30}, self.factor);
  }
};

struct StatisticalAbftConfig {
  static constexpr std::string_view kind = "statistical_abft";
  std::unique_ptr<Checker> make_checker(const std::string& name,
                                        const CheckerDimensions& dims) const;
  /// A region without a corner, which no tile could enter.
  std::optional<OptionConflict> conflict() const {
    if (score_region.corners.empty())
      return OptionConflict{"score_region/corners", "[]", "at least one corner"};
    if (pv_region.corners.empty())
      return OptionConflict{"pv_region/corners", "[]", "at least one corner"};
    return std::nullopt;
  }

  std::optional<ThresholdKey> threshold_key(std::string_view comparison) const {
    return ThresholdKey{std::string(comparison) + "_region.factor", "", ""};
  }

  CriticalRegionConfig score_region{1, {{1, 1}}};
  CriticalRegionConfig pv_region{0x1p-5, {{1, 0x1p-5}}};
  NonfiniteRule nonfinite = NonfiniteRule::alarm;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"score_region", "critical region of the score tiles"}, self.score_region);
    v(FieldSpec{"pv_region", "critical region of the P·V tiles"}, self.pv_region);
    v(FieldSpec{"nonfinite", "whether a deviation that is not finite raises the alarm"},
      self.nonfinite);
  }
};

class StatisticalAbft final : public ColumnChecker {
 public:
  StatisticalAbft(const std::string& name, const StatisticalAbftConfig& config,
                  const CheckerDimensions& dims)
      : ColumnChecker(name, dims, 1), config_(config) {}

 private:
  /// lhs: sum of the deviations; residual: the largest factor at which the tile is critical.
  void report(std::uint32_t comparison, const TileContext& tile, const ColumnSums& sums) override {
    const CriticalRegionConfig& region = comparison == 0 ? config_.score_region : config_.pv_region;
    float sum = 0;
    sizes_.clear();
    for (std::uint32_t column = 0; column < sums.columns; ++column) {
      const float deviation = -sums.deviation(0, column);
      sum += deviation;
      sizes_.push_back(std::fabs(double{deviation}));
    }
    // Every column in the comparators at once, then their adder tree.
    Check check = row_check(comparison, tile, 0, sums.cycle + 1);
    check.lhs = canonical(double{sum});
    check.residual = std::isfinite(check.lhs) ? largest_factor(region, std::fabs(check.lhs))
                                              : canonical(std::fabs(check.lhs));
    check.threshold = region.factor;
    judge(check, config_.nonfinite);
    sink_->checked(check);
  }

  /// The deviations' sum and the number beyond theta, an adder tree each, the latter of integers
  /// and counted like the other; then two comparisons per corner.
  void count_report(CheckerWork& work) const override {
    const std::uint64_t columns =
        work.seen.cols(kScores) + work.seen.tiles(kPartials) * work.head_dim();
    const std::size_t corners =
        std::max(config_.score_region.corners.size(), config_.pv_region.corners.size());
    work.use(Operation::add, 2 * columns, 2 * work.cols());
    work.use(Operation::compare,
             2 * (work.seen.tiles(kScores) * config_.score_region.corners.size() +
                  work.seen.tiles(kPartials) * config_.pv_region.corners.size()),
             2 * corners);
  }

  /// Of sizes_, the finite sizes of the deviations, and that of their sum.
  double largest_factor(const CriticalRegionConfig& region, double sum) {
    std::sort(sizes_.begin(), sizes_.end(), std::greater<>());
    double largest = 0;
    for (const CriticalCorner& corner : region.corners) {
      if (corner.columns > sizes_.size()) continue;
      double factor = reach(sum, corner.deviation);
      if (corner.columns > 0)
        factor = std::min(factor, reach(sizes_[corner.columns - 1], region.theta));
      largest = std::max(largest, factor);
    }
    return largest;
  }
  /// Up to which factor of `bound` a size is beyond it.
  static double reach(double size, double bound) {
    return size == 0 ? 0 : std::min(size / bound, std::numeric_limits<double>::max());
  }

  StatisticalAbftConfig config_;
  std::vector<double> sizes_;  ///< of the columns' deviations in one tile
};

inline std::unique_ptr<Checker> StatisticalAbftConfig::make_checker(
    const std::string& name, const CheckerDimensions& dims) const {
  return std::make_unique<StatisticalAbft>(name, *this, dims);
}

}  // namespace attnguard
