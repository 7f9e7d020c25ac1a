#include "models/softmax_unit/softmax_core.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "models/numerics/ceil_log2.h"

namespace attnguard {

SoftmaxTiming::SoftmaxTiming(const SoftmaxConfig& config, std::uint32_t cols) {
  const std::uint32_t exp_default = config.exp2 == Exp2Kind::polynomial ? 6 : 2;
  max = config.max_latency_cycles != 0 ? config.max_latency_cycles : 1 + ceil_log2(cols);
  alpha = max + (config.exp_latency_cycles != 0 ? config.exp_latency_cycles : exp_default);
  sum = alpha + (config.sum_latency_cycles != 0 ? config.sum_latency_cycles : 1 + ceil_log2(cols));
}

SoftmaxCore::SoftmaxCore(const SoftmaxConfig& config, std::uint32_t rows, std::uint32_t cols,
                         Format probability)
    : timing_(config, cols),
      exp2_(config.exp2),
      format_(probability),
      rows_(rows),
      cols_(cols),
      stride_(lane_stride(rows)),
      max_(stride_),
      max_new_(stride_),
      alpha_(stride_ + kLaneAlign),
      sum_(stride_ + kLaneAlign),
      probability_(stride_ * cols + kLaneAlign),
      visible_(stride_) {}

void SoftmaxCore::declare(FaultUniverse& universe, const std::string& name) {
  const auto row_register = [&](const char* field) {
    RegisterClass cls;
    cls.path = name + ".row[{}]." + field;
    cls.extents = {rows_};
    cls.bits = 32;
    if (std::string_view(field) == "sum") cls.adder = Adder::per_write;
    return universe.declare(cls);
  };
  RegisterClass pipeline;
  pipeline.extents = {cols_};
  pipeline.path = name + ".score[{}]";
  pipeline.bits = 32;
  reg_.score = universe.declare(pipeline);
  reg_.max = row_register("max");
  reg_.alpha = row_register("alpha");
  pipeline.path = name + ".probability[{}]";
  pipeline.bits = bits_of(format_);
  reg_.probability = universe.declare(pipeline);
  reg_.sum = row_register("sum");
}

void SoftmaxCore::reset(const SoftmaxJob& job) {
  job_ = job;
  tap_.disarm();
  previous_beat_ = 0;
  std::fill(probability_.begin(), probability_.end(), 0.0F);
}

void SoftmaxCore::process(const TileContext& tile, float* score, std::uint64_t first_beat,
                          LiveLog& log) {
  // A tile that its first row sees whole, every row sees whole.
  const std::int32_t first_visible =
      visible_columns(tile, 0, job_.causal, job_.tokens_q, job_.tokens_k);
  std::fill(visible_.begin(), visible_.end(), first_visible);
  if (first_visible < static_cast<std::int32_t>(tile.cols))
    for (std::uint32_t lane = 1; lane < tile.rows; ++lane)
      visible_[lane] = visible_columns(tile, lane, job_.causal, job_.tokens_q, job_.tokens_k);
  if (tile.first) {
    std::fill(max_.begin(), max_.end(), -std::numeric_limits<float>::infinity());
    std::fill(sum_.begin(), sum_.end(), 0.0F);
  }
  if (log.enabled()) add_live(tile, first_beat, log);
  // The sum of the last row is the tile's last access.
  if (tap_.pending_before(first_beat + tile.rows + timing_.sum + 1)) {
    // Rows are independent: only those that meet a fault need their accesses in order.
    const RowSet rows = faulty_rows(tile, first_beat);
    if (rows.any()) {
      const LaneTile max = max_, sum = sum_;
      compute(tile, score);
      for (std::uint32_t row = 0; row < tile.rows; ++row) {
        if (!rows[row]) continue;
        max_[row] = max[row];
        sum_[row] = sum[row];
        compute_row(tile, score, row, first_beat + row);
      }
      previous_beat_ = first_beat;
      return;
    }
  }
  compute(tile, score);
  previous_beat_ = first_beat;
}

void SoftmaxCore::restore(const float* max, const float* sum) {
  std::copy_n(max, stride_, max_.data());
  std::copy_n(sum, stride_, sum_.data());
}

void SoftmaxCore::follow(const float* max, const float* alpha, const float* probability,
                         std::uint32_t cols) {
  softmax_sum(probability, alpha, sum_.data(), cols, stride_, stride_);
  std::copy_n(max, stride_, max_.data());
}

void SoftmaxCore::compute(const TileContext& tile, const float* score) {
  softmax_max(score, visible_.data(), job_.scale_log2e, max_.data(), max_new_.data(), tile.cols,
              stride_, stride_);
  softmax_exp(score, visible_.data(), job_.scale_log2e, exp2_, format_, tile.first, max_.data(),
              max_new_.data(), alpha_.data(), probability_.data(), tile.cols, stride_, stride_);
  softmax_sum(probability_.data(), alpha_.data(), sum_.data(), tile.cols, stride_, stride_);
  max_.swap(max_new_);
}

/// The rows whose registers pending faults may meet in this tile.
RowSet SoftmaxCore::faulty_rows(const TileContext& tile, std::uint64_t first_beat) const {
  RowSet rows;
  for (const ArmedFault& armed : tap_.armed()) {
    if (armed.spent) continue;
    const Fault& fault = armed.fault;
    const bool pipeline = fault.site.reg == reg_.score || fault.site.reg == reg_.probability;
    if (pipeline && !armed.once()) {
      for (std::uint32_t row = 0; row < tile.rows; ++row) rows.set(row);
      continue;
    }
    std::uint64_t row = fault.site.index;
    if (pipeline)  // the row that is latched then; wraps if none is
      row = fault.cycle - first_beat - (fault.site.reg == reg_.score ? 0 : timing_.alpha);
    if (row < tile.rows) rows.set(row);
  }
  return rows;
}

/// One row with every register access at its cycle. The same kernels, one lane wide.
void SoftmaxCore::compute_row(const TileContext& tile, float* score, std::uint32_t row,
                              std::uint64_t beat) {
  const std::uint64_t at_max = beat + timing_.max, at_alpha = beat + timing_.alpha,
                      at_sum = beat + timing_.sum;
  const Place place = place_of(tile, row);

  for (std::uint32_t j = 0; j < tile.cols; ++j) {
    tap_.write(reg_.score, j, beat);
    tap_.read(reg_.score, j, beat + 1, score[j * stride_ + row], place);
  }
  if (!tile.first) tap_.read(reg_.max, row, at_max, max_[row], place);
  softmax_max(score + row, &visible_[row], job_.scale_log2e, &max_[row], &max_new_[row], tile.cols,
              1, stride_);
  tap_.write(reg_.max, row, at_max);
  tap_.read(reg_.max, row, at_max + 1, max_new_[row], place);

  softmax_exp(score + row, &visible_[row], job_.scale_log2e, exp2_, format_, tile.first, &max_[row],
              &max_new_[row], &alpha_[row], &probability_[row], tile.cols, 1, stride_);
  tap_.write(reg_.alpha, row, at_alpha);
  tap_.read(reg_.alpha, row, at_alpha + 1, alpha_[row], place);
  for (std::uint32_t j = 0; j < tile.cols; ++j) {
    tap_.write(reg_.probability, j, at_alpha);
    tap_.read(reg_.probability, j, at_alpha + 1, probability_[j * stride_ + row], place, format_);
  }
  if (!tile.first) tap_.read(reg_.sum, row, at_sum, sum_[row], place);
  softmax_sum(&probability_[row], &alpha_[row], &sum_[row], tile.cols, 1, stride_);
  tap_.write(reg_.sum, row, at_sum);
  if (tile.last) tap_.read(reg_.sum, row, at_sum + 1, sum_[row], place);
  max_[row] = max_new_[row];
}

void SoftmaxCore::add_live(const TileContext& tile, std::uint64_t first_beat, LiveLog& log) {
  LiveBlock rows;
  rows.tile = tile.id();
  rows.count = {tile.rows, 1, 1};
  rows.index_step = {1, 0, 0};
  rows.start_step = {1, 0, 0};
  const auto add_rows = [&](RegisterId reg, std::uint64_t start, std::uint64_t end) {
    rows.reg = reg;
    rows.start = start;
    rows.length = static_cast<std::int64_t>(end - start);
    log.add(rows);
  };
  LiveBlock lanes;
  lanes.tile = tile.id();
  lanes.count = {tile.rows, tile.cols, 1};
  lanes.index_step = {0, 1, 0};
  lanes.start_step = {1, 0, 0};
  const auto add_lanes = [&](RegisterId reg, Format format, std::uint64_t start) {
    lanes.reg = reg;
    lanes.format = format;
    lanes.start = start;
    log.add(lanes);
  };
  const std::uint64_t at_max = first_beat + timing_.max, at_sum = first_beat + timing_.sum;
  const std::uint64_t at_alpha = first_beat + timing_.alpha;
  add_lanes(reg_.score, Format::float32, first_beat);
  add_lanes(reg_.probability, format_, at_alpha);
  add_rows(reg_.alpha, at_alpha, at_alpha + 1);
  // Running max and sum live until the next key tile updates them; after the last, until they are
  // used once more.
  if (!tile.first) {
    add_rows(reg_.max, previous_beat_ + timing_.max, at_max);
    add_rows(reg_.sum, previous_beat_ + timing_.sum, at_sum);
  }
  if (tile.last) {
    add_rows(reg_.max, at_max, at_max + 1);
    add_rows(reg_.sum, at_sum, at_sum + 1);
  }
}

}  // namespace attnguard
