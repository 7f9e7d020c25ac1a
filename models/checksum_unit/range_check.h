// range_check: values of the softmax and of the output against ranges that clean arithmetic keeps:
// alpha and p in [0, 1], l in [1, keys seen], |o_c| <= max_j |v_jc|.
//
// The first three hold to the last bit: 2^x of x <= 0 is at most 1, the largest score gives p = 1
// exactly, and a rounded sum of n numbers of at most 1 is at most n. The output is a convex
// combination of the rows of V, rounded on the way: its range is widened by the proven bound of
// docs/checkers.md. A comparator per row; persistent is only the running max|v| of each column, in
// two banks, as the next query tile may come before the outputs of this one have been compared.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "models/checksum_unit/checker_arithmetic.h"
#include "models/checksum_unit/checker_context.h"
#include "models/checksum_unit/row_check.h"
#include "models/checksum_unit/threshold.h"

namespace attnguard {

struct RangeCheckConfig {
  static constexpr std::string_view kind = "range_check";
  std::unique_ptr<Checker> make_checker(const std::string& name,
                                        const CheckerDimensions& dims) const;

  bool output_check = true;
  NonfiniteRule nonfinite = NonfiniteRule::alarm;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"output_check", "also compare every output with the largest |v| of its column"},
      self.output_check);
    v(FieldSpec{"nonfinite", "whether a value that is not finite raises the alarm"},
      self.nonfinite);
  }
};

class RangeCheck final : public Checker {
 public:
  RangeCheck(const std::string& name, const RangeCheckConfig& config, const CheckerDimensions& dims)
      : config_(config),
        context_{{tap_, log_, books_}, "checksum." + name + ".", dims},
        passes_((dims.head_dim - 1) / dims.cols + 1),
        max_(context_.watch, {context_.path + "value_max[{}][{}]",
                              {2, passes_ * dims.cols},
                              Format::float32,
                              StorageKind::register_file,
                              LaneMeaning::element,
                              config.output_check ? 2 * passes_ : 0,
                              dims.cols,
                              false,
                              false,
                              false,
                              true}) {
    const std::uint64_t roundings = 4 + 2 * dims.cols + 4 * std::uint64_t{dims.key_tiles};
    slack_ = 1 / shrink(roundings, 0x1p-24) - 1;
    floor_ = static_cast<double>(dims.tokens_k + 2 * dims.key_tiles) * 0x1p-149 * (2 + slack_);
  }

  std::uint32_t needs() const override {
    return kScalars | kProbabilities | (config_.output_check ? kValueRead | kOutputs : 0u);
  }
  std::vector<std::string> comparisons() const override {
    if (config_.output_check) return {"alpha", "probability", "sum", "output"};
    return {"alpha", "probability", "sum"};
  }
  bool compares_groups() const override { return false; }
  bool compares_key_tiles(std::uint32_t comparison) const override { return comparison < 2; }
  bool products_need_scores() const override { return false; }
  void declare(FaultUniverse& universe) override {
    if (config_.output_check) max_.declare(universe);
  }
  std::optional<Arithmetic> arithmetic(const TilesSeen& seen) const override {
    CheckerWork work{context_.dims, seen, Format::float32};
    work.use(Operation::compare, 2 * seen.rows(kScalars), 2);
    work.use(Operation::compare, 2 * seen.last_rows(kScalars), 2);
    work.arithmetic.use(Operation::compare, context_.dims.probability,
                        2 * seen.elements(kProbabilities), 2 * work.rows());
    if (!config_.output_check) return work.arithmetic;
    const std::uint64_t outputs = seen.rows(kOutputs) * work.head_dim();
    work.use(Operation::compare, seen.cols(kValueRead) * work.head_dim() + outputs,
             2 * work.cols());
    work.multiply_add(outputs, work.cols());  // the limit: max|v| widened by the rounding bound
    return work.arithmetic;
  }

  void alphas(const Observed& observed) override {
    const LaneCycles cycles = row_beats(observed.timing) + 1;
    for (std::uint32_t row = 0; row < observed.tile.rows; ++row)
      add(0, observed.tile, row, observed.values[row], {0, 1}, cycles.at(row));
    checks_.report(*sink_);
  }
  void sums(const Observed& observed) override {
    const LaneCycles cycles = row_beats(observed.timing) + 1;
    for (std::uint32_t row = 0; row < observed.tile.rows; ++row)
      add(2, observed.tile, row, observed.values[row],
          {1, keys_seen(context_.dims, observed.tile, row)}, cycles.at(row));
    checks_.report(*sink_);
  }

  void probabilities(const Observed& observed) override {
    const TileContext& tile = observed.tile;
    const LaneCycles cycles = after_last_key(observed.timing, tile);
    if (config_.output_check) take_values(tile, observed.timing.first_cycle);
    for (std::uint32_t row = 0; row < tile.rows; ++row) {
      float worst = observed.values[row];
      for (std::uint32_t key = 1; key < tile.cols; ++key) {
        const float p = observed.values[key * observed.stride + row];
        if (worse(p, worst)) worst = p;
      }
      add(1, tile, row, worst, {0, 1}, cycles.at(row));
    }
    checks_.report(*sink_);
  }

