// matmul_abft: two checks, one per matrix product (Huang and Abraham 1984), the softmax between
// them unprotected.
//
// Each score tile is compared with q times its key sums. P·V is compared per key tile, or carried:
// the checksum follows the recurrence of the accumulator and is compared with it before division.
// p, alpha are always the datapath's.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "models/checksum_unit/check_math.h"
#include "models/checksum_unit/checker.h"
#include "models/checksum_unit/checker_arithmetic.h"
#include "models/checksum_unit/checker_config.h"
#include "models/checksum_unit/checksum_column.h"
#include "models/checksum_unit/comparison.h"
#include "models/checksum_unit/row_check.h"
#include "models/checksum_unit/row_sums.h"
#include "models/checksum_unit/score_checksum.h"
#include "models/checksum_unit/variance_scale.h"

namespace attnguard {

template <class N>
class MatmulAbft final : public Checker {
 public:
  using Value = typename N::Value;

  MatmulAbft(const std::string& name, const MatmulAbftConfig& config, const CheckerDimensions& dims)
      : config_(config),
        carried_(config.pv_check == PvCheck::carried),
        context_{{tap_, log_, books_}, "checksum." + name + ".", dims},
        score_(context_, {config.key_sum, config.query_source, Granularity::query, true}, 0,
               score_judge<N>(config, dims)),
        product_(context_.watch, context_.path + "pv_group[{}]", 1, Granularity::query,
                 dims.tokens_q, product_judge(config, dims)),
        rows_(context_, config.row_sum, product_.judge().scale()),
        column_(context_, carried_ ? 1 : 2, product_.judge()),
        alpha_(context_.watch, context_.row_banks("alpha", true)),
        no_alpha_(dims.stride),
        left_(dims.stride) {}

  std::uint32_t needs() const override {
    return score_.needs() | rows_.needs() | kProbabilities |
           (carried_ ? kScalars | kOutputs : kPartials);
  }
  std::vector<std::string> comparisons() const override {
    return {"score", carried_ ? "carried" : "pv"};
  }
  bool compares_groups() const override { return false; }
  bool compares_key_tiles(std::uint32_t comparison) const override {
    return comparison == 0 || !carried_;
  }
  bool products_need_scores() const override { return false; }
  bool keeps_operand_sums() const override { return true; }
  CarriedTerms carried_terms() const override {
    return carried_ ? column_.terms() : CarriedTerms{};
  }
  void follow(const CarriedTerms& given) override { column_.follow(0, given); }
  void declare(FaultUniverse& universe) override {
    rows_.declare(universe);
    column_.declare(universe);
    if (carried_) alpha_.declare(universe);
    score_.declare(universe);
  }
  void reset() override {
    rows_.reset();
    column_.reset();
    alpha_.reset();
    score_.reset();
    product_.reset();
    held_until_cycle_ = 0;
  }
  std::optional<Arithmetic> arithmetic(const TilesSeen& seen) const override {
    CheckerWork work{context_.dims, seen, N::format};
    work.row_sums(config_.row_sum, product_.judge().scale());
    work.checksum_column(carried_, product_.judge().scale());
    work.row_totals(carried_ ? kOutputs : kPartials);
    work.comparisons(seen.checks(1), 1, config_.pv_threshold.rule);
    work.score_check(0, config_.key_sum, Granularity::query, true, config_.score_threshold.rule);
    return work.arithmetic;
  }

  void query_written(const Observed& observed) override { score_.query_written(observed); }
  void query_read(const Observed& observed) override { score_.query_read(observed); }
  void key_written(const Observed& observed) override { score_.key_written(observed); }
  void key_read(const Observed& observed) override { score_.key_read(observed); }
  void value_written(const Observed& observed) override { rows_.value_written(observed); }
  void value_read(const Observed& observed) override { rows_.value_read(observed); }
  void scores(const Observed& observed) override { score_.scores(observed, *sink_); }

  void alphas(const Observed& observed) override {
    if (carried_) capture(observed, alpha_, observed.tile.bank);
  }

  void probabilities(const Observed& observed) override {
    const TileContext& tile = observed.tile;
    const std::uint64_t mac_start = observed.timing.first_cycle + 1;
    rows_.read(tile, observed.timing.first_cycle);
    const LaneCycles update{std::max(mac_start + tile.cols, held_until_cycle_), 1};
    if (carried_) {
      alpha_.read(tile.bank, tile.rows, update, tile);
      column_.accumulate(tile, observed.values, observed.stride, rows_, alpha_.group(tile.bank),
                         tile.first, 0, update);
    } else {
      // The next tile may enter the array before this one's P·V has left it: two banks.
      column_.accumulate(tile, observed.values, observed.stride, rows_, no_alpha_.data(), true,
                         tile.bank, update);
    }
  }

  void partials(const Observed& observed) override {
    if (carried_) return;
    compare(observed, observed.tile.bank, last_group(observed.timing));
  }
  void outputs(const Observed& observed) override {
    if (!carried_) return;
    const std::uint32_t last_row = observed.tile.rows - 1;
    compare(observed, 0, last_group(observed.timing));
    // As in flash_abft: sums not yet read hold back the next query tile's.
    held_until_cycle_ = last_group(observed.timing).at(last_row) - last_row;
  }

 private:
  static Judge product_judge(const MatmulAbftConfig& config, const CheckerDimensions& dims) {
    const std::uint64_t key_tiles = config.pv_check == PvCheck::carried ? dims.key_tiles : 1;
    const RoundingCounts counts = output_counts(dims, false, key_tiles, false, 1);
    ThresholdDefaults defaults =
        output_threshold_defaults(config.format, CheckPoint::before_rounding, dims.output);
    defaults.variance_unit = variance_unit(dims.cols);
    defaults.rounding_deviation = rounding_deviation(counts, N::unit_roundoff);
    return {config.pv_threshold, defaults, rounding_bound(counts, N::unit_roundoff, N::tiny),
            config.nonfinite};
  }

  /// Last pass or slice of each row.
  static LaneCycles last_group(const BeatTiming& timing) {
    return {timing.cycle(timing.groups - 1, 0), timing.beat_interval_cycles};
  }

  /// Σ_c of the [d][stride] values (P·V tile or accumulator) against the checksum, read at
  /// `cycles`.
  void compare(const Observed& observed, std::uint32_t bank, LaneCycles cycles) {
    const TileContext& tile = observed.tile;
    column_.read(tile, bank, cycles);
    math_.sum_columns(observed.values, observed.stride, context_.dims.head_dim, tile.rows,
                      left_.data());
    product_.compare(tile, left_.data(), column_.sums(bank), column_.weights(bank),
                     cycles + adder_tree_cycles(context_.dims.cols) + 1, *sink_);
  }

  MatmulAbftConfig config_;
  bool carried_;
  CheckerContext context_;
  ScoreChecksum<N> score_;
  Comparison<N> product_;
  RowSums<N> rows_;
  ChecksumColumn<N> column_;
  RegisterFile<float> alpha_;
  LaneTile no_alpha_;  ///< zeros: tiles compared one by one carry nothing
  AlignedVector<Value> left_;
  CheckMath<N> math_ = check_math<N>();
};

}  // namespace attnguard
