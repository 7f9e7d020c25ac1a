// flash_abft: one online checksum over Q, K, V and the softmax. Our derivation from the idea of
// Flash-ABFT (Titopoulos, Alexandridis, Dimitrakopoulos, IEEE SOCC 2025); formulas, options and
// timing in docs/checkers.md.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "models/checksum_unit/check_math.h"
#include "models/checksum_unit/checker.h"
#include "models/checksum_unit/checker_arithmetic.h"
#include "models/checksum_unit/checker_config.h"
#include "models/checksum_unit/checksum_column.h"
#include "models/checksum_unit/comparison.h"
#include "models/checksum_unit/own_softmax.h"
#include "models/checksum_unit/row_check.h"
#include "models/checksum_unit/row_sums.h"
#include "models/checksum_unit/score_checksum.h"

namespace attnguard {

template <class N>
class FlashAbft final : public Checker {
 public:
  using Value = typename N::Value;

  FlashAbft(const std::string& name, const FlashAbftConfig& config, const CheckerDimensions& dims)
      : config_(config),
        context_{{tap_, log_, books_}, "checksum." + name + ".", dims},
        output_(context_.watch, context_.path + "output_group[{}]", 0, config.granularity,
                dims.tokens_q, output_judge(config, dims)),
        rows_(context_, config.row_sum, output_.judge().scale()),
        column_(context_, 1, output_.judge()),
        alpha_(context_.watch, context_.row_banks("alpha", true)),
        denominator_(context_.watch, context_.row_banks("denominator", false)),
        rounded_(std::size_t{dims.head_dim} * dims.stride),
        left_(dims.stride),
        right_(dims.stride),
        scale_(dims.stride) {
    if (config.softmax_scalars == SoftmaxScalars::duplicated) softmax_.emplace(context_);
    if (config.score_check)
      score_.emplace(context_,
                     ScoreOptions{config.key_sum, config.query_source, config.granularity}, 1,
                     score_judge(config, dims));
  }

  std::uint32_t needs() const override {
    return kProbabilities | kOutputs | rows_.needs() | (softmax_ ? kScores : kScalars) |
           (score_ ? score_->needs() : 0u);
  }
  std::vector<std::string> comparisons() const override {
    if (score_) return {"output", "score"};
    return {"output"};
  }
  bool compares_groups() const override { return config_.granularity != Granularity::query; }
  bool products_need_scores() const override { return softmax_.has_value(); }
  bool keeps_operand_sums() const override { return true; }
  CarriedTerms carried_terms() const override {
    return softmax_ ? CarriedTerms{} : column_.terms();
  }
  void follow(const CarriedTerms& given) override { column_.follow(0, given); }
  void declare(FaultUniverse& universe) override {
    rows_.declare(universe);
    column_.declare(universe);
    alpha_.declare(universe);
    if (own_division()) denominator_.declare(universe);
    if (softmax_) softmax_->declare(universe);
    if (score_) score_->declare(universe);
    output_.declare(universe);
  }
  void reset() override {
    rows_.reset();
    column_.reset();
    alpha_.reset();
    denominator_.reset();
    if (softmax_) softmax_->reset();
    if (score_) score_->reset();
    output_.reset();
    held_until_cycle_ = 0;
  }
  std::optional<Arithmetic> arithmetic(const TilesSeen& seen) const override {
    CheckerWork work{context_.dims, seen, N::format};
    work.row_sums(config_.row_sum, output_.judge().scale());
    work.checksum_column(true, output_.judge().scale());
    if (softmax_) work.own_softmax(own_division());
    if (score_)
      work.score_check(1, config_.key_sum, config_.granularity, false,
                       config_.score_threshold.rule);
    work.row_totals(kOutputs);
    work.quotients(output_.scaled() ? 2 : 1, own_division());
    work.grouped_comparisons(0, seen.rows(kOutputs), config_.granularity, config_.threshold.rule);
    return work.arithmetic;
  }

  void query_written(const Observed& observed) override {
    if (score_) score_->query_written(observed);
  }
  void query_read(const Observed& observed) override {
    if (score_) score_->query_read(observed);
  }
  void key_written(const Observed& observed) override {
    if (score_) score_->key_written(observed);
  }
  void key_read(const Observed& observed) override {
    if (score_) score_->key_read(observed);
  }
  void value_written(const Observed& observed) override { rows_.value_written(observed); }
  void value_read(const Observed& observed) override { rows_.value_read(observed); }

  void scores(const Observed& observed) override {
    if (score_) score_->scores(observed, *sink_);
    if (!softmax_) return;
    softmax_->scores(observed, alpha_, own_division() ? &denominator_ : nullptr,
                     observed.tile.half);
  }

  void alphas(const Observed& observed) override { capture(observed, alpha_, observed.tile.bank); }
  void sums(const Observed& observed) override {
    if (own_division()) capture(observed, denominator_, observed.tile.half);
  }

