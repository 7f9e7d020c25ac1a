// What the arithmetic of a checker consists of and how much of it a run asked for: the parts that
// checkers are put together from.
//
// Operations follow from the tiles that a checker was shown, as its formulas say; a sum over n
// values is n additions, the first to +0. Units are what the timing of docs/checkers.md keeps busy
// in one cycle: a sum over a line of C values is a tree of C adders, a running sum of a row that
// meets a key per cycle an adder of that row, an update once per tile is shared by rows whose turns
// are a cycle apart. Lanes past a tile's edge are gated, masked keys are not.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "models/checksum_unit/checker.h"
#include "models/checksum_unit/checker_config.h"
#include "models/checksum_unit/threshold.h"
#include "models/fabric/activity.h"

namespace attnguard {

/// The tiles a checker was shown, counted by observation and shape, and the checks it made.
class TilesSeen {
 public:
  /// kScalars: the tiles whose alphas were shown.
  void add(Observation observation, const TileContext& tile);
  void add_check(std::uint32_t comparison);
  void clear();

  /// Sums over the tiles of the observation.
  std::uint64_t rows(Observation observation) const;
  std::uint64_t cols(Observation observation) const;
  std::uint64_t elements(Observation observation) const;  ///< rows × columns
  std::uint64_t tiles(Observation observation) const;
  /// Rows of the last key tiles alone: query rows.
  std::uint64_t last_rows(Observation observation) const;
  /// Σ rows × min(width, columns).
  std::uint64_t rows_by_residues(Observation observation, std::uint32_t width) const;
  std::uint64_t checks(std::uint32_t comparison) const;

 private:
  struct Shape {
    Observation observation;
    std::uint32_t rows, cols;
    bool last;
    std::uint64_t times;
  };
  template <class Size>
  std::uint64_t sum(Observation observation, Size size) const;

  std::vector<Shape> shapes_;
  std::vector<std::uint64_t> checks_;
};

/// What the parts below are counted into, and from.
struct CheckerWork {
  const CheckerDimensions& dims;
  const TilesSeen& seen;
  Format format;  ///< of the checker's own arithmetic
  Arithmetic arithmetic{};

  std::uint64_t rows() const { return dims.rows; }
  std::uint64_t cols() const { return dims.cols; }
  std::uint64_t head_dim() const { return dims.head_dim; }

  void use(Operation operation, std::uint64_t operations, std::uint64_t units) {
    arithmetic.use(operation, format, operations, units);
  }
  void multiply_add(std::uint64_t operations, std::uint64_t units) {
    arithmetic.multiply_add(format, operations, units);
  }
  void divide(std::uint64_t operations, std::uint64_t at_once) {
    use(Operation::divide, operations,
        at_once * dividers(dims.divide_latency_cycles, dims.head_dim, dims.cols));
  }

  /// Row sums of V, with the sums of magnitudes, or largest and smallest value, that `scale` wants.
  void row_sums(SumPoint point, ScaleKind scale);
  /// The checksum column of the array; `carried` by the recurrence over key tiles.
  void checksum_column(bool carried, ScaleKind scale);
  /// Σ_c over the d values of every row of the observation.
  void row_totals(Observation observation);
  /// `values` per query row over l, by division or with the datapath's reciprocal.
  void quotients(std::uint64_t values, bool division);
  /// The checks of a comparison: `made` of them, `at_once` in one cycle.
  void comparisons(std::uint64_t made, std::uint64_t at_once, ThresholdRule rule);
  /// Both of a comparison whose rows may be summed first.
  void grouped_comparisons(std::uint32_t comparison, std::uint64_t rows_compared,
                           Granularity granularity, ThresholdRule rule);
  /// ScoreChecksum; `per_tile` compares every key tile.
  void score_check(std::uint32_t comparison, SumPoint key_sum, Granularity granularity,
                   bool per_tile, ThresholdRule rule);
  /// A softmax of the checker's own, float32; `with_sum`: l too.
  void own_softmax(bool with_sum);
  /// RunningMax: scaled scores and their maximum, float32.
  void running_max();
  /// ColumnChecksum with `weights` rows of weights, and the deviations of all columns.
  void column_sums(std::uint64_t weights);

 private:
  void variance_of_rows(std::uint64_t times, std::uint64_t at_once);
  void variance_scales(std::uint64_t rows, std::uint64_t at_once, std::uint64_t root_units);
};

}  // namespace attnguard