  /// V of a tile waits in the array's edge for the pass that probabilities() announces.
  void value_read(const Observed& observed) override {
    if (!config_.output_check) return;
    operand_.assign(observed.values, observed.values + observed.tile.cols * observed.stride);
    operand_stride_ = observed.stride;
    pass_interval_ = observed.timing.group_interval_cycles;
  }

  void outputs(const Observed& observed) override {
    if (!config_.output_check) return;
    const TileContext& tile = observed.tile;
    const CheckerDimensions& dims = context_.dims;
    const float* output = observed.values + std::size_t{dims.head_dim} * observed.stride;
    for (std::uint32_t row = 0; row < tile.rows; ++row) {
      Check worst = row_check(3, tile, row, observed.timing.cycle(passes_ - 1, row) + 1);
      for (std::uint32_t c = 0; c < dims.head_dim; ++c) {
        const std::uint32_t slice = c / dims.cols, lane = c % dims.cols;
        float* max = max_.group(tile.half * passes_ + slice);
        if (lane == 0)
          max_.read(tile.half * passes_ + slice, std::min(dims.cols, dims.head_dim - c),
                    {observed.timing.cycle(slice, row), 0}, tile);
        take_output(c == 0, output[c * observed.stride + row], max[lane], worst);
      }
      judge(worst, config_.nonfinite);
      checks_.add(worst);
    }
    checks_.report(*sink_);
  }

 private:
  struct Range {
    double low, high;
  };

  /// Further out of [0, 1], or nearer to 1; NaN is furthest.
  static bool worse(float a, float b) {
    const auto distance = [](float p) { return p < 0 ? -p : p - 1; };
    return std::isnan(a) ? !std::isnan(b) : distance(a) > distance(b);
  }

  void add(std::uint32_t comparison, const TileContext& tile, std::uint32_t row, float value,
           Range range, std::uint64_t cycle) {
    Check check = row_check(comparison, tile, row, cycle);
    check.lhs = canonical(double{value});
    check.rhs = value < range.low ? range.low : value > range.high ? range.high : check.lhs;
    check.residual = canonical(std::fabs(check.lhs - check.rhs));
    judge(check, config_.nonfinite);
    checks_.add(check);
  }

  /// Pass by pass, after its last key: the column's register takes in the tile's largest magnitude.
  void take_values(const TileContext& tile, std::uint64_t last_pass) {
    const CheckerDimensions& dims = context_.dims;
    for (std::uint32_t pass = 0; pass < passes_; ++pass) {
      const std::uint64_t start =
          last_pass - std::uint64_t{passes_ - 1 - pass} * pass_interval_ + tile.cols;
      const std::uint32_t group = tile.half * passes_ + pass, first = pass * dims.cols,
                          count = std::min(dims.cols, dims.head_dim - first);
      float* max = max_.group(group);
      if (tile.first)
        std::fill_n(max, count, 0.0F);
      else
        max_.read(group, count, {start, 0}, tile);
      for (std::uint32_t key = 0; key < tile.cols; ++key) {
        const float* value = &operand_[key * operand_stride_ + first];
        for (std::uint32_t c = 0; c < count; ++c) max[c] = std::max(max[c], std::fabs(value[c]));
      }
      max_.write(group, count, {start, 0});
    }
  }

  /// Keeps the column that exceeds its limit by most; a NaN before all others.
  void take_output(bool first, float output, float max, Check& worst) const {
    const double magnitude = std::fabs(double{output}), largest = std::fabs(double{max});
    const double threshold = slack_ * largest + floor_;
    const double over = magnitude - largest - threshold;
    const double worst_over = worst.lhs - worst.scale - worst.threshold;
    if (!first && (std::isnan(worst_over) || over <= worst_over)) return;
    worst.lhs = canonical(magnitude);
    worst.scale = canonical(largest);
    worst.rhs = magnitude > largest ? largest : worst.lhs;
    worst.residual = canonical(worst.lhs - worst.rhs);
    worst.threshold = canonical(threshold);
  }

  RangeCheckConfig config_;
  CheckerContext context_;
  std::uint32_t passes_;
  RegisterFile<float> max_;  ///< group = parity of the query tile × passes + pass, lane = column
  double slack_ = 0, floor_ = 0;
  RowChecks checks_;
  LaneTile operand_;  ///< V of the tile to come, [key][stride]
  std::size_t operand_stride_ = 0;
  std::uint32_t pass_interval_ = 0;
};

inline std::unique_ptr<Checker> RangeCheckConfig::make_checker(
    const std::string& name, const CheckerDimensions& dims) const {
  return std::make_unique<RangeCheck>(name, *this, dims);
}

}  // namespace attnguard
