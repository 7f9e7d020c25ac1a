#include "src/campaign/differential/tile_replay.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "models/numerics/kernels.h"

namespace attnguard {
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
  for (auto* pointers : {&partial_rows_, &observed_partial_rows_, &acc_rows_})
    pointers->resize(rows);
  for (LaneTile* tile : {&scores_, &scores_linked_, &scores_observed_, &probabilities_,
                         &probabilities_late_, &probabilities_observed_})
    tile->resize(tile_cells_ + kLaneAlign);
  for (LaneTile* lanes : {&alpha_linked_, &alpha_observed_, &sum_linked_, &sum_observed_, &column_})
    lanes->resize(strides_.row + kLaneAlign);
  for (LaneTile* row_values_of : {&acc_, &partial_}) row_values_of->resize(row_values);
  outputs_.resize((2 * head_dim_ + 1) * strides_.row + kLaneAlign);
  for (LaneTile* row : {&partial_linked_, &partial_observed_, &broadcast_})
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
  measurement.code_reads = {};
  measurement.first_bad_commit_cycle = kNever;
  measurement.checkers.resize(job_.checkers.size());
  for (std::size_t c = 0; c < units_.checkers.size(); ++c)
    units_.checkers[c]->clear(measurement.checkers[c]);
  units_.softmax.tap().disarm();
  units_.accumulator.tap().disarm();
  outputs_of_ = nullptr;
}

void TileReplay::select(Measurement& measurement) {
  measurement_ = &measurement;
  for (std::size_t c = 0; c < units_.checkers.size(); ++c)
    units_.checkers[c]->select(measurement.checkers[c]);
}

bool TileReplay::carries() const {
  return std::any_of(units_.checkers.begin(), units_.checkers.end(),
                     [](const auto& checker) { return checker->carries(); });
}

void TileReplay::replay(GoldenGroup& group, std::uint32_t index, std::uint32_t first_step,
                        const TileFault& fault, const OperandChange* change,
                        FaultOutcome& outcome) {
  group_ = &group;
  index_ = index;
  golden_ = &group.tile(index);
  timing_ = &group.schedule().tiles()[index];
  fault_ = &fault;
  change_ = change;
  outcome_ = &outcome;
  make_change();
  begin();
  replay_steps(first_step);
  if (element_ != nullptr) *element_ = golden_element_;
}

/// The tile with the changed element.
void TileReplay::make_change() {
  element_ = nullptr;
  if (change_ == nullptr) return;
  const OperandChange& change = *change_;
  switch (change.buffer) {
    case BufferId::q:
      query_changed_ = golden_->query;
      query_changed_[change.depth * strides_.row + change.lane] = change.value;
      break;
    case BufferId::k:
      key_changed_ = group_->changing_key(change.key_tile);
      change_element(key_changed_[change.depth * strides_.key + change.lane]);
      break;
    case BufferId::v:
      value_changed_ = group_->changing_value(change.key_tile);
      change_element(value_changed_[change.depth * strides_.value + change.lane]);
      break;
    case BufferId::o:
      break;
  }
}

void TileReplay::change_element(float& element) {
  element_ = &element;
  golden_element_ = element;
  element = change_->value;
}

void TileReplay::replay_steps(std::uint32_t first_step) {
  for (std::uint32_t at = first_step; at < golden_->steps; ++at) {
    if (idle(at)) return;
    in_window_ = fault_->first_step <= at && at <= fault_->last_step;
    step(at);
    if (!only_carries(at + 1)) continue;
    // P, alpha and P·V are golden from here on: sums, rows and checkers each go on by themselves.
    carry_sums(at + 1);
    carry_rows(at + 1);
    for (const auto& checker : units_.checkers) carry_checker(*checker, at + 1);
    break;
  }
  if (!idle(golden_->steps)) finish();
}

void TileReplay::begin() {
  softmax_loaded_ = max_differs_ = sum_differs_ = any_row_ = false;
  std::fill(rows_.begin(), rows_.end(), Row{});
  const bool query_copied =
      change_ != nullptr && change_->buffer == BufferId::q && change_->observed_written;
  const float* query_written = query_copied ? query_changed_.data() : golden_->query.data();
  const RowWindow rows =
      fault_->one_row ? RowWindow{fault_->row, 1} : RowWindow{0, timing_->tile.rows};
  for (std::size_t c = 0; c < units_.checkers.size(); ++c)
    units_.checkers[c]->begin_tile(golden_->checkers[c], *timing_, rows, query_written);
}

