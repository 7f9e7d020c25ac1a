// The score check: Σ_j s_ij against Σ_k q_ik·kc_k with the key sums kc_k = Σ_j k_jk of each key
// tile.
//
// The product is formed while the S pass reads its operands and waits in the multipliers' pipeline
// (two tiles may be on their way); row i's accumulators are updated when its scores have passed the
// adder tree, at score cycle + tree, and compared one cycle later. Scores are raw, before the mask.
// The scale is Σ_k |q_ik|·Σ_j |k_jk|.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "models/checksum_unit/check_math.h"
#include "models/checksum_unit/checker_config.h"
#include "models/checksum_unit/checker_context.h"
#include "models/checksum_unit/comparison.h"
#include "models/checksum_unit/variance_scale.h"

namespace attnguard {

/// Options of the score check. per_tile compares every key tile instead of the sum over a query's
/// key tiles.
struct ScoreOptions {
  SumPoint key_sum = SumPoint::at_read;
  QuerySource query_source = QuerySource::shared;
  Granularity granularity = Granularity::query;
  bool per_tile = false;
};

/// matmul_abft's rule for a product that is compared tile by tile.
template <class N>
Judge score_judge(const MatmulAbftConfig& config, const CheckerDimensions& dims) {
  const RoundingCounts counts = score_counts(dims, 1, 1);
  ThresholdDefaults defaults = score_threshold_defaults(config.format);
  defaults.variance_unit = variance_unit(dims.head_dim);
  defaults.rounding_deviation = rounding_deviation(counts, N::unit_roundoff);
  return {config.score_threshold, defaults, rounding_bound(counts, N::unit_roundoff, N::tiny),
          config.nonfinite};
}

template <class N>
class ScoreChecksum {
 public:
  using Value = typename N::Value;

  ScoreChecksum(const CheckerContext& context, ScoreOptions options, std::uint32_t comparison,
                const Judge& judge)
      : context_(context),
        options_(options),
        weighted_(judge.scaled()),
        variance_factor_(judge.variance_factor()),
        tree_cycles_(adder_tree_cycles(context.dims.cols)),
        key_sum_(context.watch, key_shape("key_sum")),
        key_weight_(context.watch,
                    variance_factor_ > 0 ? key_shape("key_spread", 3) : key_shape("key_weight")),
        query_(context.watch, query_shape()),
        score_sum_(context.watch, row_shape("score_sum")),
        product_(context.watch, row_shape("score_product")),
        weight_(context.watch, row_shape("score_weight")),
        comparison_(context.watch, context.path + "score_group[{}]", comparison,
                    options.granularity, context.dims.tokens_q, judge),
        operand_(own_query() ? 0 : context.dims.head_dim * context.dims.stride),
        tile_score_(context.dims.stride),
        pending_(context.dims.tiles_in_flight) {
    for (Pending& pending : pending_) {
      pending.product.resize(context.dims.stride);
      pending.weight.resize(context.dims.stride);
    }
  }

  /// The operand streams are needed even if a copy or a store is used: they tell when and in which
  /// half the S pass reads.
  std::uint32_t needs() const {
    return kScores | kKeyRead | kQueryRead | (stored_keys() ? kKeyWritten : 0u) |
           (own_query() ? kQueryWritten : 0u);
  }
  void declare(FaultUniverse& universe) {
    for (RegisterFile<Value>* registers : {&score_sum_, &product_}) registers->declare(universe);
    if (weighted_) weight_.declare(universe);
    if (stored_keys()) key_sum_.declare(universe);
    if (stored_keys() && weighted_) key_weight_.declare(universe);
    if (own_query()) query_.declare(universe);
    comparison_.declare(universe);
  }
  void reset() {
    for (RegisterFile<Value>* registers :
         {&key_sum_, &key_weight_, &score_sum_, &product_, &weight_})
      registers->reset();
    query_.reset();
    comparison_.reset();
  }

