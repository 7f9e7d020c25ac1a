// The rows of a replayed tile: P·V, accumulation, normalisation, output.
#include <algorithm>

#include "models/numerics/kernels.h"
#include "src/campaign/differential/tile_replay.h"

namespace attnguard {

/// A copy of golden P·V of the row, of which `columns` will change.
float* TileReplay::change_partial(std::uint32_t step, std::uint32_t row, Columns columns) {
  float* values = &partial_[row * strides_.value];
  if (rows_[row].partial.empty()) std::copy_n(golden_partial(row, step), head_dim_, values);
  rows_[row].partial.add(columns.first, columns.end);
  partial_rows_[row] = values;
  return values;
}

void TileReplay::multiply_values(std::uint32_t step) {
  const StepTiming& at = timing_->steps[step];
  const std::uint32_t rows = at.tile.rows, keys = at.tile.cols;
  std::uint32_t first = rows, last = 0;
  for (std::uint32_t row = 0; row < rows; ++row) {
    partial_rows_[row] = golden_partial(row, step);
    rows_[row].partial = {};
    if (probability_changes_[row] == 0) continue;
    first = std::min(first, row);
    last = row;
  }
  if (first < rows) {
    // Columns of V are the lanes, rows the columns: P·V comes out row by row.
    matmul_tile(value_, fed_ + first, &partial_[first * strides_.value], keys, last - first + 1,
                head_dim_, strides_.value, strides_.row);
    multiply_adds_ += std::uint64_t{last - first + 1} * keys * head_dim_;
    for (std::uint32_t row = first; row <= last; ++row) {
      partial_rows_[row] = &partial_[row * strides_.value];
      if (probability_changes_[row] != 0) rows_[row].partial.add(0, head_dim_);
    }
  }
  if (strikes(FaultPoint::array_probability)) {
    const std::uint32_t first_col = fault_->pass * cols_;
    float* values = change_partial(step, fault_->row, {first_col, head_dim_});
    matmul_tile(value_ + first_col, probabilities_late_.data() + fault_->row, values + first_col,
                keys, 1, head_dim_ - first_col, strides_.value, strides_.row);
    multiply_adds_ += std::uint64_t{keys} * (head_dim_ - first_col);
  } else if (value_ != group_->value(step)) {
    matmul_tile(fed_, value_ + change_->lane, column_.data(), keys, 1, strides_.row, strides_.row,
                strides_.value);
    multiply_adds_ += std::uint64_t{keys} * rows;
    for (std::uint32_t row = 0; row < rows; ++row)
      if (!same_bits(&column_[row], partial_rows_[row] + change_->lane, 1))
        change_partial(step, row, {change_->lane, change_->lane + 1})[change_->lane] = column_[row];
  } else if (strikes(FaultPoint::array) && fault_->values) {
    flip_in_pass(pass_of(step), array_flip(), pass_change_, *outcome_);
    multiply_adds_ += std::uint64_t{pass_change_.rows} * pass_change_.cols * keys;
    const std::uint32_t first_col = fault_->pass * cols_ + pass_change_.first_col;
    for (std::uint32_t i = 0; i < pass_change_.rows; ++i) {
      const std::uint32_t row = pass_change_.first_row + i;
      const float* values = &pass_change_.values[i];
      if (same_bits(values, partial_rows_[row] + first_col, pass_change_.cols)) continue;
      std::copy_n(
          values, pass_change_.cols,
          change_partial(step, row, {first_col, first_col + pass_change_.cols}) + first_col);
    }
  }
  for (std::uint32_t row = 0; row < rows; ++row)
    if (!rows_[row].partial.empty()) changed_ |= kPartials;
  view_.partial_rows = partial_rows_.data();
  const bool observed = strikes(FaultPoint::observed_partials);
  if (!observed && !strikes(FaultPoint::partials)) return;
  std::copy_n(partial_rows_.data(), rows, observed_partial_rows_.data());
  view_.partial_rows = observed_partial_rows_.data();
  LaneTile& line = observed ? partial_observed_ : partial_linked_;
  std::copy_n(partial_rows_[fault_->row], head_dim_, line.data());
  flip_element(line[fault_->col], Format::float32);
  if (observed) {
    observed_partial_rows_[fault_->row] = line.data();
    changed_ |= kPartials;
  } else {
    partial_rows_[fault_->row] = line.data();
    rows_[fault_->row].partial.add(fault_->col, fault_->col + 1);
  }
}

/// Takes further columns of the row's accumulator, as it was before `step`, into what differs;
/// whole vectors of them.
void TileReplay::widen_acc(std::uint32_t step, std::uint32_t row, Columns columns) {
  Columns& held = rows_[row].acc;
  columns.first -= columns.first % kLaneAlign;
  columns.end = std::min<std::uint32_t>(lane_stride(columns.end), head_dim_);
  if (!held.empty()) columns.add(held.first, held.end);
  float* acc = &acc_[row * strides_.value];
  const auto take = [&](std::uint32_t first, std::uint32_t end) {
    if (step == 0)
      std::fill(acc + first, acc + end, 0.0F);
    else
      std::copy(golden_acc(row, step - 1) + first, golden_acc(row, step - 1) + end, acc + first);
  };
  if (held.empty()) {
    take(columns.first, columns.end);
  } else {
    if (columns.first < held.first) take(columns.first, held.first);
    if (columns.end > held.end) take(held.end, columns.end);
  }
  held = columns;
}

void TileReplay::accumulate(std::uint32_t step) {
  const StepTiming& at = timing_->steps[step];
  const float* golden_alpha = &golden_->alpha[step * strides_.row];
  any_row_ = false;
  for (std::uint32_t row = 0; row < at.tile.rows; ++row) {
    Row& state = rows_[row];
    const bool tapped = strikes(FaultPoint::accumulator) && fault_->row == row;
    const bool whole =
        tapped || (alpha_ != golden_alpha && !same_bits(&alpha_[row], &golden_alpha[row], 1));
    if (!whole && state.partial.empty() && state.acc.empty()) continue;
    if (whole)
      widen_acc(step, row, {0, head_dim_});
    else if (!state.partial.empty())
      widen_acc(step, row, state.partial);
    const std::uint32_t first = state.acc.first, columns = state.acc.end - first;
    float* acc = &acc_[row * strides_.value];
    bool differs = false;
    if (tapped) {
      accumulate_tapped(step, row);
      differs = !same_bits(acc, golden_acc(row, step), head_dim_);
    } else {
      differs = rescale_row(acc + first, &alpha_[row], 0, partial_rows_[row] + first,
                            golden_acc(row, step) + first, strides_.value, 1, columns);
    }
    if (!differs) state.acc = {};
    multiply_adds_ += columns;
    any_row_ |= differs;
  }
}

/// Rows that differ, through the steps that are left: alpha and P·V are golden.
void TileReplay::carry_rows(std::uint32_t first_step) {
  any_row_ = false;
  for (std::uint32_t row = 0; row < timing_->tile.rows; ++row) {
    Columns& acc = rows_[row].acc;
    if (acc.empty()) continue;
    const std::uint32_t columns = acc.end - acc.first;
    const bool differs = rescale_row(&acc_[row * strides_.value + acc.first],
                                     &golden_->alpha[first_step * strides_.row + row], strides_.row,
                                     golden_partial(row, first_step) + acc.first,
                                     golden_acc(row, first_step) + acc.first, strides_.value,
                                     golden_->steps - first_step, columns);
    multiply_adds_ += std::uint64_t{golden_->steps - first_step} * columns;
    if (!differs) acc = {};
    any_row_ |= differs;
  }
}

/// The row in the unit itself, with its registers' accesses in order.
void TileReplay::accumulate_tapped(std::uint32_t step, std::uint32_t row) {
  const StepTiming& at = timing_->steps[step];
  AccumulatorCore& core = units_.accumulator;
  float* acc = &acc_[row * strides_.value];
  core.receive_alpha(at.tile, alpha_, at.alpha.first_cycle);
  core.restore_row(row, acc);
  for (std::uint32_t c = 0; c < head_dim_; ++c)
    partial_lanes_[c * strides_.row + row] = partial_rows_[row][c];
  core.accumulate_row(at.tile, row, partial_lanes_.data(), at.partial);
  core.copy_row(row, acc);
}

void TileReplay::finish() {
  const std::uint32_t last = golden_->steps - 1, rows = timing_->tile.rows;
  changed_ = 0;
  view_.step = &timing_->steps[last];
  in_window_ = fault_->last_step == last;
  const float* golden_sum = &golden_->sum[last * strides_.row];
  const float* sum = softmax_differs() ? units_.softmax.sum() : golden_sum;
  if (sum != golden_sum && !same_bits(sum, golden_sum, rows)) changed_ |= kScalars;
  OutputView view;
  view.tile = timing_;
  view.sum = sum;
  if (strikes(FaultPoint::sum) || strikes(FaultPoint::observed_sum)) {
    const bool observed = fault_->point == FaultPoint::observed_sum;
    LaneTile& lanes = observed ? sum_observed_ : sum_linked_;
    std::copy_n(sum, strides_.row, lanes.data());
    flip_element(lanes[fault_->row], Format::float32);
    (observed ? view.sum : sum) = lanes.data();
    if (observed) changed_ |= kScalars;
  }
  const bool whole = !fault_->one_row ||
                     std::any_of(units_.checkers.begin(), units_.checkers.end(),
                                 [](const auto& checker) { return checker->needs_whole_tiles(); });
  if (whole)
    normalise_tile(sum, golden_sum, view);
  else
    normalise_one(fault_->row, sum, golden_sum, view);
  observe_outputs(view);
  for (std::size_t c = 0; c < units_.checkers.size(); ++c) {
    CheckerReplay& checker = *units_.checkers[c];
    const bool struck = strikes(FaultPoint::checker) && fault_->checker == c &&
                        (fault_->stays || checker.tap().pending());
    if (struck || checker.differs() || (checker.needs() & changed_) != 0)
      checker.replay_outputs(golden_->steps, view);
  }
}

/// The row of the accumulator after the last step, of which `columns` will be read.
const float* TileReplay::final_acc(std::uint32_t row, Columns columns) {
  if (rows_[row].acc.empty()) return golden_acc(row, golden_->steps - 1);
  widen_acc(golden_->steps, row, columns);
  return &acc_[row * strides_.value];
}

/// Of the tile in hand, in all columns but those that will be changed.
void TileReplay::show_golden_outputs(Columns except) {
  const std::size_t stride = strides_.row, tile_values = head_dim_ * stride;
  const auto copy = [&](std::size_t first, std::size_t end) {
    if (first < end) std::copy(&golden_->outputs[first], &golden_->outputs[end], &outputs_[first]);
  };
  const auto copy_columns = [&](std::uint32_t first, std::uint32_t end) {
    for (const std::size_t tile : {std::size_t{0}, tile_values})
      copy(tile + first * stride, tile + end * stride);
  };
  if (outputs_of_ != golden_ || outputs_index_ != index_) outputs_changed_ = {0, head_dim_};
  if (!outputs_changed_.empty()) {
    copy_columns(outputs_changed_.first, std::min(outputs_changed_.end, except.first));
    copy_columns(std::max(outputs_changed_.first, except.end), outputs_changed_.end);
    copy(2 * tile_values, 2 * tile_values + stride);
  }
  outputs_of_ = golden_;
  outputs_index_ = index_;
  outputs_changed_ = except;
}

bool TileReplay::row_differs(std::uint32_t row, const float* sum, const float* golden_sum) const {
  return !rows_[row].acc.empty() || (strikes(FaultPoint::accumulator) && fault_->row == row) ||
         !same_bits(&sum[row], &golden_sum[row], 1);
}

/// All rows, for checkers that may be shown any of them.
void TileReplay::normalise_tile(const float* sum, const float* golden_sum, OutputView& view) {
  const std::uint32_t rows = timing_->tile.rows;
  const std::size_t stride = strides_.row, tile_values = head_dim_ * stride;
  float* acc = outputs_.data();
  view.values = acc;
  view.stride = stride;
  Columns changed;
  std::uint32_t differing = 0;
  for (std::uint32_t row = 0; row < rows; ++row) {
    if (!row_differs(row, sum, golden_sum)) continue;
    ++differing;
    // A row whose sum or register is struck differs in every column.
    if (rows_[row].acc.empty() || !same_bits(&sum[row], &golden_sum[row], 1) ||
        strikes(FaultPoint::accumulator))
      changed.add(0, head_dim_);
    else
      changed.add(rows_[row].acc.first, rows_[row].acc.end);
  }
  show_golden_outputs(changed);
  if (differing == 0) return;
  const std::size_t from = changed.first * stride;
  const std::uint32_t columns = changed.end - changed.first;
  for (std::uint32_t row = 0; row < rows; ++row)
    acc_rows_[row] = final_acc(row, changed) + changed.first;
  rows_to_lanes(acc_rows_.data(), rows, acc + from, columns, stride);
  reciprocals(sum, acc + 2 * tile_values, rows);
  normalise(acc + from, acc + 2 * tile_values, acc + tile_values + from, columns, rows, stride);
  if (strikes(FaultPoint::accumulator)) normalise_tapped(fault_->row, sum, view);
  changed_ |= kOutputs;
  multiply_adds_ += std::uint64_t{differing} * columns;
  outputs_compared_.compare_tile(*timing_, acc + tile_values, changed.first, changed.end,
                                 *measurement_);
}

/// The only row that a checker is shown.
void TileReplay::normalise_one(std::uint32_t row, const float* sum, const float* golden_sum,
                               OutputView& view) {
  outputs_of_ = nullptr;
  float* acc = outputs_.data();
  float* output = acc + head_dim_;
  float* reciprocal = output + head_dim_;
  view.values = acc;
  view.stride = 1;
  view.first_row = row;
  const bool differs = row_differs(row, sum, golden_sum);
  acc_rows_[row] = final_acc(row, {0, head_dim_});
  if (strikes(FaultPoint::accumulator)) {
    normalise_tapped(row, sum, view);
  } else {
    std::copy_n(acc_rows_[row], head_dim_, acc);
    reciprocals(&sum[row], reciprocal, 1);
    std::fill_n(broadcast_.data(), head_dim_, *reciprocal);
    normalise(acc, broadcast_.data(), output, 1, head_dim_, head_dim_);
  }
  if (!differs) return;
  changed_ |= kOutputs;
  multiply_adds_ += head_dim_;
  outputs_compared_.compare_row(*timing_, row, output, *measurement_);
}

/// The row in the unit itself, with its registers' accesses in order.
void TileReplay::normalise_tapped(std::uint32_t row, const float* sum, const OutputView& view) {
  AccumulatorCore& core = units_.accumulator;
  NormaliseTiming timing;
  timing.slices = passes_;
  timing.divide_latency_cycles = job_.accelerator.accumulator.divide_latency_cycles;
  // Slice 0 of row 0 crosses a cycle after it stands in the output register.
  timing.start = timing_->output.first_cycle - 2 - timing.divide_latency_cycles;
  core.restore_row(row, acc_rows_[row]);
  core.receive_sum(timing_->tile, sum, timing_->sum.first_cycle);
  core.normalise_row(timing_->tile, row, timing);
  core.copy_row(row, &acc_[row * strides_.value]);
  const std::size_t stride = view.stride, tile_values = head_dim_ * stride;
  float* lane = &outputs_[row - view.first_row];
  for (std::uint32_t c = 0; c < head_dim_; ++c) {
    lane[c * stride] = acc_[row * strides_.value + c];
    lane[tile_values + c * stride] = core.output()[c * strides_.row + row];
  }
  lane[2 * tile_values] = core.reciprocal()[row];
}

void TileReplay::observe_outputs(const OutputView& view) {
  const std::size_t tile_values = head_dim_ * view.stride;
  float* lane = &outputs_[fault_->row - view.first_row];
  if (strikes(FaultPoint::observed_acc)) {
    flip_element(lane[fault_->col * view.stride], Format::float32);
  } else if (strikes(FaultPoint::observed_output)) {
    flip_element(lane[tile_values + fault_->col * view.stride], Format::float32);
  } else if (strikes(FaultPoint::observed_reciprocal)) {
    float& reciprocal = lane[2 * tile_values];
    const float golden = reciprocal;
    flip_element(reciprocal, Format::float32);
    // It crosses with every slice; what stays is the copy of the last.
    if (fault_->pass + 1 != passes_) reciprocal = golden;
  } else {
    return;
  }
  changed_ |= kOutputs;
  outputs_of_ = nullptr;
}

}  // namespace attnguard
