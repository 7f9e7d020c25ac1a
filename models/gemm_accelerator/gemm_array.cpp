#include "models/gemm_accelerator/gemm_array.h"

#include <algorithm>
#include <utility>

#include "models/checksum_unit/checker.h"
#include "models/numerics/kernels.h"

namespace attnguard {

GemmArray::GemmArray(sc_core::sc_module_name name, GemmCore& core, const GemmLayout& layout,
                     FoldPolicy policy, const Clock& clock, RunMonitor& monitor,
                     FaultUniverse& universe, LiveLog& log)
    : sc_module(name),
      a_in("a_in"),
      b_in("b_in"),
      result_out("result_out", &monitor),
      observe_out("observe_out"),
      core_(core),
      layout_(layout),
      policy_(policy),
      timing_(policy, core),
      clock_(clock),
      monitor_(monitor),
      log_(log),
      stride_(lane_stride(layout.fold_m)),
      in_flight_limit_(folds_in_flight(layout)) {
  core_.declare(universe, this->basename());
  SC_METHOD(feed_method);
  sensitive << feed_event_;
  dont_initialize();
  SC_METHOD(drain_method);
  sensitive << drain_event_;
  dont_initialize();
}

/// Folds under way at once: a fold lives from its first operand to its last value's way out, and
/// the next begins no sooner than its own operands allow.
std::uint32_t GemmArray::folds_in_flight(const GemmLayout& layout) {
  const std::uint32_t steps =
      fold_steps(layout.dataflow, layout.fold_m, layout.fold_n, layout.fold_k);
  return (steps + 2 * layout.rows + layout.cols + 1) / steps + 2;
}

void GemmArray::reset() {
  abandon();
  core_.reset();
  next_ = drained_ = 0;
  edge_free_ = folds_end_ = finish_cycle_ = macs_ = 0;
  stats_ = {};
  for (BurstPort* port : {&a_in, &b_in, &result_out, &observe_out}) port->reset();
}

void GemmArray::start() {
  running_ = true;
  Work first;
  describe(0, first);
  planned_ = first.fold;
  timing_.schedule(planned_, nullptr);
  feed_event_.notify(sc_core::SC_ZERO_TIME);
}

void GemmArray::abandon() {
  running_ = false;
  feed_event_.cancel();
  drain_event_.cancel();
  while (!in_flight_.empty()) {
    spare_.push_back(std::move(in_flight_.back()));
    in_flight_.pop_back();
  }
  for (auto& work : spare_) work->c.reset();
}

std::unique_ptr<GemmArray::Work> GemmArray::take_work() {
  if (spare_.empty()) {
    auto work = std::make_unique<Work>();
    work->a.resize(layout_.fold_k * stride_);
    work->b.resize(std::size_t{layout_.fold_k} * layout_.fold_n);
    return work;
  }
  std::unique_ptr<Work> work = std::move(spare_.back());
  spare_.pop_back();
  return work;
}

std::shared_ptr<LaneTile> GemmArray::take_block() {
  for (auto& block : blocks_)
    if (block.use_count() == 1) return block;
  return blocks_.emplace_back(std::make_shared<LaneTile>(layout_.fold_n * stride_));
}

void GemmArray::describe(std::uint32_t index, Work& work) const {
  const FoldExtent& extent = work.extent = layout_.fold(index);
  TileContext& tile = work.tile = {};
  tile.query_tile = extent.first_m / layout_.fold_m;
  tile.key_tile = extent.first_n / layout_.fold_n;
  tile.first_row = extent.first_m;
  tile.rows = extent.m;
  tile.first_key = extent.first_n;
  tile.cols = extent.n;
  tile.first = extent.first;
  tile.last = extent.last;
  tile.bank = index % in_flight_limit_;
  GemmFold& fold = work.fold = {};
  fold.m = extent.m;
  fold.n = extent.n;
  fold.k = extent.k;
  fold.first_m = extent.first_m;
  fold.a = work.a.data();
  fold.b = work.b.data();
  fold.a_stride = fold.c_stride = stride_;
  fold.b_stride = layout_.fold_n;
  fold.tile = tile.id();
}

void GemmArray::feed_method() {
  if (!running_) return;
  std::unique_ptr<Work> work = take_work();
  describe(next_, *work);
  GemmFold& fold = work->fold;
  fold.preload = planned_.preload;
  fold.start = planned_.start;
  work->c = work->extent.first ? take_block() : in_flight_.back()->c;
  fold.c = work->c->data();
  if (!work->extent.first) fold.sums = fold.c;
  if (!read_operands(*work)) {
    running_ = false;
    if (!a_in.lost() && !b_in.lost())
      monitor_.crash("array read an operand tile that is not loaded");
    return;
  }
  // Who comes late holds up the fold, and all that follows it.
  const std::uint64_t late =
      std::max(late_cycles(a_in, layout_.a, fold), late_cycles(b_in, layout_.b, fold));
  fold.preload += late;
  fold.start += late;
  account(fold, late);
  core_.start(fold, log_);
  in_flight_.push_back(std::move(work));
  if (++next_ < layout_.folds()) plan_next();
  if (in_flight_.size() == 1)
    drain_event_.notify(clock_.until(core_.timing(in_flight_.front()->fold).last_cycle() + 1));
}

/// What stays is there before what moves.
bool GemmArray::read_operands(Work& work) {
  const auto read_a = [&] {
    return read_lines(a_in, work, layout_.a, layout_.a_tile(work.extent), work.fold.m, stride_,
                      work.a);
  };
  const auto read_b = [&] {
    return read_lines(b_in, work, layout_.b, layout_.b_tile(work.extent), work.fold.n,
                      layout_.fold_n, work.b);
  };
  return layout_.a.role == OperandRole::moving ? read_b() && read_a() : read_a() && read_b();
}

void GemmArray::plan_next() {
  const GemmFold& before = in_flight_.back()->fold;
  Work next;
  describe(next_, next);
  planned_ = next.fold;
  if (!next.extent.first) planned_.sums = before.c;
  timing_.schedule(planned_, &before);
  feed_event_.notify(clock_.until(begin(planned_)));
}

std::uint64_t GemmArray::late_cycles(const BurstPort& port, const OperandTiles& tiles,
                                     const GemmFold& fold) const {
  const bool stationary = tiles.role == OperandRole::stationary;
  return port.burst.timing.first_cycle - (stationary ? fold.preload : fold.start);
}

/// Values end up as [k][stride], `across` rows of A or columns of B fastest.
bool GemmArray::read_lines(BurstPort& port, const Work& work, const OperandTiles& tiles,
                           std::uint32_t tile, std::uint32_t across, std::size_t stride,
                           LaneTile& values) {
  const std::uint32_t products = work.extent.k;
  const TileUse use = GemmLayout::use(tiles.role, across, products);
  raw_.resize(std::size_t{use.lines} * tiles.line_bytes());
  Burst& burst = port.burst;
  burst.tile = work.tile;
  burst.timing = {};
  burst.timing.first_cycle =
      tiles.role == OperandRole::stationary ? work.fold.preload : work.fold.start;
  burst.timing.beats = use.lines;
  burst.format = layout_.operand;
  burst.lanes = burst.last_group_lanes = use.lanes;
  burst.lane_stride = tiles.element_bytes;
  burst.beat_stride = tiles.line_bytes();
  burst.values_stride = tiles.lanes;
  if (!port.read(tiles.address(tile), raw_.data(), raw_.size())) return false;
  if (tiles.role == OperandRole::streamed && stride == tiles.lanes) {
    decode_values(layout_.operand, raw_.data(), values.data(),
                  std::size_t{use.lines} * tiles.lanes);
    return true;
  }
  line_.resize(tiles.lanes);
  for (std::size_t line = 0; line < use.lines; ++line) {
    decode_values(layout_.operand, raw_.data() + line * burst.beat_stride, line_.data(),
                  tiles.lanes);
    if (tiles.role == OperandRole::moving) {
      for (std::size_t k = 0; k < products; ++k) values[k * stride + line] = line_[k];
    } else {
      const std::size_t k = tiles.role == OperandRole::streamed ? line : products - 1 - line;
      std::copy_n(line_.data(), use.lanes, values.data() + k * stride);
    }
  }
  return true;
}

/// The west edge's cycles up to the end of the fold's operands; before them those it waited.
void GemmArray::account(const GemmFold& fold, std::uint64_t late_cycles) {
  const bool serial = policy_ != FoldPolicy::overlapped, stationary = core_.preload_cycles() > 0;
  const std::uint64_t planned = fold.start - late_cycles;
  // The stationary operands came down and nothing else went on.
  std::uint64_t from = planned, to = planned;
  if (stationary) {
    from = std::clamp(fold.preload - late_cycles, edge_free_, planned);
    to = std::max(serial ? planned : fold.preload - late_cycles + fold.k, from);
  }
  const char* waited = serial ? "skew" : stationary ? "sums" : "drain";
  const std::uint64_t steps = fold_steps(layout_.dataflow, fold.m, fold.n, fold.k);
  stats_.stall_cycles[waited] += planned - edge_free_ - (to - from);
  if (stationary) stats_.stall_cycles["preload"] += to - from;
  stats_.stall_cycles["operand"] += late_cycles;
  stats_.busy_cycles += steps;
  if (track_ != nullptr) {
    track_->add({edge_free_, from, waited, {}, {}});
    track_->add({from, to, "preload", {}, {}});
    track_->add({to, planned, waited, {}, {}});
    track_->add({planned, fold.start, "operand", {}, {}});
    track_->add({fold.start, fold.start + steps, {}, {}, fold.tile});
  }
  edge_free_ = fold.start + steps;
  folds_end_ = timing_.end(fold);
  macs_ += std::uint64_t{fold.m} * fold.n * fold.k;
}

void GemmArray::drain_method() {
  if (!running_ || in_flight_.empty()) return;
  std::unique_ptr<Work> work = std::move(in_flight_.front());
  in_flight_.pop_front();
  core_.finish(work->fold);
  if (work->extent.last) deliver(*work);
  ++drained_;
  work->c.reset();
  spare_.push_back(std::move(work));
  if (!in_flight_.empty())
    drain_event_.notify(clock_.until(core_.timing(in_flight_.front()->fold).last_cycle() + 1));
}

/// Beat = line: a row of C, or a column where the columns move. The block lies lane-major.
void GemmArray::deliver(const Work& work) {
  const GemmFold& fold = work.fold;
  const bool columns = layout_.lines_are_columns();
  const std::size_t values = fold.n * stride_;
  Burst burst;
  burst.tile = work.tile;
  burst.timing = core_.timing(fold);
  burst.lanes = burst.last_group_lanes = columns ? fold.m : fold.n;
  burst.values_stride = stride_;
  const auto lie_lane_major = [&](BurstPort& port, Format format) {
    port.burst = burst;
    port.burst.format = format;
    port.burst.beat_stride = bytes_of(format);
    port.burst.lane_stride = stride_ * bytes_of(format);
    if (columns) std::swap(port.burst.beat_stride, port.burst.lane_stride);
  };
  if ((observations_ & kScores) != 0) {
    const Format sums = sum_format_of(layout_.operand, layout_.operand);
    lie_lane_major(observe_out, sums);
    observe_out.burst.observation = kScores;
    observed_.assign(fold.c, fold.c + values);
    observe_out.write(0, observed_.data(), values * sizeof(float));
  }
  lie_lane_major(result_out, layout_.output);
  raw_.resize(values * bytes_of(layout_.output));
  encode_values(layout_.output, fold.c, raw_.data(), values);
  result_out.write(layout_.c.address(layout_.c_tile(work.extent)), raw_.data(), raw_.size());
  constexpr std::uint64_t kWrittenAndSeen = 3;
  finish_cycle_ = std::max(finish_cycle_, burst.timing.last_cycle() + kWrittenAndSeen);
}

UnitStats GemmArray::stats(std::uint64_t total_cycles) const {
  UnitStats stats = stats_;
  stats.stall_cycles[kIdle] = total_cycles - edge_free_;
  return stats;
}

}  // namespace attnguard
