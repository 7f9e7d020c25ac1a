#include "models/checksum_unit/checker_arithmetic.h"

#include <algorithm>

namespace attnguard {

void TilesSeen::add(Observation observation, const TileContext& tile) {
  for (Shape& shape : shapes_) {
    if (shape.observation != observation || shape.rows != tile.rows || shape.cols != tile.cols ||
        shape.last != tile.last)
      continue;
    ++shape.times;
    return;
  }
  shapes_.push_back({observation, tile.rows, tile.cols, tile.last, 1});
}

void TilesSeen::add_check(std::uint32_t comparison) {
  if (checks_.size() <= comparison) checks_.resize(comparison + 1);
  ++checks_[comparison];
}

void TilesSeen::clear() {
  shapes_.clear();
  checks_.clear();
}

template <class Size>
std::uint64_t TilesSeen::sum(Observation observation, Size size) const {
  std::uint64_t total = 0;
  for (const Shape& shape : shapes_)
    if (shape.observation == observation) total += shape.times * size(shape);
  return total;
}

std::uint64_t TilesSeen::rows(Observation observation) const {
  return sum(observation, [](const Shape& shape) { return std::uint64_t{shape.rows}; });
}
std::uint64_t TilesSeen::cols(Observation observation) const {
  return sum(observation, [](const Shape& shape) { return std::uint64_t{shape.cols}; });
}
std::uint64_t TilesSeen::elements(Observation observation) const {
  return sum(observation,
             [](const Shape& shape) { return std::uint64_t{shape.rows} * shape.cols; });
}
std::uint64_t TilesSeen::tiles(Observation observation) const {
  return sum(observation, [](const Shape&) { return std::uint64_t{1}; });
}
std::uint64_t TilesSeen::last_rows(Observation observation) const {
  return sum(observation, [](const Shape& shape) { return shape.last ? shape.rows : 0U; });
}
std::uint64_t TilesSeen::rows_by_residues(Observation observation, std::uint32_t width) const {
  return sum(observation, [=](const Shape& shape) {
    return std::uint64_t{shape.rows} * std::min(width, shape.cols);
  });
}
std::uint64_t TilesSeen::checks(std::uint32_t comparison) const {
  return comparison < checks_.size() ? checks_[comparison] : 0;
}

void CheckerWork::row_sums(SumPoint point, ScaleKind scale) {
  const Observation formed = point == SumPoint::at_write ? kValueWritten : kValueRead;
  const std::uint64_t sums = scale == ScaleKind::magnitudes ? 2 : 1;
  const std::uint64_t values = seen.cols(formed) * head_dim();
  use(Operation::add, sums * values, sums * cols());
  if (scale == ScaleKind::variances) use(Operation::compare, 2 * values, 2 * cols());
}

void CheckerWork::checksum_column(bool carried, ScaleKind scale) {
  const std::uint64_t sums = scale == ScaleKind::magnitudes ? 2 : 1;
  multiply_add(sums * seen.elements(kProbabilities), sums * rows());
  if (carried) multiply_add(sums * seen.rows(kProbabilities), sums);
  if (scale != ScaleKind::variances) return;
  // Spread of every row of V, whose sum and extremes stand, added up over the keys; spread of every
  // row of P, a key per cycle.
  variance_of_rows(seen.cols(kProbabilities), 1);
  use(Operation::multiply, seen.cols(kProbabilities), 1);
  use(Operation::add, 3 * seen.cols(kProbabilities), 3);
  use(Operation::add, seen.elements(kProbabilities), rows());
  use(Operation::compare, 2 * seen.elements(kProbabilities), 2 * rows());
  variance_of_rows(seen.rows(kProbabilities), 1);
  variance_scales(seen.rows(kProbabilities), 1, dims.divide_latency_cycles);
}

/// Spread::of(sum, max, min, count): mean, and (max − mean)(mean − min) but at least 0.
void CheckerWork::variance_of_rows(std::uint64_t times, std::uint64_t at_once) {
  use(Operation::multiply, 2 * times, 2 * at_once);
  use(Operation::add, 2 * times, 2 * at_once);
  use(Operation::compare, times, at_once);
}

/// variance_scale(), its factors of N and c folded into constants: 2 + 5 + 2 products, 2 with c; 3
/// sums; 3 roots.
void CheckerWork::variance_scales(std::uint64_t scales, std::uint64_t at_once,
                                  std::uint64_t root_units) {
  use(Operation::multiply, 11 * scales, 11 * at_once);
  use(Operation::add, 3 * scales, 3 * at_once);
  use(Operation::divide, 3 * scales, 3 * root_units);
}

void CheckerWork::row_totals(Observation observation) {
  use(Operation::add, seen.rows(observation) * head_dim(), cols());
}

void CheckerWork::quotients(std::uint64_t values, bool division) {
  const std::uint64_t made = values * seen.rows(kOutputs);
  if (division)
    divide(made, values);
  else
    use(Operation::multiply, made, values);
}

/// |left − right| against factor × scale + floor: an absolute threshold is a constant, and only a
/// bound has a floor.
void CheckerWork::comparisons(std::uint64_t made, std::uint64_t at_once, ThresholdRule rule) {
  const std::uint64_t sums = rule == ThresholdRule::bound ? 2 : 1;
  use(Operation::add, sums * made, sums * at_once);
  if (rule != ThresholdRule::absolute) use(Operation::multiply, made, at_once);
  use(Operation::compare, made, at_once);
}

void CheckerWork::grouped_comparisons(std::uint32_t comparison, std::uint64_t rows_compared,
                                      Granularity granularity, ThresholdRule rule) {
  const std::uint64_t sums = rule == ThresholdRule::absolute ? 2 : 3;
  if (granularity != Granularity::query) use(Operation::add, sums * rows_compared, sums);
  comparisons(seen.checks(comparison), 1, rule);
}

void CheckerWork::score_check(std::uint32_t comparison, SumPoint key_sum, Granularity granularity,
                              bool per_tile, ThresholdRule rule) {
  const ScaleKind scale = scale_of(rule);
  const std::uint64_t sums = scale == ScaleKind::magnitudes ? 2 : 1;
  const Observation formed = key_sum == SumPoint::at_write ? kKeyWritten : kKeyRead;
  const std::uint64_t keys = seen.cols(formed) * head_dim();
  const std::uint64_t products = seen.rows(kKeyRead) * head_dim();
  use(Operation::add, sums * keys, sums * cols());
  multiply_add(sums * products, sums * rows());
  if (scale == ScaleKind::variances) {
    // Spread of every depth of K over its keys, added up; spread of every query over its depths.
    const std::uint64_t depths = seen.tiles(formed) * head_dim();
    use(Operation::compare, 2 * keys, 2 * cols());
    variance_of_rows(depths, 1);
    use(Operation::multiply, depths, 1);
    use(Operation::add, 3 * depths, 3);
    use(Operation::add, products, rows());
    use(Operation::compare, 2 * products, 2 * rows());
    variance_of_rows(seen.rows(kKeyRead), 1);
    variance_scales(seen.rows(kKeyRead), 1, dims.divide_latency_cycles);
  }
  use(Operation::add, seen.elements(kScores), cols());
  const std::uint64_t kept = scale == ScaleKind::none ? 2 : 3;
  if (!per_tile) use(Operation::add, kept * seen.rows(kScores), kept);
  grouped_comparisons(comparison, seen.last_rows(kScores), granularity, rule);
}

void CheckerWork::running_max() {
  arithmetic.use(Operation::multiply, Format::float32, seen.elements(kScores), cols());
  arithmetic.use(Operation::compare, Format::float32, seen.elements(kScores), cols());
}

/// A row per cycle, all its keys at once: as the datapath's unit.
void CheckerWork::own_softmax(bool with_sum) {
  const std::uint64_t scores = seen.elements(kScores), tile_rows = seen.rows(kScores);
  running_max();
  arithmetic.use(Operation::add, Format::float32, scores + tile_rows, cols() + 1);
  arithmetic.exp2(dims.exp2, scores + tile_rows, cols() + 1);
  if (!with_sum) return;
  arithmetic.use(Operation::add, Format::float32, scores, cols());
  arithmetic.multiply_add(Format::float32, tile_rows, 1);
}

/// A row below the array per row of weights. The weights 1, 2, … of the second multiply; S and P·V
/// take turns in all of it.
void CheckerWork::column_sums(std::uint64_t weights) {
  const std::uint64_t operands = seen.rows(kQueryRead) * head_dim() + seen.elements(kProbabilities);
  const std::uint64_t expected = (seen.cols(kKeyRead) + seen.cols(kValueRead)) * head_dim();
  const std::uint64_t observed = seen.elements(kScores) + seen.rows(kPartials) * head_dim();
  const std::uint64_t columns = seen.cols(kScores) + seen.tiles(kPartials) * head_dim();
  use(Operation::add, weights * (operands + observed), weights * (rows() + cols()));
  if (weights > 1) use(Operation::multiply, operands + observed, rows() + cols());
  multiply_add(weights * expected, weights * cols());
  use(Operation::add, weights * columns, weights * cols());
  use(Operation::compare, columns, cols());
}

}  // namespace attnguard