/// Nothing differs from golden before `step`, and nothing that starts there can.
bool TileReplay::idle(std::uint32_t step) const {
  if (softmax_differs() || any_row_) return false;
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

/// Before `step` only running sums, accumulator rows and checkers differ, and nothing that starts
/// there changes more.
bool TileReplay::only_carries(std::uint32_t step) const {
  return (any_row_ || sum_differs_ || some_checker_differs()) && !max_differs_ &&
         step < golden_->steps && (step > fault_->last_step || fault_->point == FaultPoint::none) &&
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
  const auto take = [&](const float* changed, const float*& by_array, const float*& observed,
                        std::uint32_t read, std::uint32_t written) {
    if (change_->by_array) by_array = changed;
    if (change_->observed_read) {
      observed = changed;
      changed_ |= read;
      view_.golden_key = change_->buffer != BufferId::k;
      view_.golden_value = change_->buffer != BufferId::v;
      view_.changed_line = change_->depth;
    }
    if (change_->observed_written) changed_ |= written;
  };
  switch (change_->buffer) {
    case BufferId::q:
      take(query_changed_.data(), query_, view_.query, kQueryRead, kQueryWritten);
      break;
    case BufferId::k:
      take(key_changed_, key_, view_.key, kKeyRead, kKeyWritten);
      if (change_->observed_written && view_.key_written != nullptr)
        view_.key_written = key_changed_;
      break;
    case BufferId::v:
      take(value_changed_, value_, view_.value, kValueRead, kValueWritten);
      if (change_->observed_written && view_.value_written != nullptr)
        view_.value_written = value_changed_;
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
  if (scores != golden_scores(step) || softmax_differs() || tapped) {
    SoftmaxCore& core = units_.softmax;
    if (!softmax_loaded_ && step > 0)
      core.restore(&golden_->max[(step - 1) * row_stride], &golden_->sum[(step - 1) * row_stride]);
    if (tapped && scores != scores_linked_.data())
      scores = std::copy_n(scores, cells, scores_linked_.data()) - cells;
    // Changed in place only by a fault of the unit's own.
    core.process(at.tile, const_cast<float*>(scores), at.scores.first_cycle, units_.no_log);
    softmax_loaded_ = true;
    max_differs_ = !same_bits(core.max(), &golden_->max[step * row_stride], rows);
    sum_differs_ = !same_bits(core.sum(), &golden_->sum[step * row_stride], rows);
    collect_changes(core.probability(), fed_, probability_changes_.data(), at.tile.cols, row_stride,
                    row_stride);
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
    outcome_->activate_cycle =
        at.partial.cycle(fault_->pass, 0) - at.tile.cols - cols_ - 1 + fault_->col;
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

/// Running sums that differ, through the steps that are left.
void TileReplay::carry_sums(std::uint32_t first_step) {
  if (!sum_differs_) return;
  SoftmaxCore& core = units_.softmax;
  for (std::uint32_t step = first_step; step < golden_->steps; ++step)
    core.follow(&golden_->max[step * strides_.row], &golden_->alpha[step * strides_.row],
                golden_probabilities(step), timing_->steps[step].tile.cols);
  sum_differs_ = !same_bits(core.sum(), &golden_->sum[(golden_->steps - 1) * strides_.row],
                            timing_->tile.rows);
}

/// A checker that differs, through the steps that are left: what it observes is golden.
void TileReplay::carry_checker(CheckerReplay& checker, std::uint32_t first_step) {
  if (checker.follow(first_step, golden_->steps, golden_->alpha.data())) return;
  for (std::uint32_t step = first_step; step < golden_->steps && checker.differs(); ++step) {
    changed_ = 0;
    take_operands(step);
    view_.scores = golden_scores(step);
    view_.probabilities = golden_probabilities(step);
    view_.alpha = &golden_->alpha[step * strides_.row];
    if ((checker.needs() & kPartials) != 0)
      for (std::uint32_t row = 0; row < timing_->tile.rows; ++row)
        partial_rows_[row] = golden_partial(row, step);
    view_.partial_rows = partial_rows_.data();
    checker.replay_step(step, view_, changed_);
  }
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

}  // namespace attnguard
