#include "src/campaign/differential/tile_replay.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "models/numerics/kernels.h"

namespace attnguard {
namespace {

bool same_bits(const float* a, const float* b, std::size_t count) {
  return std::memcmp(a, b, count * sizeof(float)) == 0;
}

}  // namespace

TileReplay::TileReplay(const GoldenJob& job, ReplayUnits& units)
    : job_(job),
      units_(units),
      strides_(job.strides()),
      head_dim_(job.layout.shape.head_dim),
      cols_(job.layout.cols),
      passes_(job.layout.passes),
      tile_cells_(cols_ * strides_.row),
      outputs_compared_(job) {
  const std::size_t rows = job.layout.rows, row_values = rows * strides_.value + kLaneAlign;
  rows_.resize(rows);
  probability_changes_.resize(strides_.row);
  for (auto* pointers :
       {&partial_rows_, &observed_partial_rows_, &acc_rows_, &output_rows_})
    pointers->resize(rows);
  for (LaneTile* tile : {&scores_, &scores_linked_, &scores_observed_, &probabilities_,
                         &probabilities_late_, &probabilities_observed_})
    tile->resize(tile_cells_ + kLaneAlign);
  for (LaneTile* lanes : {&alpha_linked_, &alpha_observed_, &sum_linked_, &sum_observed_,
                          &column_, &reciprocal_, &reciprocal_observed_})
    lanes->resize(strides_.row + kLaneAlign);
  for (LaneTile* row_values_of : {&acc_, &partial_, &outputs_}) row_values_of->resize(row_values);
  for (LaneTile* row : {&partial_linked_, &partial_observed_, &acc_observed_, &output_observed_,
                        &broadcast_})
    row->resize(strides_.value + kLaneAlign);
  partial_lanes_.resize(head_dim_ * strides_.row);
  line_.resize(std::max(strides_.key, strides_.value) + kLaneAlign);
}

void TileReplay::clear(Measurement& measurement) {
  measurement_ = &measurement;
  measurement.completion = Completion::finished;
  measurement.cycles = job_.golden.cycles;
  measurement.fault = {};
  measurement.difference = {};
  measurement.first_bad_commit_cycle = kNever;
  measurement.checkers.resize(units_.checkers.size());
  for (std::size_t c = 0; c < units_.checkers.size(); ++c)
    units_.checkers[c]->clear(measurement.checkers[c]);
  units_.softmax.tap().disarm();
  units_.accumulator.tap().disarm();
  prepared_ = nullptr;
}

void TileReplay::select(Measurement& measurement) {
  measurement_ = &measurement;
  for (std::size_t c = 0; c < units_.checkers.size(); ++c)
    units_.checkers[c]->select(measurement.checkers[c]);
  prepared_ = nullptr;
}

bool TileReplay::carries() const {
  return std::any_of(units_.checkers.begin(), units_.checkers.end(),
                     [](const auto& checker) { return checker->carries(); });
}

void TileReplay::replay(GoldenGroup& group, std::uint32_t index, std::uint32_t first_step,
                        const TileFault& fault, const OperandChange* change,
                        FaultOutcome& outcome) {
  group_ = &group;
  golden_ = &group.tile(index);
  timing_ = &group.schedule().tiles()[index];
  fault_ = &fault;
  change_ = change;
  outcome_ = &outcome;
  begin();
  for (std::uint32_t at = first_step; at < golden_->steps; ++at) {
    if (idle(at)) return;
    in_window_ = fault.first_step <= at && at <= fault.last_step;
    step(at);
    if (!only_rows_differ(at + 1)) continue;
    // Nothing new can reach the rows any more: each goes on by itself, and so do the checkers.
    carry_rows(at + 1);
    in_window_ = false;
    for (++at; at < golden_->steps && some_checker_differs(); ++at) check_golden(at);
    break;
  }
  if (!idle(golden_->steps)) finish();
}

void TileReplay::begin() {
  softmax_loaded_ = softmax_differs_ = any_row_ = false;
  std::fill(rows_.begin(), rows_.end(), Row{});
  prepare_change();
  const bool query_copied =
      change_ != nullptr && change_->buffer == BufferId::q && change_->observed_written;
  const float* query_written = query_copied ? query_changed_.data() : golden_->query.data();
  const RowWindow rows =
      fault_->one_row ? RowWindow{fault_->row, 1} : RowWindow{0, timing_->tile.rows};
  for (std::size_t c = 0; c < units_.checkers.size(); ++c)
    units_.checkers[c]->begin_tile(golden_->checkers[c], *timing_, rows, query_written);
}

/// The tile with the changed element.
void TileReplay::prepare_change() {
  if (change_ == nullptr || change_ == prepared_) return;
  prepared_ = change_;
  const OperandChange& change = *change_;
  switch (change.buffer) {
    case BufferId::q:
      query_changed_ = golden_->query;
      query_changed_[change.depth * strides_.row + change.lane] = change.value;
      break;
    case BufferId::k:
      key_changed_.assign(group_->key(change.key_tile),
                          group_->key(change.key_tile) + head_dim_ * strides_.key + kLaneAlign);
      key_changed_[change.depth * strides_.key + change.lane] = change.value;
      break;
    case BufferId::v:
      value_changed_.assign(group_->value(change.key_tile),
                            group_->value(change.key_tile) + cols_ * strides_.value + kLaneAlign);
      value_changed_[change.depth * strides_.value + change.lane] = change.value;
      break;
    case BufferId::o:
      break;
  }
}

/// Nothing differs from golden before `step`, and nothing that starts there can.
bool TileReplay::idle(std::uint32_t step) const {
  if (softmax_differs_ || any_row_) return false;
  if (step < golden_->steps && step <= fault_->last_step && fault_->point != FaultPoint::none)
    return false;
  if (change_ != nullptr && step <= change_->last_step) return false;
  if (some_checker_differs()) return false;
  if (step < golden_->steps) return true;
  switch (fault_->point) {
    case FaultPoint::accumulator:
      return !units_.accumulator.tap().pending();
    case FaultPoint::checker:
      return !units_.checkers[fault_->checker]->tap().pending();
    case FaultPoint::sum:
    case FaultPoint::observed_sum:
    case FaultPoint::observed_acc:
    case FaultPoint::observed_output:
    case FaultPoint::observed_reciprocal:
      return false;
    default:
      return true;
  }
}

bool TileReplay::only_rows_differ(std::uint32_t step) const {
  return any_row_ && !softmax_differs_ && step < golden_->steps &&
         (step > fault_->last_step || fault_->point == FaultPoint::none) &&
         (change_ == nullptr || step > change_->last_step);
}

bool TileReplay::some_checker_differs() const {
  return std::any_of(units_.checkers.begin(), units_.checkers.end(),
                     [](const auto& checker) { return checker->differs(); });
}

void TileReplay::step(std::uint32_t step) {
  changed_ = 0;
  take_operands(step);
  prefetch_rows(step);
  softmax(step, scores(step));
  multiply_values(step);
  accumulate(step);
  check(step);
}

/// What every row needs once P or V has changed; S and the softmax hide the way to memory.
void TileReplay::prefetch_rows(std::uint32_t step) const {
  if (change_ == nullptr || change_->buffer == BufferId::q) return;
  for (std::uint32_t row = 0; row < timing_->tile.rows; ++row) {
    const std::uint32_t before = step > 0 ? step - 1 : 0;
    for (std::uint32_t c = 0; c < head_dim_; c += 64 / sizeof(float)) {
      __builtin_prefetch(golden_acc(row, before) + c);
      __builtin_prefetch(golden_acc(row, step) + c);
      __builtin_prefetch(golden_partial(row, step) + c);
    }
  }
}

/// What the array reads and what is observed of it.
void TileReplay::take_operands(std::uint32_t step) {
  const StepTiming& at = timing_->steps[step];
  view_ = {};
  view_.tile = timing_;
  view_.step = &at;
  view_.key_tile = &group_->schedule().keys()[at.key_slot];
  view_.value_tile = &group_->schedule().values()[at.key_slot];
  query_ = view_.query = golden_->query.data();
  key_ = view_.key = group_->key(step);
  value_ = view_.value = group_->value(step);
  if (!job_.layout.resident) {
    view_.key_written = key_;
    view_.value_written = value_;
  }
  if (change_ == nullptr || step < change_->first_step || step > change_->last_step) return;
  const auto take = [&](const LaneTile& changed, const float*& by_array, const float*& observed,
                        std::uint32_t read, std::uint32_t written) {
    if (change_->by_array) by_array = changed.data();
    if (change_->observed_read) {
      observed = changed.data();
      changed_ |= read;
      view_.golden_operands = change_->buffer == BufferId::q;
    }
    if (change_->observed_written) changed_ |= written;
  };
  switch (change_->buffer) {
    case BufferId::q:
      take(query_changed_, query_, view_.query, kQueryRead, kQueryWritten);
      break;
    case BufferId::k:
      take(key_changed_, key_, view_.key, kKeyRead, kKeyWritten);
      if (change_->observed_written && view_.key_written != nullptr)
        view_.key_written = key_changed_.data();
      break;
    case BufferId::v:
      take(value_changed_, value_, view_.value, kValueRead, kValueWritten);
      if (change_->observed_written && view_.value_written != nullptr)
        view_.value_written = value_changed_.data();
      break;
    case BufferId::o:
      break;
  }
}

void TileReplay::flip_element(float& value, Format format) {
  const std::uint32_t before = encode(format, value);
  const auto after = static_cast<std::uint32_t>(before ^ fault_->mask);
  value = decode(format, after);
  *outcome_ = {true, fault_->fault.cycle, before, after, place_of(view_.step->tile)};
}

ArrayPass TileReplay::pass_of(std::uint32_t step) const {
  const StepTiming& at = timing_->steps[step];
  const FormatsConfig& formats = job_.accelerator.formats;
  ArrayPass pass;
  pass.rows = at.tile.rows;
  pass.west_stride = strides_.row;
  pass.north_format = formats.operand;
  pass.base = place_of(at.tile, 0);
  if (fault_->values) {
    const std::uint32_t first_col = fault_->pass * cols_;
    pass.depth = at.tile.cols;
    pass.cols = std::min(cols_, head_dim_ - first_col);
    pass.start = at.partial.cycle(fault_->pass, 0) - pass.depth - cols_ - 1;
    pass.west = fed_;
    pass.west_format = formats.probability;
    pass.north = value_ + first_col;
    pass.north_stride = strides_.value;
  } else {
    pass.depth = head_dim_;
    pass.cols = at.tile.cols;
    pass.start = at.scores.first_cycle - pass.depth - cols_ - 1;
    pass.west = query_;
    pass.west_format = formats.operand;
    pass.north = key_;
    pass.north_stride = strides_.key;
  }
  return pass;
}

/// S as the softmax unit gets it; what is observed is taken before the link.
const float* TileReplay::scores(std::uint32_t step) {
  const StepTiming& at = timing_->steps[step];
  const std::size_t cells = at.tile.cols * strides_.row;
  const float* scores = golden_scores(step);
  const auto copy = [&] { return std::copy_n(golden_scores(step), cells, scores_.data()) - cells; };
  if (query_ != golden_->query.data()) {
    float* tile = copy();
    matmul_tile(key_, query_ + change_->lane, line_.data(), head_dim_, 1, at.tile.cols,
                strides_.key, strides_.row);
    for (std::uint32_t j = 0; j < at.tile.cols; ++j)
      tile[j * strides_.row + change_->lane] = line_[j];
    multiply_adds_ += head_dim_ * at.tile.cols;
    scores = tile;
  } else if (key_ != group_->key(step)) {
    float* tile = copy();
    matmul_tile(query_, key_ + change_->lane, tile + change_->lane * strides_.row, head_dim_, 1,
                strides_.row, strides_.row, strides_.key);
    multiply_adds_ += head_dim_ * at.tile.rows;
    scores = tile;
  } else if (strikes(FaultPoint::array) && !fault_->values) {
    float* tile = copy();
    flip_in_pass(pass_of(step), array_flip(), pass_change_, *outcome_);
    for (std::uint32_t i = 0; i < pass_change_.rows; ++i)
      for (std::uint32_t j = 0; j < pass_change_.cols; ++j)
        tile[(pass_change_.first_col + j) * strides_.row + pass_change_.first_row + i] =
            pass_change_.values[i + j];
    multiply_adds_ += std::uint64_t{pass_change_.rows} * pass_change_.cols * head_dim_;
    scores = tile;
  }
  if (scores != golden_scores(step)) {
    if (same_bits(scores, golden_scores(step), cells))
      scores = golden_scores(step);
    else
      changed_ |= kScores;
  }
  view_.scores = scores;
  const std::size_t place = fault_->col * strides_.row + fault_->row;
  if (strikes(FaultPoint::observed_scores)) {
    std::copy_n(scores, cells, scores_observed_.data());
    flip_element(scores_observed_[place], Format::float32);
    view_.scores = scores_observed_.data();
    changed_ |= kScores;
  } else if (strikes(FaultPoint::scores)) {
    std::copy_n(scores, cells, scores_linked_.data());
    flip_element(scores_linked_[place], Format::float32);
    scores = scores_linked_.data();
  }
  return scores;
}

/// P as the array holds it and alpha as the accumulator has it.
void TileReplay::softmax(std::uint32_t step, const float* scores) {
  const StepTiming& at = timing_->steps[step];
  const std::size_t row_stride = strides_.row, cells = at.tile.cols * row_stride;
  const std::uint32_t rows = at.tile.rows;
  const float* golden_alpha = &golden_->alpha[step * row_stride];
  const Format format = job_.accelerator.formats.probability;
  fed_ = golden_probabilities(step);
  alpha_ = golden_alpha;
  std::fill(probability_changes_.begin(), probability_changes_.end(), 0);
  const bool tapped = strikes(FaultPoint::softmax);
  if (scores != golden_scores(step) || softmax_differs_ || tapped) {
    SoftmaxCore& core = units_.softmax;
    if (!softmax_loaded_ && step > 0)
      core.restore(&golden_->max[(step - 1) * row_stride], &golden_->sum[(step - 1) * row_stride]);
    if (tapped && scores != scores_linked_.data())
      scores = std::copy_n(scores, cells, scores_linked_.data()) - cells;
    // Changed in place only by a fault of the unit's own.
    core.process(at.tile, const_cast<float*>(scores), at.scores.first_cycle, units_.no_log);
    softmax_loaded_ = true;
    softmax_differs_ = !same_bits(core.max(), &golden_->max[step * row_stride], rows) ||
                       !same_bits(core.sum(), &golden_->sum[step * row_stride], rows);
    collect_changes(core.probability(), fed_, probability_changes_.data(), at.tile.cols,
                    row_stride, row_stride);
    fed_ = core.probability();
    if (!same_bits(core.alpha(), golden_alpha, rows)) {
      alpha_ = core.alpha();
      changed_ |= kScalars;
    }
  } else {
    softmax_loaded_ = false;
  }
  const std::size_t place = fault_->col * row_stride + fault_->row;
  if (strikes(FaultPoint::probabilities)) {
    std::copy_n(fed_, cells, probabilities_.data());
    flip_element(probabilities_[place], format);
    fed_ = probabilities_.data();
    probability_changes_[fault_->row] = 1;
  }
  if (std::any_of(probability_changes_.begin(), probability_changes_.begin() + rows,
                  [](std::uint32_t bits) { return bits != 0; }))
    changed_ |= kProbabilities;
  view_.probabilities = fed_;
  if (strikes(FaultPoint::array_probability)) {
    std::copy_n(fed_, cells, probabilities_late_.data());
    flip_element(probabilities_late_[place], format);
    outcome_->activate_cycle = at.partial.cycle(fault_->pass, 0) - at.tile.cols - cols_ - 1 +
                               fault_->col;
    outcome_->place = place_of(at.tile, fault_->row);
    view_.probabilities = probabilities_late_.data();
    changed_ |= kProbabilities;
  } else if (strikes(FaultPoint::observed_probabilities)) {
    std::copy_n(fed_, cells, probabilities_observed_.data());
    flip_element(probabilities_observed_[place], Format::float32);
    view_.probabilities = probabilities_observed_.data();
    changed_ |= kProbabilities;
  }
  view_.alpha = alpha_;
  if (strikes(FaultPoint::alpha) || strikes(FaultPoint::observed_alpha)) {
    const bool observed = fault_->point == FaultPoint::observed_alpha;
    LaneTile& lanes = observed ? alpha_observed_ : alpha_linked_;
    std::copy_n(alpha_, row_stride, lanes.data());
    flip_element(lanes[fault_->row], Format::float32);
    (observed ? view_.alpha : alpha_) = lanes.data();
    if (observed) changed_ |= kScalars;
  }
}

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
      std::copy_n(values, pass_change_.cols,
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

/// Takes further columns of the row's accumulator, as it was before `step`, into what differs; whole
/// vectors of them.
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
    const bool differs = rescale_row(
        &acc_[row * strides_.value + acc.first],
        &golden_->alpha[first_step * strides_.row + row], strides_.row,
        golden_partial(row, first_step) + acc.first, golden_acc(row, first_step) + acc.first,
        strides_.value, golden_->steps - first_step, columns);
    multiply_adds_ += std::uint64_t{golden_->steps - first_step} * columns;
    if (!differs) acc = {};
    any_row_ |= differs;
  }
}

