// matmul_abft of a plain product C = A × B on an array that keeps one operand (weight- or
// input-stationary), and of int8 operands on any array.
//
// A line of C (a row; input-stationary: a column) is compared when its sums are complete: the sum
// of its values with the product of the moving line and the sums of the stationary tile's lines.
// The latter are an operand of one more column of PEs, column C: it is preloaded, kept and
// multiplied as in the others, and its partial sums pass from fold to fold in a store. In float the
// scale of a check is the same product of magnitudes. int8 operands are summed in int32, modulo
// 2^32 like the values of C, so the two sides are equal without a fault: the threshold is 0.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "models/checksum_unit/check_math.h"
#include "models/checksum_unit/checker.h"
#include "models/checksum_unit/checker_arithmetic.h"
#include "models/checksum_unit/checker_config.h"
#include "models/checksum_unit/checker_context.h"
#include "models/checksum_unit/row_check.h"

namespace attnguard {

/// Sums of int8 operands: two's complement, modulo 2^32.
struct Int32Number {
  using Value = std::int32_t;
  static constexpr Format format = Format::int32;
  static Value add(Value a, Value b) {
    return static_cast<Value>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
  }
  static Value mul(Value a, Value b) {
    return static_cast<Value>(static_cast<std::uint32_t>(a) * static_cast<std::uint32_t>(b));
  }
};

template <class N>
class FoldAbft final : public Checker {
 public:
  using Value = typename N::Value;
  static constexpr bool kExact = std::is_same_v<N, Int32Number>;

  FoldAbft(const std::string& name, const MatmulAbftConfig& config, const CheckerDimensions& dims)
      : rule_(config.score_threshold.rule),
        context_{{tap_, log_, books_}, "checksum." + name + ".", dims},
        judge_(judge_of(config, dims)),
        weighted_(!kExact && judge_.scaled()),
        stationary_(dims.dataflow != Dataflow::output_stationary),
        columns_(dims.dataflow == Dataflow::input_stationary),
        preload_(context_.watch, operand_shape("preload", true)),
        preload_weight_(context_.watch, operand_shape("preload_weight", weighted_)),
        operand_(context_.watch, operand_shape("operand", true)),
        operand_weight_(context_.watch, operand_shape("operand_weight", weighted_)),
        partial_(context_.watch, line_shape("partial", stationary_, dims.gemm_lines)),
        partial_weight_(context_.watch,
                        line_shape("partial_weight", stationary_ && weighted_, dims.gemm_lines)),
        sum_(context_.watch, line_shape("sum", !stationary_, dims.rows)),
        product_(context_.watch, line_shape("product", !stationary_, dims.rows)),
        pending_(dims.tiles_in_flight) {}

  std::uint32_t needs() const override { return kScores | kKeyRead | kQueryRead; }
  std::vector<std::string> comparisons() const override { return {"product"}; }
  bool compares_groups() const override { return false; }
  void reset() override {
    Checker::reset();
    terms_ = products_ = values_ = 0;
  }
  std::optional<Arithmetic> arithmetic(const TilesSeen& seen) const override {
    CheckerWork work{context_.dims, seen, N::format};
    const std::uint64_t sides = weighted_ ? 2 : 1;
    work.use(Operation::add, sides * terms_, sides * work.cols());
    work.multiply_add(sides * products_, sides * work.rows());
    work.use(Operation::add, values_, work.cols());
    if constexpr (kExact) {
      work.use(Operation::compare, seen.checks(0), 1);
    } else {
      work.comparisons(seen.checks(0), 1, rule_);
    }
    return work.arithmetic;
  }

  void query_read(const Observed& observed) override {
    if (!stationary_)
      keep_lines(observed);
    else if (columns_)
      preload(observed, observed.tile.rows);
    else
      move(observed);
  }
  void key_read(const Observed& observed) override {
    if (!stationary_)
      multiply_lines(observed);
    else if (columns_)
      move(observed);
    else
      preload(observed, observed.tile.cols);
  }

  /// The tile [n][stride], m fastest; beat = line.
  void scores(const Observed& observed) override {
    const std::uint32_t lines = observed.timing.beats;
    const std::uint32_t width = columns_ ? observed.tile.rows : observed.tile.cols;
    const std::size_t line_step = columns_ ? observed.stride : 1,
                      value_step = columns_ ? 1 : observed.stride;
    left_.assign(lines, Value{0});
    for (std::uint32_t line = 0; line < lines; ++line)
      for (std::uint32_t i = 0; i < width; ++i)
        left_[line] =
            N::add(left_[line], of_sum(observed.values[line * line_step + i * value_step]));
    values_ += std::uint64_t{lines} * width;
    Pending& pending = pending_[observed.tile.bank];
    const LaneCycles cycles = row_beats(observed.timing) + adder_tree_cycles(context_.dims.cols);
    if (!stationary_) {  // both sides stand in registers for a cycle
      pass_through(sum_, left_, observed.tile, cycles);
      pass_through(product_, pending.product, observed.tile, cycles);
    }
    compare(observed.tile, lines, pending, cycles + 1);
  }

