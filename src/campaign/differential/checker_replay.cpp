#include "src/campaign/differential/checker_replay.h"

#include <algorithm>
#include <cstring>

#include "models/checksum_unit/make_checker.h"
#include "src/campaign/differential/replica.h"
#include "src/campaign/injections/verdict.h"

namespace attnguard {

CheckerReplay::CheckerReplay(const CheckerConfig& config, const CheckerDimensions& dimensions,
                             const FaultUniverse& universe, TileStrides strides)
    : checker_(make_checker(config, dimensions)),
      dims_(dimensions),
      strides_(strides),
      needs_(checker_->needs()),
      comparisons_(checker_->comparisons().size()),
      grouped_(checker_->compares_groups()) {
  FaultUniverse replica = universe_before(universe, "checksum." + config.name + ".");
  checker_->declare(replica);
  checker_->connect(*this, no_log_);
  checker_->reset();
  const auto add = [&](std::vector<RegisterBook*>& books, RegisterBook* book, std::size_t lanes) {
    books.push_back(book);
    state_bytes_ += book->shape().groups * lanes * book->element_bytes();
  };
  // Copies of Q and sums stored beside a buffer are fed again instead of being saved.
  for (const bool of_scores : {true, false}) {
    for (RegisterBook* book : checker_->registers())
      if (!book->shape().temporary &&
          (book->shape().meaning == LaneMeaning::row || book->shape().of_query_tile) &&
          book->shape().of_scores == of_scores)
        add(row_books_, book, lanes_of(*book));
    if (of_scores) {
      score_books_ = row_books_.size();
      products_at_ = state_bytes_;
    }
  }
  carried_at_ = state_bytes_;
  for (RegisterBook* book : checker_->registers())
    if (book->shape().outlives_query_tiles()) add(carried_books_, book, book->shape().lanes);
  if (checker_->keeps_operand_sums())
    for (RegisterBook* book : checker_->registers())
      if (book->shape().temporary && book->shape().meaning == LaneMeaning::element)
        (book->shape().of_scores ? key_sums_ : value_sums_).books.push_back(book);
  for (OperandSums* sums : {&key_sums_, &value_sums_}) sums->golden.resize(dims_.key_tiles);
  term_bytes_ = checker_->carried_terms().bytes;
  partials_.resize((dims_.head_dim + 1) * dims_.stride + kLaneAlign);
}

// Recording

void CheckerReplay::record_start(CheckerTrace& trace, const CheckerTrace* start) {
  if (start != nullptr) {
    suspend();
    golden_ = start;
    rows_ = {0, dims_.rows};
    carried_differs_ = false;
    restore(0, true, true);
  } else {
    copy_registers(true, golden_stores_);
  }
  checker_->tap().disarm();
  trace_ = &trace;
  trace = {};
  trace.held_until_cycle = checker_->held_until_cycle();
  for (RegisterBook* book : checker_->registers()) book->set_first_row(0);
}

void CheckerReplay::record_query(const TileTiming& tile, const float* query) {
  rows_ = {0, tile.tile.rows};
  feed_query(tile, query);
}

void CheckerReplay::record_step(const StepView& view, std::vector<Check>& made) {
  made_ = &made;
  const std::size_t at = trace_->states.size();
  trace_->states.resize(at + state_bytes_);
  save(trace_->states.data() + at);
  trace_->first_checks.push_back(static_cast<std::uint32_t>(trace_->checks.size()));
  feed_scores(view);
  trace_->first_checks.push_back(static_cast<std::uint32_t>(trace_->checks.size()));
  feed_products(view);
  keep_terms(view.step->tile.key_tile);
  for (OperandSums* sums : {&key_sums_, &value_sums_}) sums->keep(view.step->tile.key_tile);
  made_ = nullptr;
}

void CheckerReplay::record_outputs(const OutputView& view, std::vector<Check>& made) {
  made_ = &made;
  trace_->first_checks.push_back(static_cast<std::uint32_t>(trace_->checks.size()));
  const std::size_t at = trace_->states.size();
  trace_->states.resize(at + 2 * state_bytes_);
  save(trace_->states.data() + at);
  feed_outputs(view);
  save(trace_->states.data() + at + state_bytes_);
  made_ = nullptr;
  trace_ = nullptr;
  if (suspended_.active) resume();
}

void CheckerReplay::load_key(const TileContext& tile, const TileInBuffer& key,
                             const float* values) {
  if ((needs_ & kKeyWritten) == 0) return;
  TileContext context = tile;
  context.half = key.half;
  checker_->key_written({context, values, strides_.key, key.written});
}
void CheckerReplay::load_value(const TileContext& tile, const TileInBuffer& value,
                               const float* values) {
  if ((needs_ & kValueWritten) == 0) return;
  TileContext context = tile;
  context.half = value.half;
  checker_->value_written({context, values, strides_.value, value.written});
}

// Replay

void CheckerReplay::clear(CheckerMeasurement& measurement) {
  measurement.alarm_cycle = kNever;
  measurement.alarm_is_nonfinite = false;
  measurement.ratios.assign(comparisons_, RatioMax{});
  select(measurement);
}

void CheckerReplay::select(CheckerMeasurement& measurement) {
  measurement_ = &measurement;
  scores_differ_ = products_differ_ = carried_differs_ = false;
  checker_->tap().disarm();
}

void CheckerReplay::begin_tile(const CheckerTrace& trace, const TileTiming& tile, RowWindow rows,
                               const float* query_written) {
  golden_ = &trace;
  tile_ = &tile;
  query_written_ = query_written;
  rows_ = grouped_ ? RowWindow{0, tile.tile.rows} : rows;
  scores_differ_ = products_differ_ = query_fed_ = false;
  for (RegisterBook* book : checker_->registers()) book->set_first_row(rows_.first);
}

void CheckerReplay::replay_step(std::uint32_t step, const StepView& view, std::uint32_t changed) {
  constexpr std::uint32_t kOfScores = kQueryWritten | kQueryRead | kKeyWritten | kKeyRead | kScores;
  changed &= needs_;
  bool scores = scores_differ_ || carried_differs_ || (changed & kOfScores) != 0;
  bool products = products_differ_ || carried_differs_ || (changed & ~kOfScores) != 0;
  // What outlives query tiles may be written by either.
  if (checker_->products_need_scores() || !carried_books_.empty()) scores = products = true;
  restore(step, scores && !scores_differ_, products && !products_differ_);
  if (scores) {
    if (!query_fed_) feed_query(*tile_, query_written_);
    query_fed_ = true;
    golden_checks_ = golden_->first_checks[2 * step];
    feed_scores(view);
    scores_differ_ = rows_differ(step + 1, true);
  }
  if (products) {
    golden_checks_ = golden_->first_checks[2 * step + 1];
    feed_products(view);
    products_differ_ = rows_differ(step + 1, false);
  }
  carried_differs_ = carried_state_differs(step + 1);
}

bool CheckerReplay::follow(std::uint32_t step, std::uint32_t steps, const float* alpha) {
  if (term_bytes_ == 0 || scores_differ_ || !carried_books_.empty() || checker_->tap().pending())
    return false;
  if (!products_differ_) return true;
  checker_->follow({golden_->terms.data() + step * term_bytes_, term_bytes_,
                    alpha + step * strides_.row, strides_.row, steps - step, rows_.first,
                    rows_.count});
  products_differ_ = rows_differ(steps, false);
  return true;
}

void CheckerReplay::replay_outputs(std::uint32_t steps, const OutputView& view) {
  restore(steps, !scores_differ_, !products_differ_);
  golden_checks_ = golden_->first_checks[2 * steps];
  feed_outputs(view);
  scores_differ_ = products_differ_ = false;  // of no use to the next query tile
  carried_differs_ = carried_state_differs(steps + 1);
}

/// Of a group of rows. Golden made the same ones, in the same order.
void CheckerReplay::checked(const Check& check) {
  if (trace_ != nullptr) {
    trace_->checks.push_back({check.lhs, check.rhs, check.scale});
    made_->push_back(check);
  } else {
    compare(check, golden_checks_++);
  }
}

/// Of the rows of the window. Golden made one for each row of the tile.
void CheckerReplay::checked_rows(const Check* checks, std::uint32_t rows) {
  if (trace_ != nullptr) return CheckSink::checked_rows(checks, rows);
  for (std::uint32_t row = 0; row < rows; ++row)
    compare(checks[row], golden_checks_ + rows_.first + row);
  golden_checks_ += tile_->tile.rows;
}

void CheckerReplay::compare(const Check& check, std::size_t golden) {
  if (golden_->checks[golden].same(check)) return;
  add_changed_check(check, measurement_->ratios[check.comparison]);
  if (!check.alarm) return;
  const bool first_alarm = measurement_->alarm_cycle == kNever;
  // The line rises in the cycle after, but not before the tile has been handed over.
  measurement_->alarm_cycle =
      std::min(measurement_->alarm_cycle, std::max(check.cycle + 1, arrival_cycle_));
  measurement_->alarm_is_nonfinite =
      check.nonfinite && (first_alarm || measurement_->alarm_is_nonfinite);
}

// Feeding

TileContext CheckerReplay::window(TileContext tile) const {
  tile.first_row += rows_.first;
  tile.rows = rows_.count;
  return tile;
}

/// Of beats that are rows: lane 0 is the first row of the window.
BeatTiming CheckerReplay::window(BeatTiming rows) const {
  rows.first_cycle += std::uint64_t{rows_.first} * rows.beat_interval_cycles;
  return rows;
}

void CheckerReplay::feed_query(const TileTiming& tile, const float* query) {
  if ((needs_ & kQueryWritten) == 0) return;
  TileContext context = window(tile.steps.front().tile);
  context.half = tile.query.half;
  checker_->query_written({context, query + rows_.first, strides_.row, tile.query.written});
}

void CheckerReplay::feed_scores(const StepView& view) {
  const StepTiming& at = *view.step;
  const TileContext tile = window(at.tile);
  TileContext buffered = tile;
  arrival_cycle_ = 0;
  if (view.key_written != nullptr) load_key(at.tile, *view.key_tile, view.key_written);
  const std::size_t row = strides_.row, first = rows_.first;
  if ((needs_ & kQueryRead) != 0) {
    buffered.half = view.tile->query.half;
    checker_->query_read({buffered, view.query + first, row, at.q_read});
  }
  if ((needs_ & kKeyRead) != 0) {
    buffered.half = view.key_tile->half;
    Observed key{buffered, view.key, strides_.key, at.k_read};
    restore(key_sums_, view.golden_key, view, key);
    checker_->key_read(key);
  }
  arrival_cycle_ = at.scores_arrival;
  if ((needs_ & kScores) != 0)
    checker_->scores({tile, view.scores + first, row, window(at.scores)});
}

void CheckerReplay::feed_products(const StepView& view) {
  const StepTiming& at = *view.step;
  const TileContext tile = window(at.tile);
  const std::size_t row = strides_.row, first = rows_.first;
  if (view.value_written != nullptr) load_value(at.tile, *view.value_tile, view.value_written);
  arrival_cycle_ = at.scores_arrival;  // the softmax unit works on whole tiles as they come
  if ((needs_ & kScalars) != 0) checker_->alphas({tile, view.alpha + first, row, window(at.alpha)});
  arrival_cycle_ = at.fed_cycle;
  if ((needs_ & kValueRead) != 0) {
    TileContext buffered = tile;
    buffered.half = view.value_tile->half;
    Observed value{buffered, view.value, strides_.value, at.v_read};
    restore(value_sums_, view.golden_value, view, value);
    checker_->value_read(value);
  }
  if ((needs_ & kProbabilities) != 0)
    // Each row of the array is one cycle behind the row above.
    checker_->probabilities(
        {tile, view.probabilities + first, row, {at.fed_cycle + first, 1, 0, tile.cols, 1}});
  arrival_cycle_ = at.partial_arrival;
  if ((needs_ & kPartials) == 0) return;
  const bool one = rows_.count == 1;
  checker_->partials(
      {tile, one ? view.partial_rows[first] : lane_major(view.partial_rows, partials_.data()),
       one ? 1 : row, window(at.partial)});
}

void CheckerReplay::feed_outputs(const OutputView& view) {
  const TileContext tile = window(view.tile->tile);
  arrival_cycle_ = view.tile->steps.back().scores_arrival;
  if ((needs_ & kScalars) != 0)
    checker_->sums({tile, view.sum + rows_.first, strides_.row, window(view.tile->sum)});
  arrival_cycle_ = view.tile->output_arrival;
  if ((needs_ & kOutputs) != 0)
    checker_->outputs({tile, view.values + (rows_.first - view.first_row), view.stride,
                       window(view.tile->output)});
}

/// [row][d] of the window to [d][stride].
const float* CheckerReplay::lane_major(const float* const* rows, float* to) const {
  rows_to_lanes(rows + rows_.first, rows_.count, to, dims_.head_dim, dims_.stride);
  return to;
}

// State

/// Lanes that are kept of a register; of a query row or of none.
std::size_t CheckerReplay::lanes_of(const RegisterBook& book) const {
  return book.shape().meaning == LaneMeaning::row ? dims_.rows : book.shape().lanes;
}
RowWindow CheckerReplay::window(const RegisterBook& book) const {
  return book.shape().meaning == LaneMeaning::row ? rows_ : RowWindow{0, book.shape().lanes};
}

void CheckerReplay::OperandSums::keep(std::uint32_t key_tile) {
  std::vector<std::byte>& sums = golden[key_tile];
  if (!sums.empty()) return;
  for (RegisterBook* book : books) {
    for (std::uint32_t group = 0; group < book->shape().groups; ++group) {
      const std::byte* from = book->at(group, 0);
      sums.insert(sums.end(), from, from + book->shape().lanes * book->element_bytes());
    }
  }
}

void CheckerReplay::OperandSums::restore(std::uint32_t key_tile) const {
  const std::byte* from = golden[key_tile].data();
  for (RegisterBook* book : books) {
    const std::size_t bytes = book->shape().lanes * book->element_bytes();
    for (std::uint32_t group = 0; group < book->shape().groups; ++group, from += bytes)
      std::memcpy(book->at(group, 0), from, bytes);
  }
}

/// Sums over golden lines of an operand need not be formed again, unless a fault may meet them.
void CheckerReplay::restore(const OperandSums& sums, bool golden, const StepView& view,
                            Observed& observed) const {
  if (sums.books.empty() || trace_ != nullptr || checker_->tap().pending()) return;
  sums.restore(view.step->tile.key_tile);
  if (golden)
    observed.values = nullptr;
  else
    observed.changed_line = view.changed_line;
}

void CheckerReplay::keep_terms(std::uint32_t step) {
  if (term_bytes_ == 0) return;
  // Whole vectors are read from any row on.
  trace_->terms.resize((step + 1) * term_bytes_ + kLaneAlign * sizeof(double));
  std::memcpy(&trace_->terms[step * term_bytes_], checker_->carried_terms().terms, term_bytes_);
}

void CheckerReplay::save(std::byte* to) const {
  for (RegisterBook* book : row_books_)
    for (std::uint32_t group = 0; group < book->shape().groups; ++group) {
      const std::size_t bytes = lanes_of(*book) * book->element_bytes();
      std::memcpy(to, book->at(group, 0), bytes);
      to += bytes;
    }
  for (RegisterBook* book : carried_books_) {
    const std::size_t bytes = book->shape().lanes * book->element_bytes();
    for (std::uint32_t group = 0; group < book->shape().groups; ++group, to += bytes)
      std::memcpy(to, book->at(group, 0), bytes);
  }
}

void CheckerReplay::copy_registers(bool stores_only, std::vector<std::byte>& to) const {
  to.clear();
  for (RegisterBook* book : checker_->registers())
    if (!stores_only || book->shape().storage == StorageKind::sram)
      for (std::uint32_t group = 0; group < book->shape().groups; ++group) {
        const std::byte* from = book->at(group, 0);
        to.insert(to.end(), from, from + book->shape().lanes * book->element_bytes());
      }
}

void CheckerReplay::put_registers(bool stores_only, const std::vector<std::byte>& bytes) {
  const std::byte* from = bytes.data();
  for (RegisterBook* book : checker_->registers())
    if (!stores_only || book->shape().storage == StorageKind::sram)
      for (std::uint32_t group = 0; group < book->shape().groups; ++group) {
        const std::size_t size = book->shape().lanes * book->element_bytes();
        std::memcpy(book->at(group, 0), from, size);
        from += size;
      }
}

/// A tile is recorded again in the middle of an injection: its fault, the state it has changed and
/// stores that hold it must neither reach the recording nor be lost.
void CheckerReplay::suspend() {
  suspended_.active = true;
  suspended_.carried_differs = carried_differs_;
  suspended_.tap = checker_->tap();
  copy_registers(false, suspended_.registers);
  put_registers(true, golden_stores_);
}

void CheckerReplay::resume() {
  suspended_.active = false;
  carried_differs_ = suspended_.carried_differs;
  checker_->tap() = suspended_.tap;
  put_registers(false, suspended_.registers);
}

/// Golden state before `step`, of the parts asked for. What already differs stays.
void CheckerReplay::restore(std::uint32_t step, bool scores, bool products) {
  checker_->hold_until(golden_->held_until_cycle + rows_.first);
  if (!scores && !products && (carried_differs_ || carried_books_.empty())) return;
  const std::byte* from = golden_->states.data() + step * state_bytes_;
  for (std::size_t b = 0; b < row_books_.size(); ++b) {
    RegisterBook& book = *row_books_[b];
    const std::size_t element = book.element_bytes();
    const RowWindow lanes = window(book);
    for (std::uint32_t group = 0; group < book.shape().groups; ++group) {
      if (b < score_books_ ? scores : products)
        std::memcpy(book.at(group, 0), from + lanes.first * element, lanes.count * element);
      from += lanes_of(book) * element;
    }
  }
  if (!carried_differs_)
    for (RegisterBook* book : carried_books_) {
      const std::size_t bytes = book->shape().lanes * book->element_bytes();
      for (std::uint32_t group = 0; group < book->shape().groups; ++group, from += bytes)
        std::memcpy(book->at(group, 0), from, bytes);
    }
}

/// Of the rows' registers of S, or of all others.
bool CheckerReplay::rows_differ(std::uint32_t step, bool scores) const {
  const std::byte* from =
      golden_->states.data() + step * state_bytes_ + (scores ? 0 : products_at_);
  const std::size_t end = scores ? score_books_ : row_books_.size();
  for (std::size_t b = scores ? 0 : score_books_; b < end; ++b) {
    RegisterBook& book = *row_books_[b];
    const std::size_t element = book.element_bytes();
    const RowWindow lanes = window(book);
    for (std::uint32_t group = 0; group < book.shape().groups; ++group) {
      if (std::memcmp(book.at(group, 0), from + lanes.first * element, lanes.count * element) != 0)
        return true;
      from += lanes_of(book) * element;
    }
  }
  return false;
}

bool CheckerReplay::carried_state_differs(std::uint32_t step) const {
  const std::byte* from = golden_->states.data() + step * state_bytes_ + carried_at_;
  for (RegisterBook* book : carried_books_) {
    const std::size_t bytes = book->shape().lanes * book->element_bytes();
    for (std::uint32_t group = 0; group < book->shape().groups; ++group, from += bytes)
      if (std::memcmp(book->at(group, 0), from, bytes) != 0) return true;
  }
  return false;
}

}  // namespace attnguard
