#include "models/gemm_accelerator/gemm_array.h"

#include <algorithm>

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
      stride_(lane_stride(layout.rows)),
      in_flight_limit_(folds_in_flight(layout)) {
  core_.declare(universe, this->basename());
  SC_METHOD(feed_method);
  sensitive << feed_event_;
  dont_initialize();
  SC_METHOD(drain_method);
  sensitive << drain_event_;
  dont_initialize();
}

/// Folds start max(K, R) cycles apart at least, or as far apart as their used rows; the last value
/// of one has left K + R + C + 1 cycles after its start.
std::uint32_t GemmArray::folds_in_flight(const GemmLayout& layout) {
  const std::uint32_t k = layout.shape.k;
  return (k + layout.rows + layout.cols + 1) / k + 2;
}

void GemmArray::reset() {
  abandon();
  core_.reset();
  next_ = delivered_ = 0;
  planned_start_ = edge_free_ = folds_end_ = finish_cycle_ = macs_ = 0;
  stats_ = {};
  for (BurstPort* port : {&a_in, &b_in, &result_out, &observe_out}) port->reset();
}

void GemmArray::start() {
  running_ = true;
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
}

std::unique_ptr<GemmArray::Work> GemmArray::take_work() {
  if (spare_.empty()) {
    auto work = std::make_unique<Work>();
    work->a.resize(layout_.shape.k * stride_);
    work->b.resize(std::size_t{layout_.shape.k} * layout_.cols);
    work->c.resize(layout_.cols * stride_);
    return work;
  }
  std::unique_ptr<Work> work = std::move(spare_.back());
  spare_.pop_back();
  return work;
}

void GemmArray::describe(std::uint32_t index, Work& work) const {
  const FoldExtent extent = layout_.fold(index);
  TileContext& tile = work.tile = {};
  tile.query_tile = layout_.a_tile(extent);
  tile.key_tile = layout_.b_tile(extent);
  tile.first_row = extent.first_m;
  tile.rows = extent.m;
  tile.first_key = extent.first_n;
  tile.cols = extent.n;
  tile.first = extent.first;
  tile.last = extent.last;
  tile.bank = index % in_flight_limit_;
  work.result_address = layout_.c.address(layout_.c_tile(extent));
  GemmFold& fold = work.fold;
  fold.start = planned_start_;
  fold.m = extent.m;
  fold.n = extent.n;
  fold.k = extent.k;
  fold.first_m = extent.first_m;
  fold.a = work.a.data();
  fold.b = work.b.data();
  fold.c = work.c.data();
  fold.a_stride = fold.c_stride = stride_;
  fold.b_stride = layout_.cols;
  fold.tile = tile.id();
}

void GemmArray::feed_method() {
  if (!running_) return;
  std::unique_ptr<Work> work = take_work();
  describe(next_, *work);
  GemmFold& fold = work->fold;
  const std::uint64_t a = layout_.a.address(work->tile.query_tile),
                      b = layout_.b.address(work->tile.key_tile);
  if (!read_lines(a_in, *work, a, fold.m, layout_.a, stride_, work->a) ||
      !read_lines(b_in, *work, b, fold.n, layout_.b, layout_.cols, work->b)) {
    running_ = false;
    if (!a_in.lost() && !b_in.lost())
      monitor_.crash("array read an operand tile that is not loaded");
    return;
  }
  const std::uint64_t late =
      std::max(a_in.burst.timing.first_cycle, b_in.burst.timing.first_cycle) - fold.start;
  fold.start += late;
  account(fold, late);
  core_.start(fold, log_);

  if (++next_ < layout_.folds()) {
    Work following;
    describe(next_, following);
    timing_.schedule(following.fold, &fold);
    planned_start_ = following.fold.start;
    feed_event_.notify(clock_.until(planned_start_));
  }
  in_flight_.push_back(std::move(work));
  if (in_flight_.size() == 1)
    drain_event_.notify(clock_.until(core_.timing(in_flight_.front()->fold).last_cycle() + 1));
}