 private:
  /// Of a tile whose values are on their way.
  struct Pending {
    std::vector<Value> product, weight;
  };

  static Judge judge_of(const MatmulAbftConfig& config, const CheckerDimensions& dims) {
    if constexpr (kExact) {
      ThresholdConfig exact;
      exact.rule = ThresholdRule::bound;
      return {exact, {}, {}, config.nonfinite};
    } else {
      return {config.score_threshold, score_threshold_defaults(config.format),
              rounding_bound(score_counts(dims, 1, 1), N::unit_roundoff, N::tiny),
              config.nonfinite};
    }
  }
  /// A register of each of the R products a fold has at most; of no row of C.
  RegisterShape operand_shape(const char* name, bool present) const {
    const std::uint32_t lanes = present && stationary_ ? context_.dims.rows : 0;
    return {context_.path + name + "[{}]",
            {lanes},
            N::format,
            StorageKind::register_file,
            LaneMeaning::element,
            lanes > 0 ? 1U : 0U,
            lanes,
            true,
            true,
            std::string_view(name).find("preload") == 0};
  }
  RegisterShape line_shape(const char* name, bool present, std::uint32_t most) const {
    const std::uint32_t lanes = present ? most : 0;
    return {context_.path + "line[{}]." + name,
            {lanes},
            N::format,
            stationary_ ? StorageKind::sram : StorageKind::register_file,
            columns_ ? LaneMeaning::element : LaneMeaning::row,
            lanes > 0 ? 1U : 0U,
            lanes,
            !stationary_,
            true,
            true};
  }

  static Value of_operand(float value) { return static_cast<Value>(value); }
  static Value of_sum(float value) {
    if constexpr (kExact) {
      Value bits;
      std::memcpy(&bits, &value, sizeof bits);
      return bits;
    } else {
      return value;
    }
  }
  static Value magnitude(Value value) { return value < 0 ? -value : value; }

  // Stationary operand: line l holds product `lines` − 1 − l of `width` columns.

  void preload(const Observed& observed, std::uint32_t width) {
    products_of_fold_ = observed.timing.beats;
    for (std::uint32_t k = 0; k < products_of_fold_; ++k) {
      const float* line = observed.values + (products_of_fold_ - 1 - k) * observed.stride;
      Value sum{0}, weight{0};
      for (std::uint32_t i = 0; i < width; ++i) {
        const Value value = of_operand(line[i]);
        sum = N::add(sum, value);
        if constexpr (!kExact)
          if (weighted_) weight = N::add(weight, std::fabs(value));
      }
      preload_.group(0)[k] = sum;
      if (weighted_) preload_weight_.group(0)[k] = weight;
    }
    terms_ += std::uint64_t{products_of_fold_} * width;
    // The line of row i is there when it has come down i rows: all in one cycle, C columns late.
    const LaneCycles cycles{
        observed.timing.first_cycle + products_of_fold_ - 1 + context_.dims.cols, 0};
    preload_.write(0, products_of_fold_, cycles);
    if (weighted_) preload_weight_.write(0, products_of_fold_, cycles);
  }

  // Moving operand: a line of up to R products in every cycle.

