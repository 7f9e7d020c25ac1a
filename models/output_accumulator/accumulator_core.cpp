#include "models/output_accumulator/accumulator_core.h"

#include <algorithm>
#include <utility>

#include "models/numerics/ceil_div.h"

namespace attnguard {
namespace {

std::int64_t difference(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::int64_t>(a) - static_cast<std::int64_t>(b);
}

}  // namespace

AccumulatorCore::AccumulatorCore(std::uint32_t rows, std::uint32_t cols, std::uint32_t head_dim,
                                 std::uint32_t divide_latency_cycles)
    : rows_(rows),
      cols_(cols),
      head_dim_(head_dim),
      slices_(ceil_div(head_dim, cols)),
      divide_latency_(divide_latency_cycles),
      stride_(lane_stride(rows)),
      acc_(stride_ * head_dim),
      reciprocal_(stride_),
      output_(stride_ * head_dim) {
  for (auto* bank : {&alpha_[0], &alpha_[1], &sum_[0], &sum_[1]}) bank->resize(stride_);
}

void AccumulatorCore::declare(FaultUniverse& universe, const std::string& name) {
  const auto declare = [&](const std::string& path, std::vector<std::uint32_t> extents) {
    RegisterClass cls;
    cls.path = name + path;
    cls.extents = std::move(extents);
    cls.bits = 32;
    if (path == ".row[{}].acc[{}]") cls.adder = Adder::per_write;
    return universe.declare(cls);
  };
  reg_.alpha = declare(".row[{}].alpha[{}]", {rows_, 2});
  reg_.sum = declare(".row[{}].sum[{}]", {rows_, 2});
  reg_.partial = declare(".partial[{}]", {cols_});
  reg_.acc = declare(".row[{}].acc[{}]", {rows_, head_dim_});
  reg_.reciprocal = declare(".row[{}].reciprocal", {rows_});
  reg_.output = declare(".output[{}]", {cols_});
}

void AccumulatorCore::reset() {
  tap_.disarm();
  std::fill(acc_.begin(), acc_.end(), 0.0F);
  for (LaneTile* bank : {&alpha_[0], &alpha_[1], &sum_[0], &sum_[1]})
    std::fill(bank->begin(), bank->end(), 0.0F);
  alpha_cycle_[0] = alpha_cycle_[1] = sum_cycle_[0] = sum_cycle_[1] = 0;
  last_accumulate_ = {};
}

std::uint32_t AccumulatorCore::slice_cols(std::uint32_t slice) const {
  return std::min(cols_, head_dim_ - slice * cols_);
}

void AccumulatorCore::receive_alpha(const TileContext& tile, const float* alpha,
                                    std::uint64_t first_cycle) {
  std::copy_n(alpha, tile.rows, alpha_[tile.bank].data());  // gated lanes hold
  alpha_cycle_[tile.bank] = first_cycle;
  if (tap_.pending())
    for (std::uint32_t row = 0; row < tile.rows; ++row)
      tap_.write(reg_.alpha, row * 2 + tile.bank, first_cycle + row);
}

void AccumulatorCore::receive_sum(const TileContext& tile, const float* sum,
                                  std::uint64_t first_cycle) {
  std::copy_n(sum, tile.rows, sum_[tile.half].data());
  sum_cycle_[tile.half] = first_cycle;
  if (tap_.pending())
    for (std::uint32_t row = 0; row < tile.rows; ++row)
      tap_.write(reg_.sum, row * 2 + tile.half, first_cycle + row);
}

void AccumulatorCore::accumulate(const TileContext& tile, float* partial, const BeatTiming& timing,
                                 LiveLog& log) {
  if (tile.first) std::fill(acc_.begin(), acc_.end(), 0.0F);
  if (log.enabled()) add_live_accumulate(tile, timing, log);
  // Rows are independent: only those that meet a fault need their accesses in order.
  RowSet rows;
  if (tap_.pending_before(timing.last_cycle() + 1)) rows = faulty_rows(tile, timing);
  const std::size_t faulty = rows.count();
  saved_rows_.resize(std::max(saved_rows_.size(), faulty * head_dim_));
  float* saved = saved_rows_.data();
  for (std::uint32_t row = 0; faulty > 0 && row < tile.rows; ++row)
    if (rows[row]) copy_row(row, std::exchange(saved, saved + head_dim_));
  const float* alpha = alpha_[tile.bank].data();
  if (tile.rows == rows_) {
    rescale_add(acc_.data(), alpha, partial, head_dim_, stride_, stride_);
  } else {  // gated lanes hold
    for (std::uint32_t row = 0; row < tile.rows; ++row)
      rescale_add(&acc_[row], &alpha[row], &partial[row], head_dim_, 1, stride_);
  }
  saved = saved_rows_.data();
  for (std::uint32_t row = 0; faulty > 0 && row < tile.rows; ++row) {
    if (!rows[row]) continue;
    restore_row(row, std::exchange(saved, saved + head_dim_));
    accumulate_row(tile, row, partial, timing);
  }
  last_accumulate_ = timing;
}

void AccumulatorCore::restore_row(std::uint32_t row, const float* values) {
  for (std::uint32_t c = 0; c < head_dim_; ++c) acc_[c * stride_ + row] = values[c];
}
void AccumulatorCore::copy_row(std::uint32_t row, float* values) const {
  for (std::uint32_t c = 0; c < head_dim_; ++c) values[c] = acc_[c * stride_ + row];
}

/// The row that a register belongs to; meaningless for the pipeline registers.
std::uint32_t AccumulatorCore::row_of(const Site& site) const {
  if (site.reg == reg_.acc) return site.index / head_dim_;
  return site.reg == reg_.reciprocal ? site.index : site.index / 2;
}

RowSet AccumulatorCore::faulty_rows(const TileContext& tile, const BeatTiming& timing) const {
  RowSet rows;
  for (const ArmedFault& armed : tap_.armed()) {
    if (armed.spent) continue;
    const Fault& fault = armed.fault;
    if (fault.site.reg == reg_.partial) {
      const auto beat = beat_at(timing, fault.cycle);
      for (std::uint32_t row = 0; row < tile.rows; ++row)
        if (!armed.once() || (beat && beat->second == row)) rows.set(row);
    } else if (fault.site.reg == reg_.acc || fault.site.reg == reg_.alpha) {
      if (row_of(fault.site) < tile.rows) rows.set(row_of(fault.site));
    }
  }
  return rows;
}

RowSet AccumulatorCore::faulty_rows(const TileContext& tile, const NormaliseTiming& timing) const {
  RowSet rows;
  for (const ArmedFault& armed : tap_.armed()) {
    if (armed.spent) continue;
    const Fault& fault = armed.fault;
    const std::uint64_t first = timing.output_cycle(0, 0);
    if (fault.site.reg == reg_.output) {
      for (std::uint32_t row = 0; row < tile.rows; ++row)
        if (!armed.once() || (fault.cycle >= first && (fault.cycle - first) / slices_ == row))
          rows.set(row);
    } else if (fault.site.reg == reg_.acc || fault.site.reg == reg_.sum ||
               fault.site.reg == reg_.reciprocal) {
      if (row_of(fault.site) < tile.rows) rows.set(row_of(fault.site));
    }
  }
  return rows;
}

/// The partial register is latched in its beat's cycle; one cycle later alpha, partial and acc are
/// read and acc is written.
void AccumulatorCore::accumulate_row(const TileContext& tile, std::uint32_t row, float* partial,
                                     const BeatTiming& timing) {
  float* alpha = alpha_[tile.bank].data();
  const Place place = place_of(tile, row);
  for (std::uint32_t pass = 0; pass < slices_; ++pass) {
    const std::uint64_t beat = timing.cycle(pass, row);
    tap_.read(reg_.alpha, row * 2 + tile.bank, beat + 1, alpha[row], place);
    for (std::uint32_t lane = 0; lane < slice_cols(pass); ++lane) {
      const std::uint32_t column = pass * cols_ + lane;
      const std::size_t at = column * stride_ + row;
      tap_.write(reg_.partial, lane, beat);
      tap_.read(reg_.partial, lane, beat + 1, partial[at], place);
      if (!tile.first) tap_.read(reg_.acc, row * head_dim_ + column, beat + 1, acc_[at], place);
      tap_.write(reg_.acc, row * head_dim_ + column, beat + 1);
      rescale_add(&acc_[at], &alpha[row], &partial[at], 1, 1, stride_);
    }
  }
}

NormaliseTiming AccumulatorCore::normalise_tile(const TileContext& tile, LiveLog& log) {
  NormaliseTiming timing;
  timing.slices = slices_;
  timing.divide_latency_cycles = divide_latency_;
  // After the last accumulation is written and the last row's l has arrived.
  timing.start = std::max(last_accumulate_.last_cycle() + 2, sum_cycle_[tile.half] + tile.rows + 1);
  if (log.enabled()) add_live_normalise(tile, timing, log);
  reciprocals(sum_[tile.half].data(), reciprocal_.data(), stride_);
  normalise(acc_.data(), reciprocal_.data(), output_.data(), head_dim_, stride_, stride_);
  if (tap_.pending_before(timing.output_cycle(tile.rows - 1, slices_ - 1) + 1)) {
    const RowSet rows = faulty_rows(tile, timing);
    for (std::uint32_t row = 0; row < tile.rows; ++row)
      if (rows[row]) normalise_row(tile, row, timing);
  }
  return timing;
}

void AccumulatorCore::normalise_row(const TileContext& tile, std::uint32_t row,
                                    const NormaliseTiming& timing) {
  float* sum = sum_[tile.half].data();
  const Place place = place_of(tile, row);
  tap_.read(reg_.sum, row * 2 + tile.half, timing.sum_read_cycle(row), sum[row], place);
  reciprocals(&sum[row], &reciprocal_[row], 1);
  tap_.write(reg_.reciprocal, row, timing.reciprocal_cycle(row));
  for (std::uint32_t slice = 0; slice < slices_; ++slice) {
    const std::uint64_t cycle = timing.output_cycle(row, slice);
    tap_.read(reg_.reciprocal, row, cycle, reciprocal_[row], place);
    for (std::uint32_t lane = 0; lane < slice_cols(slice); ++lane) {
      const std::uint32_t column = slice * cols_ + lane;
      const std::size_t at = column * stride_ + row;
      tap_.read(reg_.acc, row * head_dim_ + column, cycle, acc_[at], place);
      normalise(&acc_[at], &reciprocal_[row], &output_[at], 1, 1, stride_);
      tap_.write(reg_.output, lane, cycle);
      tap_.read(reg_.output, lane, cycle + 1, output_[at], place);
    }
  }
}

void AccumulatorCore::add_live_accumulate(const TileContext& tile, const BeatTiming& timing,
                                          LiveLog& log) const {
  LiveBlock block;
  block.tile = tile.id();
  block.reg = reg_.alpha;
  block.index = tile.bank;
  block.count = {tile.rows, 1, 1};
  block.index_step = {2, 0, 0};
  block.start_step = {1, 0, 0};
  block.start = alpha_cycle_[tile.bank];
  block.length = difference(timing.cycle(slices_ - 1, 0) + 1, block.start);
  log.add(block);

  for (std::uint32_t pass = 0; pass < slices_; ++pass) {
    LiveBlock lanes;
    lanes.tile = tile.id();
    lanes.reg = reg_.partial;
    lanes.count = {tile.rows, slice_cols(pass), 1};
    lanes.index_step = {0, 1, 0};
    lanes.start_step = {1, 0, 0};
    lanes.start = timing.cycle(pass, 0);
    log.add(lanes);
  }
  if (!tile.first) add_live_acc(tile, log, timing.first_cycle + 1, timing.group_interval_cycles, 1);
}

/// acc since the previous key tile until it is read at `read` + slice × slice_step + row ×
/// row_step.
void AccumulatorCore::add_live_acc(const TileContext& tile, LiveLog& log, std::uint64_t read,
                                   std::int64_t slice_step, std::int64_t row_step) const {
  for (std::uint32_t slice = 0; slice < slices_; ++slice) {
    LiveBlock block;
    block.tile = tile.id();
    block.reg = reg_.acc;
    block.index = slice * cols_;
    block.count = {tile.rows, slice_cols(slice), 1};
    block.index_step = {head_dim_, 1, 0};
    block.start = last_accumulate_.cycle(slice, 0) + 1;
    block.start_step = {1, 0, 0};
    block.length = difference(read + static_cast<std::uint64_t>(slice * slice_step), block.start);
    block.length_step = {row_step - 1, 0, 0};
    log.add(block);
  }
}

void AccumulatorCore::add_live_normalise(const TileContext& tile, const NormaliseTiming& timing,
                                         LiveLog& log) const {
  add_live_acc(tile, log, timing.output_cycle(0, 0), 1, slices_);
  LiveBlock rows;
  rows.tile = tile.id();
  rows.count = {tile.rows, 1, 1};
  rows.reg = reg_.sum;
  rows.index = tile.half;
  rows.index_step = {2, 0, 0};
  rows.start = sum_cycle_[tile.half];
  rows.start_step = {1, 0, 0};
  rows.length = difference(timing.sum_read_cycle(0), rows.start);
  rows.length_step = {static_cast<std::int64_t>(slices_) - 1, 0, 0};
  log.add(rows);

  rows.reg = reg_.reciprocal;
  rows.index = 0;
  rows.index_step = {1, 0, 0};
  rows.start = timing.reciprocal_cycle(0);
  rows.start_step = {slices_, 0, 0};
  rows.length = slices_;
  rows.length_step = {0, 0, 0};
  log.add(rows);

  for (std::uint32_t slice = 0; slice < slices_; ++slice) {
    LiveBlock lanes;
    lanes.tile = tile.id();
    lanes.reg = reg_.output;
    lanes.count = {tile.rows, slice_cols(slice), 1};
    lanes.index_step = {0, 1, 0};
    lanes.start = timing.output_cycle(0, slice);
    lanes.start_step = {slices_, 0, 0};
    log.add(lanes);
  }
}

}  // namespace attnguard