  void probabilities(const Observed& observed) override {
    const TileContext& tile = observed.tile;
    const std::uint64_t mac_start = observed.timing.first_cycle + 1;
    rows_.read(tile, observed.timing.first_cycle);
    const LaneCycles update{std::max(mac_start + tile.cols, held_until_cycle_), 1};
    const float* p = softmax_ ? softmax_->read(tile, mac_start) : observed.values;
    const std::size_t stride = softmax_ ? context_.dims.stride : observed.stride;
    alpha_.read(tile.bank, tile.rows, update, tile);
    column_.accumulate(tile, p, stride, rows_, alpha_.group(tile.bank), tile.first, 0, update);
  }

  void outputs(const Observed& observed) override {
    const TileContext& tile = observed.tile;
    const BeatTiming& timing = observed.timing;
    const std::size_t tile_size = std::size_t{context_.dims.head_dim} * observed.stride;
    const LaneCycles last_slice{timing.cycle(timing.groups - 1, 0), timing.beat_interval_cycles};
    const std::uint32_t bank = tile.half;
    column_.read(tile, 0, last_slice);
    if (own_division()) denominator_.read(bank, tile.rows, last_slice, tile);

    sum_outputs(observed.values + tile_size, observed.stride, tile);
    const float* reciprocal = observed.values + 2 * tile_size;
    normalise(tile, own_division() ? denominator_.group(bank) : reciprocal);

    const std::uint32_t divide = own_division() ? context_.dims.divide_latency_cycles : 1;
    output_.compare(tile, left_.data(), right_.data(), output_.scaled() ? scale_.data() : nullptr,
                    last_slice + std::max(adder_tree_cycles(context_.dims.cols), divide) + 1,
                    *sink_);
    // Should the next query tile's sums be ready before these were read, the column holds them
    // back.
    held_until_cycle_ = last_slice.at(tile.rows - 1) - (tile.rows - 1);
  }

 private:
  bool own_division() const { return config_.normaliser == Normaliser::own_division; }

  static std::uint64_t group_rows(const FlashAbftConfig& config, const CheckerDimensions& dims) {
    switch (config.granularity) {
      case Granularity::query:
        return 1;
      case Granularity::tile:
        return dims.rows;
      case Granularity::head:
        return dims.tokens_q;
    }
    return 1;
  }
  static Judge output_judge(const FlashAbftConfig& config, const CheckerDimensions& dims) {
    const bool rounded =
        config.point == CheckPoint::after_rounding && dims.output == Format::bfloat16;
    const RoundingCounts counts =
        output_counts(dims, true, dims.key_tiles, rounded, group_rows(config, dims));
    return {config.threshold, output_threshold_defaults(config.format, config.point, dims.output),
            rounding_bound(counts, N::unit_roundoff, N::tiny), config.nonfinite};
  }
  static Judge score_judge(const FlashAbftConfig& config, const CheckerDimensions& dims) {
    const RoundingCounts counts = score_counts(dims, dims.key_tiles, group_rows(config, dims));
    return {config.score_threshold, score_threshold_defaults(config.format),
            rounding_bound(counts, N::unit_roundoff, N::tiny), config.nonfinite};
  }

  void sum_outputs(const float* output, std::size_t stride, const TileContext& tile) {
    if (config_.point == CheckPoint::after_rounding) {
      rounded_.assign(output, output + context_.dims.head_dim * stride);
      round_values(context_.dims.output, rounded_.data(), rounded_.size());
      output = rounded_.data();
    }
    math_.sum_columns(output, stride, context_.dims.head_dim, tile.rows, left_.data());
  }

  /// Divisor is l, or 1/l of the datapath to multiply with.
  void normalise(const TileContext& tile, const float* divisor) {
    const Value* sum = column_.sums(0);
    const Value* weight = column_.weights(0);
    for (std::uint32_t row = 0; row < tile.rows; ++row) {
      const Value by = divisor[row], magnitude = std::fabs(by);
      right_[row] = own_division() ? N::div(sum[row], by) : N::mul(sum[row], by);
      if (weight != nullptr)
        scale_[row] =
            own_division() ? N::div(weight[row], magnitude) : N::mul(weight[row], magnitude);
    }
  }

  FlashAbftConfig config_;
  CheckerContext context_;
  Comparison<N> output_;
  RowSums<N> rows_;
  ChecksumColumn<N> column_;
  RegisterFile<float> alpha_;        ///< by bank of the tile
  RegisterFile<float> denominator_;  ///< by parity of the query tile: the next one's may come
                                     ///< before the last is used
  std::optional<OwnSoftmax> softmax_;
  std::optional<ScoreChecksum<N>> score_;
  LaneTile rounded_;
  AlignedVector<Value> left_, right_, scale_;
  CheckMath<N> math_ = check_math<N>();
};

}  // namespace attnguard