  void query_written(const Observed& observed) {
    if (!own_query()) return;
    const std::uint32_t first = observed.tile.half * context_.dims.head_dim,
                        rows = observed.tile.rows;
    for (std::uint32_t k = 0; k < context_.dims.head_dim; ++k) {
      std::copy_n(observed.values + k * observed.stride, rows, query_.group(first + k));
      query_.write(first + k, rows, {observed.timing.cycle(0, k), 0});
    }
  }
  void query_read(const Observed& observed) {
    const TileContext& tile = observed.tile;
    const std::uint32_t head_dim = context_.dims.head_dim;
    if (!own_query()) {
      copy_query(observed);
      query_operand_ = operand_.data();
      return;
    }
    const std::uint32_t first = tile.half * head_dim;
    for (std::uint32_t k = 0; k < head_dim; ++k)
      query_.read(first + k, tile.rows, {observed.timing.cycle(0, k), 0}, tile);
    query_operand_ = query_.group(first);
  }
  void key_written(const Observed& observed) {
    if (!stored_keys()) return;
    const std::uint32_t slot = context_.slot(observed.tile);
    const LaneCycles cycles = beats(observed);
    form_key_sums(observed, slot);
    key_sum_.write(slot, context_.dims.head_dim, cycles);
    if (weighted_) key_weight_.write(slot, key_weights(), weight_cycles(observed));
  }

  /// The S pass starts; query_read of the same pass came before.
  void key_read(const Observed& observed) {
    const TileContext& tile = observed.tile;
    std::uint32_t slot = 0;
    if (stored_keys()) {
      slot = context_.slot(tile);
      key_sum_.read(slot, context_.dims.head_dim, beats(observed), tile);
      if (weighted_) key_weight_.read(slot, key_weights(), weight_cycles(observed), tile);
    } else if (observed.values != nullptr) {
      form_key_sums(observed, slot);
    }
    Pending& pending = pending_[tile.bank];
    const bool magnitudes = weighted_ && variance_factor_ == 0;
    math_.dot_columns(query_operand_, context_.dims.stride, context_.dims.head_dim, tile.rows,
                      key_sum_.group(slot), magnitudes ? key_weight_.group(slot) : nullptr, true,
                      pending.product.data(), magnitudes ? pending.weight.data() : nullptr);
    if (variance_factor_ == 0) return;
    const Value* spread = key_weight_.group(slot);
    for (std::uint32_t row = 0; row < tile.rows; ++row)
      pending.weight[row] = variance_scale<Value>(
          Spread<Value>::of(query_operand_ + row, context_.dims.stride, context_.dims.head_dim),
          {spread[0], spread[1], spread[2]}, tile.cols, variance_factor_);
  }

  void scores(const Observed& observed, CheckSink& sink) {
    const TileContext& tile = observed.tile;
    const Pending& pending = pending_[tile.bank];
    const bool first = options_.per_tile || tile.first;
    const LaneCycles cycles = beats(observed) + tree_cycles_;
    math_.sum_columns(observed.values, observed.stride, tile.cols, tile.rows, tile_score_.data());
    update(score_sum_, tile_score_, tile, first, cycles);
    update(product_, pending.product, tile, first, cycles);
    if (weighted_) update(weight_, pending.weight, tile, first, cycles);
    if (!options_.per_tile && !tile.last) return;
    for (RegisterFile<Value>* registers : {&score_sum_, &product_})
      registers->read(0, tile.rows, cycles + 1, tile);
    if (weighted_) weight_.read(0, tile.rows, cycles + 1, tile);
    comparison_.compare(tile, score_sum_.group(0), product_.group(0),
                        weighted_ ? weight_.group(0) : nullptr, cycles + 1, sink);
  }

 private:
  struct Pending {
    AlignedVector<Value> product, weight;
  };

  bool stored_keys() const { return options_.key_sum == SumPoint::at_write; }
  bool own_query() const { return options_.query_source == QuerySource::own; }
  static LaneCycles beats(const Observed& observed) {
    return {observed.timing.first_cycle, observed.timing.beat_interval_cycles};
  }