/// One line per product. Values end up as [k][stride].
bool GemmArray::read_lines(BurstPort& port, const Work& work, std::uint64_t address,
                           std::uint32_t lanes, const OperandTiles& tiles, std::size_t stride,
                           LaneTile& values) {
  raw_.resize(tiles.tile_bytes());
  Burst& burst = port.burst;
  burst.tile = work.tile;
  burst.timing = {};
  burst.timing.first_cycle = work.fold.start;
  burst.timing.beats = tiles.lines;
  burst.format = layout_.operand;
  burst.lanes = burst.last_group_lanes = lanes;
  burst.lane_stride = tiles.element_bytes;
  burst.beat_stride = std::size_t{tiles.lanes} * tiles.element_bytes;
  burst.values_stride = tiles.lanes;
  if (!port.read(address, raw_.data(), raw_.size())) return false;
  if (stride == tiles.lanes) {
    decode_values(layout_.operand, raw_.data(), values.data(),
                  std::size_t{tiles.lines} * tiles.lanes);
    return true;
  }
  for (std::size_t line = 0; line < tiles.lines; ++line)
    decode_values(layout_.operand, raw_.data() + line * burst.beat_stride,
                  values.data() + line * stride, tiles.lanes);
  return true;
}

/// The west edge's cycles up to the end of the fold's operands; before them those it waited.
void GemmArray::account(const GemmFold& fold, std::uint64_t late_cycles) {
  const char* waited = policy_ == FoldPolicy::overlapped ? "drain" : "skew";
  stats_.stall_cycles[waited] += fold.start - late_cycles - edge_free_;
  stats_.stall_cycles["operand"] += late_cycles;
  stats_.busy_cycles += fold.k;
  if (track_ != nullptr) {
    track_->add({edge_free_, fold.start - late_cycles, waited, {}, {}});
    track_->add({fold.start - late_cycles, fold.start, "operand", {}, {}});
    track_->add({fold.start, fold.start + fold.k, {}, {}, fold.tile});
  }
  edge_free_ = fold.start + fold.k;
  folds_end_ = timing_.end(fold);
  macs_ += std::uint64_t{fold.m} * fold.n * fold.k;
}

void GemmArray::drain_method() {
  if (!running_ || in_flight_.empty()) return;
  std::unique_ptr<Work> work = std::move(in_flight_.front());
  in_flight_.pop_front();
  core_.finish(work->fold);
  deliver(*work);
  spare_.push_back(std::move(work));
  if (!in_flight_.empty())
    drain_event_.notify(clock_.until(core_.timing(in_flight_.front()->fold).last_cycle() + 1));
}

/// Beat = row; the tile lies lane-major.
void GemmArray::deliver(const Work& work) {
  const GemmFold& fold = work.fold;
  const std::size_t values = fold.n * stride_;
  Burst burst;
  burst.tile = work.tile;
  burst.timing = core_.timing(fold);
  burst.lanes = burst.last_group_lanes = fold.n;
  burst.values_stride = stride_;
  const auto lie_lane_major = [&](BurstPort& port, Format format) {
    port.burst = burst;
    port.burst.format = format;
    port.burst.beat_stride = bytes_of(format);
    port.burst.lane_stride = stride_ * bytes_of(format);
  };
  if ((observations_ & kScores) != 0) {
    lie_lane_major(observe_out, Format::float32);
    observe_out.burst.observation = kScores;
    observed_.assign(work.c.begin(), work.c.begin() + static_cast<std::ptrdiff_t>(values));
    observe_out.write(0, observed_.data(), values * sizeof(float));
  }
  lie_lane_major(result_out, layout_.output);
  raw_.resize(values * bytes_of(layout_.output));
  encode_values(layout_.output, work.c.data(), raw_.data(), values);
  result_out.write(work.result_address, raw_.data(), raw_.size());
  ++delivered_;
  constexpr std::uint64_t kWrittenAndSeen = 3;
  finish_cycle_ = std::max(finish_cycle_, burst.timing.last_cycle() + kWrittenAndSeen);
}

UnitStats GemmArray::stats(std::uint64_t total_cycles) const {
  UnitStats stats = stats_;
  stats.stall_cycles[kIdle] = total_cycles - edge_free_;
  return stats;
}

}  // namespace attnguard
