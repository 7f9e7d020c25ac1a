// Rows of a replayed tile against the golden output.
#pragma once

#include <vector>

#include "src/campaign/differential/golden_group.h"
#include "src/campaign/injections/measurement.h"

namespace attnguard {

class RowComparison {
 public:
  explicit RowComparison(const GoldenJob& job);

  /// Row `row` of the tile has these values [d], float32 before rounding; what differs goes to the
  /// measurement.
  void compare_row(const TileTiming& tile, std::uint32_t row, const float* values,
                   Measurement& measurement);
  /// The same for columns first .. end − 1 of all rows of the tile, the others being golden: values
  /// [d][row stride].
  void compare_tile(const TileTiming& tile, const float* values, std::uint32_t first,
                    std::uint32_t end, Measurement& measurement);
  /// The same for one word, its raw bits changed to `raw`.
  void compare_word(const TileTiming& tile, std::uint32_t row, std::uint32_t column,
                    std::uint32_t raw, Measurement& measurement);
  std::uint32_t golden_word(const TileTiming& tile, std::uint32_t row, std::uint32_t column) const {
    return golden_row(tile, row)[column];
  }

 private:
  void add(const TileTiming& tile, std::uint32_t row, const RowErrors& errors,
           Measurement& measurement) const;
  std::size_t row_index(const TileTiming& tile, std::uint32_t row) const;
  const std::uint32_t* golden_row(const TileTiming& tile, std::uint32_t row) const {
    return &job_.golden.output[row_index(tile, row) * head_dim_];
  }

  const GoldenJob& job_;
  Format format_;
  std::uint32_t head_dim_;
  std::vector<double> scales_;  ///< max |g| of every output row
  std::vector<float> golden_;   ///< the golden output's values
  LaneTile golden_tiles_;       ///< the same, of each query tile [d][row stride]
  std::size_t row_stride_, tile_values_;
  std::vector<RowErrors> errors_;
  LaneTile rounded_;
  std::vector<std::uint32_t> words_;
};

}  // namespace attnguard