  RegisterShape key_shape(const char* name) const {
    return key_shape(name, context_.dims.head_dim);
  }
  RegisterShape key_shape(const char* name, std::uint32_t words) const {
    const std::uint32_t slots = stored_keys() ? 2 * context_.slots_per_half() : 1;
    return {context_.path + name + "[{}][{}]",
            {slots, words},
            N::format,
            StorageKind::sram,
            LaneMeaning::element,
            slots,
            words,
            !stored_keys(),
            true};
  }
  /// A magnitude per depth, or V-ABFT's three sums over all of them, complete with the last.
  std::uint32_t key_weights() const { return variance_factor_ > 0 ? 3 : context_.dims.head_dim; }
  LaneCycles weight_cycles(const Observed& observed) const {
    if (variance_factor_ == 0) return beats(observed);
    return {observed.timing.last_cycle(), 0};
  }
  RegisterShape query_shape() const {
    const CheckerDimensions& dims = context_.dims;
    const std::uint32_t words = own_query() ? 2 * dims.head_dim : 0;
    return {context_.path + "query[{}][{}][{}]",
            {2, dims.head_dim, dims.rows},
            dims.operand,
            StorageKind::sram,
            LaneMeaning::row_of_word,
            words,
            dims.rows};
  }
  RegisterShape row_shape(const char* name) const {
    return {context_.path + "row[{}]." + name,
            {context_.dims.rows},
            N::format,
            StorageKind::register_file,
            LaneMeaning::row,
            1,
            context_.dims.rows,
            options_.per_tile,
            true,
            true};
  }

  void copy_query(const Observed& observed) {
    const std::uint32_t head_dim = context_.dims.head_dim, rows = observed.tile.rows;
    const std::size_t stride = context_.dims.stride;
    if (observed.stride == stride) {  // at once
      std::copy_n(observed.values, (head_dim - 1) * stride + rows, operand_.data());
      return;
    }
    for (std::uint32_t k = 0; k < head_dim; ++k)
      std::copy_n(observed.values + k * observed.stride, rows, operand_.data() + k * stride);
  }
  void form_key_sums(const Observed& observed, std::uint32_t slot) {
    const bool spread = variance_factor_ > 0;
    const bool one = observed.changed_line != Observed::kEveryLine;
    const std::uint32_t first = one ? observed.changed_line : 0,
                        lines = one ? 1 : context_.dims.head_dim;
    Value* sum = key_sum_.group(slot) + first;
    Value* weight = weighted_ && !spread ? key_weight_.group(slot) + first : nullptr;
    std::fill_n(sum, lines, Value{0});
    if (weight != nullptr) std::fill_n(weight, lines, Value{0});
    math_.sum_rows(observed.values + first * observed.stride, observed.stride, lines,
                   observed.tile.cols, sum, weight);
    if (spread) form_key_spread(observed, key_weight_.group(slot));
  }
  void form_key_spread(const Observed& observed, Value* spread) {
    ProductSpread<Value> all;
    for (std::uint32_t k = 0; k < context_.dims.head_dim; ++k)
      all.add(Spread<Value>::of(observed.values + k * observed.stride, 1, observed.tile.cols));
    spread[0] = all.mean_magnitude;
    spread[1] = all.mean_square;
    spread[2] = all.variance;
  }

  void update(RegisterFile<Value>& registers, const AlignedVector<Value>& term,
              const TileContext& tile, bool first, LaneCycles cycles) {
    Value* values = registers.group(0);
    if (!first) registers.read(0, tile.rows, cycles, tile);
    for (std::uint32_t row = 0; row < tile.rows; ++row)
      values[row] = N::add(first ? Value{0} : values[row], term[row]);
    registers.write(0, tile.rows, cycles);
  }

  CheckerContext context_;
  ScoreOptions options_;
  bool weighted_;
  double variance_factor_;  ///< c of V-ABFT, 0 without
  std::uint32_t tree_cycles_;
  RegisterFile<Value> key_sum_, key_weight_;
  RegisterFile<float> query_;  ///< group = half × head_dim + k, lane = row
  RegisterFile<Value> score_sum_, product_, weight_;
  Comparison<N> comparison_;
  LaneTile operand_;                      ///< q as the S pass reads it, [head_dim][stride]
  const float* query_operand_ = nullptr;  ///< that, or the tile of the copy
  AlignedVector<Value> tile_score_;
  std::vector<Pending> pending_;  ///< by bank of the tile
  CheckMath<N> math_ = check_math<N>();
};

}  // namespace attnguard