/// A step in which only checkers differ.
void TileReplay::check_golden(std::uint32_t step) {
  changed_ = 0;
  take_operands(step);
  view_.scores = golden_scores(step);
  view_.probabilities = golden_probabilities(step);
  view_.alpha = &golden_->alpha[step * strides_.row];
  for (std::uint32_t row = 0; row < timing_->tile.rows; ++row)
    partial_rows_[row] = golden_partial(row, step);
  view_.partial_rows = partial_rows_.data();
  check(step);
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

void TileReplay::check(std::uint32_t step) {
  for (std::size_t c = 0; c < units_.checkers.size(); ++c) {
    CheckerReplay& checker = *units_.checkers[c];
    const bool struck = strikes(FaultPoint::checker) && fault_->checker == c &&
                        (fault_->stays || checker.tap().pending());
    if (struck || checker.differs() || (checker.needs() & changed_) != 0)
      checker.replay_step(step, view_, struck ? ~0U : changed_);
  }
}

void TileReplay::finish() {
  const std::uint32_t last = golden_->steps - 1, rows = timing_->tile.rows;
  changed_ = 0;
  view_.step = &timing_->steps[last];
  in_window_ = fault_->last_step == last;
  const float* golden_sum = &golden_->sum[last * strides_.row];
  const float* sum = softmax_differs_ ? units_.softmax.sum() : golden_sum;
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
  normalise_rows(sum, golden_sum);
  observe_outputs(view);
  for (std::size_t c = 0; c < units_.checkers.size(); ++c) {
    CheckerReplay& checker = *units_.checkers[c];
    const bool struck = strikes(FaultPoint::checker) && fault_->checker == c &&
                        (fault_->stays || checker.tap().pending());
    if (struck || checker.differs() || (checker.needs() & changed_) != 0)
      checker.replay_outputs(golden_->steps, view);
  }
}

/// Every row that a checker may be shown; those that differ are compared with golden.
void TileReplay::normalise_rows(const float* sum, const float* golden_sum) {
  const std::uint32_t last = golden_->steps - 1;
  const bool whole = !fault_->one_row || std::any_of(units_.checkers.begin(), units_.checkers.end(),
                                                     [](const auto& checker) {
                                                       return checker->needs_whole_tiles();
                                                     });
  const std::uint32_t first = whole ? 0 : fault_->row,
                      end = whole ? timing_->tile.rows : fault_->row + 1;
  reciprocals(&sum[first], &reciprocal_[first], end - first);
  for (std::uint32_t row = first; row < end; ++row) {
    const bool tapped = strikes(FaultPoint::accumulator) && fault_->row == row;
    const bool acc_differs = !rows_[row].acc.empty();
    const bool differs = acc_differs || tapped || !same_bits(&sum[row], &golden_sum[row], 1);
    if (acc_differs) widen_acc(last + 1, row, {0, head_dim_});
    float* acc = &acc_[row * strides_.value];
    float* output = &outputs_[row * strides_.value];
    acc_rows_[row] = acc_differs ? acc : golden_acc(row, last);
    output_rows_[row] = output;
    if (tapped) {
      normalise_tapped(row, sum);
    } else {
      std::fill_n(broadcast_.data(), head_dim_, reciprocal_[row]);
      normalise(acc_rows_[row], broadcast_.data(), output, 1, head_dim_, head_dim_);
    }
    if (!differs) continue;
    changed_ |= kOutputs;
    multiply_adds_ += head_dim_;
    outputs_compared_.compare_row(*timing_, row, output, *measurement_);
  }
}

void TileReplay::normalise_tapped(std::uint32_t row, const float* sum) {
  AccumulatorCore& core = units_.accumulator;
  NormaliseTiming timing;
  timing.slices = passes_;
  timing.divide_latency_cycles = job_.accelerator.accumulator.divide_latency_cycles;
  // Slice 0 of row 0 crosses a cycle after it stands in the output register.
  timing.start = timing_->output.first_cycle - 2 - timing.divide_latency_cycles;
  core.restore_row(row, acc_rows_[row]);
  core.receive_sum(timing_->tile, sum, timing_->sum.first_cycle);
  core.normalise_row(timing_->tile, row, timing);
  float* acc = &acc_[row * strides_.value];
  core.copy_row(row, acc);
  acc_rows_[row] = acc;
  for (std::uint32_t c = 0; c < head_dim_; ++c)
    outputs_[row * strides_.value + c] = core.output()[c * strides_.row + row];
  reciprocal_[row] = core.reciprocal()[row];
}

void TileReplay::observe_outputs(OutputView& view) {
  view.acc_rows = acc_rows_.data();
  view.output_rows = output_rows_.data();
  view.reciprocal = reciprocal_.data();
  const auto flip_in_row = [&](std::vector<const float*>& rows, LaneTile& line) {
    std::copy_n(rows[fault_->row], head_dim_, line.data());
    flip_element(line[fault_->col], Format::float32);
    rows[fault_->row] = line.data();
    changed_ |= kOutputs;
  };
  if (strikes(FaultPoint::observed_acc)) {
    flip_in_row(acc_rows_, acc_observed_);
  } else if (strikes(FaultPoint::observed_output)) {
    flip_in_row(output_rows_, output_observed_);
  } else if (strikes(FaultPoint::observed_reciprocal)) {
    reciprocal_observed_ = reciprocal_;
    flip_element(reciprocal_observed_[fault_->row], Format::float32);
    // It crosses with every slice; what stays is the copy of the last.
    if (fault_->pass + 1 == passes_) view.reciprocal = reciprocal_observed_.data();
    changed_ |= kOutputs;
  }
}

}  // namespace attnguard
