#include "src/campaign/differential/golden_group.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "models/accelerator/checker_dimensions.h"
#include "models/checksum_unit/any_of.h"
#include "src/campaign/differential/replica.h"
#include "src/campaign/injections/verdict.h"
#include "src/simulation/errors.h"

namespace attnguard {

ReplayUnits::ReplayUnits(const GoldenJob& job)
    : softmax(job.accelerator.softmax, job.layout.rows, job.layout.cols,
              job.accelerator.formats.probability),
      accumulator(job.layout.rows, job.layout.cols, job.layout.shape.head_dim,
                  job.accelerator.accumulator.divide_latency_cycles) {
  FaultUniverse before_softmax = universe_before(job.universe, "softmax.");
  softmax.declare(before_softmax, "softmax");
  FaultUniverse before_accumulator = universe_before(job.universe, "accumulator.");
  accumulator.declare(before_accumulator, "accumulator");
  const AttentionShape& shape = job.layout.shape;
  softmax.reset(
      {scale_log2e(shape.scale), shape.mask == Mask::causal, shape.tokens_q, shape.tokens_k});
  accumulator.reset();
  const CheckerDimensions dimensions = checker_dimensions(job.accelerator, job.layout);
  for (const CheckerConfig& config : job.checkers)
    if (!is_combination(config))
      checkers.push_back(
          std::make_unique<CheckerReplay>(config, dimensions, job.universe, job.strides()));
}

std::uint64_t GoldenGroup::tile_bytes(const GoldenJob& job, const ReplayUnits& units,
                                      std::uint32_t steps) {
  const JobLayout& layout = job.layout;
  const TileStrides strides = job.strides();
  std::uint64_t values = (3 * layout.shape.head_dim + 1) * strides.row;
  values += steps * (2 * layout.cols + 3) * strides.row;
  values += 2 * layout.rows * GoldenTile::pitch_of(steps, strides.value);
  std::uint64_t bytes = values * sizeof(float) + steps * sizeof(StepTiming);
  for (const auto& checker : units.checkers)
    bytes += (steps + 2) * checker->state_bytes() + steps * checker->term_bytes() +
             checker->comparisons() * steps * layout.rows * sizeof(CheckerTrace::Inputs);
  return bytes;
}

std::uint64_t GoldenGroup::group_bytes(const GoldenJob& job, const ReplayUnits& units) {
  std::uint64_t bytes = 0;
  for (std::uint32_t t = 0; t < job.layout.query_tiles; ++t)
    bytes += tile_bytes(job, units, job.layout.visible_key_tiles(t));
  const AttentionShape& shape = job.layout.shape;
  return bytes * (shape.heads / shape.kv_heads);
}

GoldenGroup::GoldenGroup(const GoldenJob& job, ReplayUnits& units, std::uint32_t kv_head,
                         std::uint64_t memory_bytes)
    : job_(job),
      units_(units),
      strides_(job.strides()),
      schedule_(job.layout, job.accelerator.buffers, kv_head, job.universe, job.bursts),
      all_resident_(group_bytes(job, units) <= memory_bytes) {
  const std::size_t d = job_.layout.shape.head_dim, rows = job_.layout.rows;
  rows_.resize(rows * strides_.value);
  broadcast_.resize(d);
  for (auto* pointers : {&row_pointers_, &acc_pointers_}) pointers->resize(rows);
  load_operands();
  hold_column_of_previous_group();
  load_stores();

  for (std::size_t c = 0; c < units_.checkers.size(); ++c) {
    const std::vector<Check>& checks = job_.golden.checkers[c].checks;
    const std::uint32_t first_head =
        kv_head * (job_.layout.shape.heads / job_.layout.shape.kv_heads);
    std::vector<std::size_t>& next = next_check_.emplace_back();
    for (std::uint32_t k = 0; k < units_.checkers[c]->comparisons(); ++k) {
      std::size_t at = 0;
      while (at < checks.size() && (checks[at].comparison != k || checks[at].head < first_head))
        ++at;
      next.push_back(at);
    }
  }
  const auto count = static_cast<std::uint32_t>(schedule_.tiles().size());
  tiles_.resize(all_resident_ ? count : 1);
  for (std::uint32_t index = 0; index < count; ++index) {
    GoldenTile& tile = tiles_[all_resident_ ? index : 0];
    record(index, tile, true);
    if (all_resident_) continue;
    std::vector<CheckerTrace>& start = starts_.emplace_back(tile.checkers.size());
    for (std::size_t c = 0; c < start.size(); ++c) {
      start[c].held_until_cycle = tile.checkers[c].held_until_cycle;
      start[c].states.assign(tile.checkers[c].states.begin(),
                             tile.checkers[c].states.begin() +
                                 static_cast<std::ptrdiff_t>(units_.checkers[c]->state_bytes()));
    }
    resident_tile_ = index;
  }
}

const GoldenTile& GoldenGroup::tile(std::uint32_t index) {
  if (all_resident_) return tiles_[index];
  if (resident_tile_ == index) return tiles_[0];
  const RegisterTap armed = units_.softmax.tap();  // a fault must not strike what is recorded
  record(index, tiles_[0], false);
  units_.softmax.tap() = armed;
  resident_tile_ = index;
  return tiles_[0];
}

float* GoldenGroup::copy(const std::vector<LaneTile>& golden, std::vector<LaneTile>& copies,
                         std::uint32_t key_tile) {
  copies.resize(golden.size());
  if (copies[key_tile].empty()) copies[key_tile] = golden[key_tile];
  return copies[key_tile].data();
}

void GoldenGroup::load_operands() {
  const JobLayout& layout = job_.layout;
  const std::size_t d = layout.shape.head_dim;
  for (std::uint32_t tile = 0; tile < layout.key_tiles; ++tile) {
    LaneTile& key = keys_.emplace_back(d * strides_.key + kLaneAlign);
    LaneTile& value = values_.emplace_back(layout.cols * strides_.value + kLaneAlign);
    for (std::uint32_t j = 0; j < layout.cols_of(tile); ++j) {
      const std::size_t token =
          (std::size_t{schedule_.kv_head()} * layout.shape.tokens_k + tile * layout.cols + j) * d;
      for (std::size_t k = 0; k < d; ++k) key[k * strides_.key + j] = job_.job.k[token + k];
      std::copy_n(&job_.job.v[token], d, &value[j * strides_.value]);
    }
  }
}

/// The sums of this group's first tile may wait for those of the tile before it.
void GoldenGroup::hold_column_of_previous_group() {
  const LaneTile query(job_.layout.shape.head_dim * strides_.row + kLaneAlign);
  const LaneTile outputs((2 * job_.layout.shape.head_dim + 1) * strides_.row + kLaneAlign);
  for (const auto& checker : units_.checkers) {
    CheckerTrace unused;
    checker->restart();
    if (schedule_.kv_head() == 0) continue;
    const GroupSchedule previous(job_.layout, job_.accelerator.buffers, schedule_.kv_head() - 1,
                                 job_.universe, job_.bursts);
    checker->record_start(unused, nullptr);
    checker->record_query(previous.tiles().back(), query.data());
    checker->record_outputs(
        {&previous.tiles().back(), outputs.data(), outputs.data(), strides_.row, 0}, made_);
    made_.clear();
  }
}

/// Sums formed at write of a head that stays in its buffers.
void GoldenGroup::load_stores() {
  if (!job_.layout.resident) return;
  for (const StepTiming& step : schedule_.tiles().back().steps)
    for (const auto& checker : units_.checkers) {
      const std::uint32_t key_tile = step.tile.key_tile;
      checker->load_key(step.tile, schedule_.keys()[key_tile], key(key_tile));
      checker->load_value(step.tile, schedule_.values()[key_tile], value(key_tile));
    }
}

void GoldenGroup::record(std::uint32_t index, GoldenTile& tile, bool verify) {
  const TileTiming& timing = schedule_.tiles()[index];
  const JobLayout& layout = job_.layout;
  const std::size_t d = layout.shape.head_dim, steps = timing.steps.size();
  tile.steps = static_cast<std::uint32_t>(steps);
  tile.pitch = GoldenTile::pitch_of(steps, strides_.value);
  tile.query.assign(d * strides_.row + kLaneAlign, 0.0F);
  for (std::uint32_t row = 0; row < timing.tile.rows; ++row) {
    const std::size_t token =
        (std::size_t{timing.tile.head} * layout.shape.tokens_q + timing.tile.first_row + row) * d;
    for (std::size_t k = 0; k < d; ++k) tile.query[k * strides_.row + row] = job_.job.q[token + k];
  }
  for (LaneTile* values : {&tile.scores, &tile.probabilities})
    values->resize(steps * layout.cols * strides_.row + kLaneAlign);
  for (LaneTile* values : {&tile.alpha, &tile.max, &tile.sum})
    values->resize(steps * strides_.row + kLaneAlign);
  for (LaneTile* values : {&tile.partial, &tile.acc})
    values->resize(layout.rows * tile.pitch + kLaneAlign);
  tile.checkers.resize(units_.checkers.size());
  units_.softmax.tap().disarm();
  for (std::size_t c = 0; c < units_.checkers.size(); ++c) {
    CheckerReplay& checker = *units_.checkers[c];
    checker.record_start(tile.checkers[c], starts_.size() > index ? &starts_[index][c] : nullptr);
    checker.record_query(timing, tile.query.data());
  }
  std::vector<std::vector<Check>> made(units_.checkers.size());
  for (std::uint32_t step = 0; step < steps; ++step) record_step(timing, step, tile, made);

  const float* sum = &tile.sum[(steps - 1) * strides_.row];
  const std::size_t tile_values = d * strides_.row;
  tile.outputs.resize(2 * tile_values + strides_.row + kLaneAlign);
  float* acc = tile.outputs.data();
  for (std::uint32_t row = 0; row < timing.tile.rows; ++row)
    acc_pointers_[row] = &tile.acc[row * tile.pitch + (steps - 1) * strides_.value];
  rows_to_lanes(acc_pointers_.data(), timing.tile.rows, acc, d, strides_.row);
  reciprocals(sum, acc + 2 * tile_values, timing.tile.rows);
  normalise(acc, acc + 2 * tile_values, acc + tile_values, d, timing.tile.rows, strides_.row);
  for (std::size_t c = 0; c < units_.checkers.size(); ++c)
    units_.checkers[c]->record_outputs({&timing, sum, acc, strides_.row, 0}, made[c]);
  if (!verify) return;
  verify_outputs(timing, tile);
  for (std::size_t c = 0; c < units_.checkers.size(); ++c) verify_checks(c, made[c]);
}

void GoldenGroup::record_step(const TileTiming& timing, std::uint32_t step, GoldenTile& tile,
                              std::vector<std::vector<Check>>& made) {
  const StepTiming& at = timing.steps[step];
  const std::size_t d = job_.layout.shape.head_dim, row_stride = strides_.row;
  const std::size_t cells = job_.layout.cols * row_stride;
  float* scores = &tile.scores[step * cells];
  float* probabilities = &tile.probabilities[step * cells];
  const float* k = key(step);
  const float* v = value(step);
  matmul_tile(tile.query.data(), k, scores, d, at.tile.cols, row_stride, row_stride, strides_.key);
  SoftmaxCore& softmax = units_.softmax;
  softmax.process(at.tile, scores, at.scores.first_cycle, units_.no_log);
  std::copy_n(softmax.probability(), at.tile.cols * row_stride, probabilities);
  float* alpha =
      std::copy_n(softmax.alpha(), row_stride, &tile.alpha[step * row_stride]) - row_stride;
  std::copy_n(softmax.max(), row_stride, &tile.max[step * row_stride]);
  std::copy_n(softmax.sum(), row_stride, &tile.sum[step * row_stride]);

  // Columns of V are the lanes, rows the columns: the tile comes out row by row.
  matmul_tile(v, probabilities, rows_.data(), at.tile.cols, at.tile.rows, d, strides_.value,
              row_stride);
  for (std::uint32_t row = 0; row < at.tile.rows; ++row) {
    const std::size_t place = row * tile.pitch + step * strides_.value;
    std::copy_n(&rows_[row * strides_.value], d, &tile.partial[place]);
    if (step == 0)
      std::fill_n(&tile.acc[place], d, 0.0F);
    else
      std::copy_n(&tile.acc[place - strides_.value], d, &tile.acc[place]);
    std::fill(broadcast_.begin(), broadcast_.end(), alpha[row]);
    rescale_add(&tile.acc[place], broadcast_.data(), &tile.partial[place], 1, d, d);
    row_pointers_[row] = &tile.partial[place];
  }
  StepView view;
  view.tile = &timing;
  view.step = &at;
  view.query = tile.query.data();
  view.key = k;
  view.value = v;
  view.key_tile = &schedule_.keys()[at.key_slot];
  view.value_tile = &schedule_.values()[at.key_slot];
  if (!job_.layout.resident) {
    view.key_written = k;
    view.value_written = v;
  }
  view.scores = scores;
  view.probabilities = probabilities;
  view.alpha = alpha;
  view.partial_rows = row_pointers_.data();
  for (std::size_t c = 0; c < units_.checkers.size(); ++c)
    units_.checkers[c]->record_step(view, made[c]);
}

void GoldenGroup::verify_outputs(const TileTiming& timing, const GoldenTile& tile) const {
  const AttentionShape& shape = job_.layout.shape;
  const Format format = job_.accelerator.formats.output;
  const float* output = &tile.outputs[shape.head_dim * strides_.row];
  for (std::uint32_t row = 0; row < timing.tile.rows; ++row)
    for (std::uint32_t c = 0; c < shape.head_dim; ++c) {
      const std::size_t word =
          (std::size_t{timing.tile.head} * shape.tokens_q + timing.tile.first_row + row) *
              shape.head_dim +
          c;
      if (encode(format, output[c * strides_.row + row]) != job_.golden.output[word])
        throw ModelError(fmt::format(
            "the differential engine's golden output differs from the simulation's: head {}, "
            "query row {}, column {}",
            timing.tile.head, timing.tile.first_row + row, c));
    }
}

void GoldenGroup::verify_checks(std::size_t checker, const std::vector<Check>& made) {
  const std::vector<Check>& golden = job_.golden.checkers[checker].checks;
  for (const Check& check : made) {
    std::size_t& at = next_check_[checker][check.comparison];
    const bool same = at < golden.size() && golden[at].cycle == check.cycle &&
                      golden[at].head == check.head && golden[at].query_row == check.query_row &&
                      golden[at].key_tile == check.key_tile && same_inputs(golden[at], check);
    if (!same)
      throw ModelError(fmt::format(
          "the differential engine's golden check differs from the simulation's: checker {}, "
          "head {}, query row {}, key tile {}, cycle {}",
          job_.checkers[checker].name, check.head, check.query_row, check.key_tile, check.cycle));
    do ++at;
    while (at < golden.size() && golden[at].comparison != check.comparison);
  }
}

}  // namespace attnguard