  void move(const Observed& observed) {
    const TileContext& tile = observed.tile;
    const std::uint32_t lines = observed.timing.beats, count = products_of_fold_;
    const std::uint64_t reaches = observed.timing.first_cycle + context_.dims.cols;
    copy(preload_, operand_, {reaches, 1}, tile);
    if (weighted_) copy(preload_weight_, operand_weight_, {reaches, 1}, tile);
    Pending& pending = pending_[tile.bank];
    begin(partial_, pending.product, lines, reaches + 1, tile);
    if (weighted_) begin(partial_weight_, pending.weight, lines, reaches + 1, tile);
    for (std::uint32_t line = 0; line < lines; ++line) {
      const float* moving = observed.values + line * observed.stride;
      const LaneCycles cycles{reaches + 1 + line, 1};
      operand_.read(0, count, cycles, tile);
      Value& product = pending.product[line];
      for (std::uint32_t k = 0; k < count; ++k)
        product = N::add(product, N::mul(of_operand(moving[k]), operand_.group(0)[k]));
      if (!weighted_) continue;
      operand_weight_.read(0, count, cycles, tile);
      Value& weight = pending.weight[line];
      for (std::uint32_t k = 0; k < count; ++k)
        weight =
            N::add(weight, N::mul(magnitude(of_operand(moving[k])), operand_weight_.group(0)[k]));
    }
    products_ += std::uint64_t{lines} * count;
    if (tile.last) return;  // on to the comparison
    const LaneCycles leaves{reaches + 1 + context_.dims.rows, 1};
    store(pending.product, partial_, lines, leaves);
    if (weighted_) store(pending.weight, partial_weight_, lines, leaves);
  }
  void copy(RegisterFile<Value>& from, RegisterFile<Value>& to, LaneCycles cycles,
            const TileContext& tile) {
    from.read(0, products_of_fold_, cycles, tile);
    std::copy_n(from.group(0), products_of_fold_, to.group(0));
    to.write(0, products_of_fold_, cycles);
  }
  /// The sums so far.
  void begin(RegisterFile<Value>& stored, std::vector<Value>& values, std::uint32_t lines,
             std::uint64_t first_cycle, const TileContext& tile) {
    values.assign(lines, Value{0});
    if (tile.first) return;
    stored.read(0, lines, {first_cycle, 1}, tile);
    std::copy_n(stored.group(0), lines, values.data());
  }
  void store(const std::vector<Value>& values, RegisterFile<Value>& stored, std::uint32_t lines,
             LaneCycles cycles) {
    std::copy_n(values.data(), lines, stored.group(0));
    stored.write(0, lines, cycles);
  }

  // Output-stationary: both operands come a product at a time.

  void keep_lines(const Observed& observed) {
    const std::size_t products = observed.timing.beats;
    kept_stride_ = observed.stride;
    kept_.assign(observed.values, observed.values + products * kept_stride_);
  }
  void multiply_lines(const Observed& observed) {
    const TileContext& tile = observed.tile;
    Pending& pending = pending_[tile.bank];
    pending.product.assign(tile.rows, Value{0});
    const std::uint32_t products = observed.timing.beats;
    for (std::uint32_t k = 0; k < products; ++k) {
      Value sum{0};
      for (std::uint32_t n = 0; n < tile.cols; ++n)
        sum = N::add(sum, of_operand(observed.values[k * observed.stride + n]));
      for (std::uint32_t m = 0; m < tile.rows; ++m)
        pending.product[m] =
            N::add(pending.product[m], N::mul(of_operand(kept_[k * kept_stride_ + m]), sum));
    }
    terms_ += std::uint64_t{products} * tile.cols;
    products_ += std::uint64_t{products} * tile.rows;
  }
  void pass_through(RegisterFile<Value>& registers, std::vector<Value>& values,
                    const TileContext& tile, LaneCycles cycles) {
    std::copy_n(values.data(), tile.rows, registers.group(0));
    registers.write(0, tile.rows, cycles);
    registers.read(0, tile.rows, cycles + 1, tile);
    std::copy_n(registers.group(0), tile.rows, values.data());
  }

  void compare(const TileContext& tile, std::uint32_t lines, const Pending& pending,
               LaneCycles cycles) {
    checks_.resize(lines);
    for (std::uint32_t line = 0; line < lines; ++line) {
      Check& check = checks_[line] = row_check(0, tile, line, cycles.at(line));
      if (columns_) check.query_row = tile.first_key + line;
      const Value left = left_[line], right = pending.product[line];
      check.lhs = canonical(static_cast<double>(left));
      check.rhs = canonical(static_cast<double>(right));
      if constexpr (kExact) {
        check.residual = std::fabs(static_cast<double>(N::add(left, N::mul(right, -1))));
      } else {
        check.residual = canonical(static_cast<double>(std::fabs(N::add(left, -right))));
        if (weighted_) check.scale = canonical(static_cast<double>(pending.weight[line]));
      }
      judge_.judge(check);
    }
    sink_->checked_rows(checks_.data(), lines);
  }

  ThresholdRule rule_;
  CheckerContext context_;
  Judge judge_;
  bool weighted_, stationary_, columns_;
  RegisterFile<Value> preload_, preload_weight_;  ///< on the way down the checksum column
  RegisterFile<Value> operand_, operand_weight_;  ///< kept in it
  RegisterFile<Value> partial_, partial_weight_;  ///< of every line, from fold to fold
  RegisterFile<Value> sum_, product_;             ///< output-stationary: at the comparator
  std::uint32_t products_of_fold_ = 0;
  std::vector<float> kept_;
  std::size_t kept_stride_ = 0;
  std::vector<Pending> pending_;  ///< by bank of the tile
  std::vector<Value> left_;
  std::vector<Check> checks_;
  std::uint64_t terms_ = 0, products_ = 0, values_ = 0;  ///< operations since reset()
};

}  // namespace attnguard
