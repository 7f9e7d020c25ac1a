// efta: after the published description of FT-Transformer's end-to-end fault-tolerant attention
// (arXiv 2504.02211). Strided checksums of width 8: index n of a row belongs to sum n mod 8.
//
// exponent   QKᵀ and exp together, per query row, key tile and residue t of the keys:
//            Π p_ij against 2^(Σ x_ij − n·m_i), Σ x from the operands: scale·log2e·q_i·Σ k_j.
// sum_range  l_i in [1, keys seen].
// output     P·V and normalisation together, per query row and residue t of the columns:
//            Σ o_ic against sum_it / l_i, sum = sum·α + Σ_j p_ij Σ v_jc.
// Reported is each row's worst residue. Not in the description, as the mask is: scores of masked
// keys are taken off Σ x as they are observed. m crosses no observation link: it is the checker's
// own running maximum of the observed scores, so that a wrong m of the datapath shows in p.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "models/checksum_unit/check_math.h"
#include "models/checksum_unit/checker_arithmetic.h"
#include "models/checksum_unit/checker_context.h"
#include "models/checksum_unit/checksum_column.h"
#include "models/checksum_unit/row_check.h"
#include "models/checksum_unit/running_max.h"
#include "models/checksum_unit/threshold.h"
#include "models/numerics/exp2.h"
#include "models/numerics/kernels.h"

namespace attnguard {

struct EftaConfig {
  static constexpr std::string_view kind = "efta";
  std::unique_ptr<Checker> make_checker(const std::string& name,
                                        const CheckerDimensions& dims) const;

  double exponent_tolerance = 2;
  ThresholdConfig threshold;
  NonfiniteRule nonfinite = NonfiniteRule::alarm;

  std::optional<ThresholdKey> threshold_key(std::string_view comparison) const {
    if (comparison == "exponent") return ThresholdKey{"exponent_tolerance", "", ""};
    return comparison == "output" ? threshold.key("threshold") : std::nullopt;
  }

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"exponent_tolerance",
                "of the exponent comparison: factor of the rounding unit of docs/checkers.md", 0.0,
                1e30},
      self.exponent_tolerance);
    v(FieldSpec{"threshold", "of the output comparison"}, self.threshold);
    v(FieldSpec{"nonfinite", "whether a residual or threshold that is not finite raises the alarm"},
      self.nonfinite);
  }
};

class Efta final : public Checker {
 public:
  static constexpr std::uint32_t kWidth = 8;

  Efta(const std::string& name, const EftaConfig& config, const CheckerDimensions& dims)
      : config_(config),
        context_{{tap_, log_, books_}, "checksum." + name + ".", dims},
        judge_(output_judge(config, dims)),
        key_sum_(context_.watch, of_operand("key_sum", dims.head_dim, true)),
        key_weight_(context_.watch, of_operand("key_weight", dims.head_dim, true)),
        row_sum_(context_.watch, of_operand("row_sum", dims.cols, false)),
        row_weight_(context_.watch, of_operand("row_weight", dims.cols, false)),
        max_(context_, true),
        exponent_(context_.watch, of_rows("exponent", 2 * kWidth, true)),
        exponent_weight_(context_.watch, of_rows("exponent_weight", 2 * kWidth, true)),
        product_(context_.watch, of_rows("product", kWidth, true)),
        sum_(context_.watch, of_rows("sum", kWidth, false)),
        weight_(context_.watch, of_rows("weight", kWidth, false)),
        alpha_(context_.watch, context_.row_banks("alpha", true)),
        denominator_(context_.watch, context_.row_banks("denominator", false)),
        query_(dims.head_dim * dims.stride + kLaneAlign),
        seen_(dims.stride),
        tile_sum_(dims.stride),
        tile_weight_(dims.stride),
        left_(kWidth * dims.stride) {
    for (Pending& pending : pending_) {
      pending.product.resize(kWidth * dims.stride);
      pending.weight.resize(kWidth * dims.stride);
    }
  }

  std::uint32_t needs() const override {
    return kQueryRead | kKeyRead | kScores | kProbabilities | kScalars | kValueRead | kOutputs;
  }
  std::vector<std::string> comparisons() const override {
    return {"exponent", "sum_range", "output"};
  }
  bool compares_groups() const override { return false; }
  bool compares_key_tiles(std::uint32_t comparison) const override { return comparison == 0; }
  bool keeps_operand_sums() const override { return true; }
  void declare(FaultUniverse& universe) override {
    row_sum_.declare(universe);
    max_.declare(universe);
    for (RegisterFile<float>* registers :
         {&exponent_, &exponent_weight_, &product_, &sum_, &alpha_, &denominator_})
      registers->declare(universe);
    if (!judge_.scaled()) return;
    row_weight_.declare(universe);
    weight_.declare(universe);
  }
  std::optional<Arithmetic> arithmetic(const TilesSeen& seen) const override {
    CheckerWork work{context_.dims, seen, Format::float32};
    count_exponent(seen, work);
    work.use(Operation::compare, 2 * seen.last_rows(kScalars), 2);
    const std::uint64_t sums = judge_.scaled() ? 2 : 1, strided = kWidth * sums;
    work.use(Operation::add, sums * seen.cols(kValueRead) * work.head_dim(), sums * work.cols());
    work.multiply_add(strided * seen.elements(kProbabilities), strided * work.rows());
    work.multiply_add(strided * seen.rows(kProbabilities), strided);
    work.row_totals(kOutputs);
    work.quotients(strided, true);
    work.comparisons(kWidth * seen.rows(kOutputs), kWidth, config_.threshold.rule);
    return work.arithmetic;
  }

  void query_read(const Observed& observed) override {
    for (std::uint32_t k = 0; k < context_.dims.head_dim; ++k)
      std::copy_n(observed.values + k * observed.stride, observed.tile.rows,
                  &query_[k * context_.dims.stride]);
  }

  /// The S pass: eight more columns of the array take the strided sums of the keys.
  void key_read(const Observed& observed) override {
    const TileContext& tile = observed.tile;
    const CheckerDimensions& dims = context_.dims;
    if (observed.values != nullptr) form_key_sums(observed);
    Pending& pending = pending_[tile.bank];
    for (std::uint32_t t = 0; t < residues(tile); ++t)
      math_.dot_columns(query_.data(), dims.stride, dims.head_dim, tile.rows, key_sum_.group(t),
                        key_weight_.group(t), true, &pending.product[t * dims.stride],
                        &pending.weight[t * dims.stride]);
  }

  void scores(const Observed& observed) override {
    const TileContext& tile = observed.tile;
    const LaneCycles cycles = row_beats(observed.timing) + context_.dims.max_latency_cycles;
    max_.take(observed, cycles);
    for (std::uint32_t t = 0; t < residues(tile); ++t) {
      for (std::uint32_t row = 0; row < tile.rows; ++row) expect_exponent(observed, t, row);
      const std::uint32_t group = tile.bank * kWidth + t;
      exponent_.write(group, tile.rows, cycles + 1);
      exponent_weight_.write(group, tile.rows, cycles + 1);
    }
  }

  void alphas(const Observed& observed) override { capture(observed, alpha_, observed.tile.bank); }
  void sums(const Observed& observed) override {
    capture(observed, denominator_, observed.tile.half);
    const LaneCycles cycles = row_beats(observed.timing) + 1;
    for (std::uint32_t row = 0; row < observed.tile.rows; ++row) {
      Check check = row_check(1, observed.tile, row, cycles.at(row));
      const double l = observed.values[row], keys = keys_seen(context_.dims, observed.tile, row);
      check.lhs = canonical(l);
      check.rhs = l < 1 ? 1 : l > keys ? keys : check.lhs;
      check.residual = canonical(std::fabs(check.lhs - check.rhs));
      judge(check, config_.nonfinite);
      checks_.add(check);
    }
    checks_.report(*sink_);
  }

  void value_read(const Observed& observed) override {
    formed_ = observed.values == nullptr;
    if (formed_) return;
    value_.assign(observed.values, observed.values + observed.tile.cols * observed.stride);
    value_stride_ = observed.stride;
    pass_interval_ = observed.timing.group_interval_cycles;
  }

  void probabilities(const Observed& observed) override {
    const TileContext& tile = observed.tile;
    compare_exponents(observed);
    if (!formed_) form_row_sums(tile, observed.timing.first_cycle);
    const LaneCycles update{
        std::max(observed.timing.first_cycle + 1 + tile.cols, held_until_cycle_), 1};
    alpha_.read(tile.bank, tile.rows, update, tile);
    for (std::uint32_t t = 0; t < kWidth; ++t) {
      math_.dot_columns(observed.values, observed.stride, tile.cols, tile.rows, row_sum_.group(t),
                        judge_.scaled() ? row_weight_.group(t) : nullptr, false, tile_sum_.data(),
                        judge_.scaled() ? tile_weight_.data() : nullptr);
      const float* alpha = alpha_.group(tile.bank);
      carry_on(math_, sum_, t, tile_sum_.data(), alpha, tile, tile.first, update);
      if (judge_.scaled())
        carry_on(math_, weight_, t, tile_weight_.data(), alpha, tile, tile.first, update);
    }
  }

  void outputs(const Observed& observed) override {
    const TileContext& tile = observed.tile;
    const CheckerDimensions& dims = context_.dims;
    const BeatTiming& timing = observed.timing;
    const LaneCycles last_slice = row_beats(timing, timing.groups - 1);
    for (std::uint32_t t = 0; t < kWidth; ++t) {
      sum_.read(t, tile.rows, last_slice, tile);
      if (judge_.scaled()) weight_.read(t, tile.rows, last_slice, tile);
      math_.sum_columns(observed.values + (dims.head_dim + t) * observed.stride,
                        kWidth * observed.stride, of_residue(t, dims.head_dim), tile.rows,
                        &left_[t * dims.stride]);
    }
    denominator_.read(tile.half, tile.rows, last_slice, tile);
    const LaneCycles compared =
        last_slice + std::max(adder_tree_cycles(dims.cols), dims.divide_latency_cycles) + 1;
    for (std::uint32_t row = 0; row < tile.rows; ++row) compare_output(tile, row, compared.at(row));
    checks_.report(*sink_);
    // As in flash_abft: sums not yet read hold back the next query tile's.
    held_until_cycle_ = last_slice.at(tile.rows - 1) - (tile.rows - 1);
  }

 private:
  /// Of the S pass under way, in the array.
  struct Pending {
    AlignedVector<float> product, weight;
  };

  // Shapes

  RegisterShape of_operand(const char* name, std::uint32_t lanes, bool of_scores) const {
    return {context_.path + name + "[{}][{}]",
            {kWidth, lanes},
            Format::float32,
            StorageKind::register_file,
            LaneMeaning::element,
            kWidth,
            lanes,
            true,
            of_scores};
  }
  /// One register of each row and residue, or two of them by bank of the tile.
  RegisterShape of_rows(const char* name, std::uint32_t groups, bool temporary) const {
    RegisterShape shape{context_.path + "row[{}]." + name + "[{}]",
                        {context_.dims.rows, kWidth},
                        Format::float32,
                        StorageKind::register_file,
                        LaneMeaning::row,
                        groups,
                        context_.dims.rows,
                        temporary};
    if (groups > kWidth) {
      shape.path += "[{}]";
      shape.extents = {context_.dims.rows, groups / kWidth, kWidth};
    }
    return shape;
  }

  static Judge output_judge(const EftaConfig& config, CheckerDimensions dims) {
    const ThresholdDefaults defaults =
        output_threshold_defaults(CheckFormat::float32, CheckPoint::before_rounding, dims.output);
    dims.head_dim = (dims.head_dim - 1) / kWidth + 1;  // terms of a strided sum
    const RoundingCounts counts = output_counts(dims, true, dims.key_tiles, false, 1);
    return {config.threshold, defaults,
            rounding_bound(counts, Float32Number::unit_roundoff, Float32Number::tiny),
            config.nonfinite};
  }

  // Exponent

  /// The comparison of one row and residue: Π p against 2^exponent, both sides' larger one times
  /// (rounding + weight · constant) plus a constant, times the tolerance.
  void count_exponent(const TilesSeen& seen, CheckerWork& work) const {
    const std::uint64_t residues = std::min(kWidth, context_.dims.cols);
    const std::uint64_t made = seen.rows_by_residues(kScores, kWidth);
    work.use(Operation::add, 2 * seen.cols(kKeyRead) * work.head_dim(), 2 * work.cols());
    work.multiply_add(2 * seen.rows_by_residues(kKeyRead, kWidth) * work.head_dim(),
                      2 * residues * work.rows());
    work.running_max();
    if (context_.dims.causal) work.use(Operation::add, seen.elements(kScores), work.cols());
    // Σ x less the masked scores, scaled, less n·m; and its weight.
    work.use(Operation::add, 3 * made, 3 * residues);
    work.use(Operation::multiply, 4 * made, 4 * residues);
    work.use(Operation::multiply, seen.elements(kProbabilities), work.rows());
    work.arithmetic.exp2(context_.dims.exp2, made, residues);
    work.use(Operation::add, 3 * made, 3 * residues);
    work.use(Operation::multiply, 4 * made, 4 * residues);
    work.use(Operation::compare, 2 * made, 2 * residues);
  }

  static std::uint32_t residues(const TileContext& tile) { return std::min(kWidth, tile.cols); }

  void form_key_sums(const Observed& observed) {
    for (std::uint32_t t = 0; t < kWidth; ++t) {
      float* sum = key_sum_.group(t);
      float* weight = key_weight_.group(t);
      for (std::uint32_t k = 0; k < context_.dims.head_dim; ++k) {
        sum[k] = weight[k] = 0;
        for (std::uint32_t key = t; key < observed.tile.cols; key += kWidth) {
          sum[k] += observed.values[k * observed.stride + key];
          weight[k] += std::fabs(observed.values[k * observed.stride + key]);
        }
      }
    }
  }

  /// How many of 0 .. count − 1 are t mod kWidth.
  static std::uint32_t of_residue(std::uint32_t t, std::uint32_t count) {
    return count > t ? (count - t - 1) / kWidth + 1 : 0;
  }

  /// exponent = Σ x − n·m; weight = what its rounding errors are proportional to.
  void expect_exponent(const Observed& observed, std::uint32_t t, std::uint32_t row) {
    const TileContext& tile = observed.tile;
    const CheckerDimensions& dims = context_.dims;
    const Pending& pending = pending_[tile.bank];
    const auto visible = static_cast<std::uint32_t>(max_.visible()[row]);
    float masked = 0;
    for (std::uint32_t key = t; key < tile.cols; key += kWidth)
      if (key >= visible) masked += observed.values[key * observed.stride + row];
    const std::size_t at = t * dims.stride + row;
    const float n = static_cast<float>(of_residue(t, visible)), max = max_.max()[row];
    const std::uint32_t group = tile.bank * kWidth + t;
    exponent_.group(group)[row] =
        canonical((pending.product[at] - masked) * dims.scale_log2e - n * max);
    exponent_weight_.group(group)[row] =
        canonical(pending.weight[at] * std::fabs(dims.scale_log2e) + n * std::fabs(max));
  }

  /// Products of p as it is fed: key j of row i multiplies at mac_start + j + i.
  void form_products(const Observed& observed) {
    const TileContext& tile = observed.tile;
    const std::uint64_t mac_start = observed.timing.first_cycle + 1;
    for (std::uint32_t key = 0; key < tile.cols; ++key) {
      const LaneCycles cycles{mac_start + key, 1};
      float* product = product_.group(key % kWidth);
      if (key >= kWidth) product_.read(key % kWidth, tile.rows, cycles, tile);
      for (std::uint32_t row = 0; row < tile.rows; ++row) {
        const bool seen = key < static_cast<std::uint32_t>(seen_[row]);
        const float before = key < kWidth ? 1.0F : product[row];
        product[row] = seen ? before * observed.values[key * observed.stride + row] : before;
      }
      product_.write(key % kWidth, tile.rows, cycles);
    }
  }

  void compare_exponents(const Observed& observed) {
    const TileContext& tile = observed.tile;
    const CheckerDimensions& dims = context_.dims;
    see_keys(dims, tile, seen_);
    form_products(observed);
    const LaneCycles read = after_last_key(observed.timing, tile);
    for (std::uint32_t t = 0; t < residues(tile); ++t) {
      product_.read(t, tile.rows, read, tile);
      exponent_.read(tile.bank * kWidth + t, tile.rows, read, tile);
      exponent_weight_.read(tile.bank * kWidth + t, tile.rows, read, tile);
    }
    const LaneCycles compared = read + dims.exp_latency_cycles + 1;
    for (std::uint32_t row = 0; row < tile.rows; ++row) {
      Check worst;
      for (std::uint32_t t = 0; t < residues(tile); ++t)
        keep_worse(exponent_check(tile, row, t, compared.at(row)), t == 0, worst);
      checks_.add(worst);
    }
    checks_.report(*sink_);
  }

  Check exponent_check(const TileContext& tile, std::uint32_t row, std::uint32_t t,
                       std::uint64_t cycle) {
    constexpr double kUnderflow = 0x1p-120;
    const CheckerDimensions& dims = context_.dims;
    const double rounding = (dims.probability == Format::float32 ? 0x1p-24 : 0x1p-9) +
                            (dims.exp2 == Exp2Kind::piecewise_linear ? 0x1p-10 : 0x1p-23);
    const double n = of_residue(t, static_cast<std::uint32_t>(seen_[row]));
    const std::uint32_t group = tile.bank * kWidth + t;
    const double weight = exponent_weight_.group(group)[row];
    Check check = row_check(0, tile, row, cycle);
    check.lhs = canonical(double{product_.group(t)[row]});
    check.rhs = canonical(double{exp2_scalar(dims.exp2, exponent_.group(group)[row])});
    check.residual = canonical(std::fabs(check.lhs - check.rhs));
    check.scale = canonical(std::max(std::fabs(check.lhs), check.rhs) *
                                ((n + 1) * rounding + weight * 0x1p-20) +
                            kUnderflow);
    check.threshold = config_.exponent_tolerance * check.scale;
    judge(check, config_.nonfinite);
    return check;
  }

  /// Alarms first, then the largest share of the threshold.
  static void keep_worse(const Check& check, bool first, Check& worst) {
    // In units of its threshold, so that a row alarms exactly if its worst residue does at every
    // factor on the thresholds.
    const auto excess = [](const Check& c) {
      if (c.residual == 0 && !c.nonfinite) return 0.0;
      return c.nonfinite || !(c.threshold > 0) ? std::numeric_limits<double>::infinity()
                                               : c.residual / c.threshold;
    };
    if (first || (check.alarm && !worst.alarm) ||
        (check.alarm == worst.alarm && excess(check) > excess(worst)))
      worst = check;
  }

  // Output

  /// As the row sums of flash_abft: pass by pass a slice of every row enters, and all sums are read
  /// one cycle after they are complete.
  void form_row_sums(const TileContext& tile, std::uint64_t last_pass) {
    const CheckerDimensions& dims = context_.dims;
    const std::uint32_t passes = (dims.head_dim - 1) / dims.cols + 1;
    for (std::uint32_t pass = 0; pass < passes; ++pass) {
      const LaneCycles cycles{last_pass - std::uint64_t{passes - 1 - pass} * pass_interval_, 1};
      for (std::uint32_t t = 0; t < kWidth; ++t) {
        access(row_sum_, t, pass, cycles, tile);
        if (judge_.scaled()) access(row_weight_, t, pass, cycles, tile);
      }
      for (std::uint32_t key = 0; key < tile.cols; ++key)
        for (std::uint32_t c = pass * dims.cols;
             c < std::min(dims.head_dim, (pass + 1) * dims.cols); ++c) {
          const float value = value_[key * value_stride_ + c];
          row_sum_.group(c % kWidth)[key] += value;
          row_weight_.group(c % kWidth)[key] += std::fabs(value);
        }
    }
    const LaneCycles read{last_pass + 1, 1};
    for (std::uint32_t t = 0; t < kWidth; ++t) {
      row_sum_.read(t, tile.cols, read, tile);
      if (judge_.scaled()) row_weight_.read(t, tile.cols, read, tile);
    }
  }
  static void access(RegisterFile<float>& registers, std::uint32_t group, std::uint32_t pass,
                     LaneCycles cycles, const TileContext& tile) {
    if (pass > 0)
      registers.read(group, tile.cols, cycles, tile);
    else
      std::fill_n(registers.group(group), tile.cols, 0.0F);
    registers.write(group, tile.cols, cycles);
  }

  void compare_output(const TileContext& tile, std::uint32_t row, std::uint64_t cycle) {
    const float l = denominator_.group(tile.half)[row];
    Check worst;
    for (std::uint32_t t = 0; t < kWidth; ++t) {
      Check check = row_check(2, tile, row, cycle);
      const float left = left_[t * context_.dims.stride + row], right = sum_.group(t)[row] / l;
      check.lhs = canonical(double{left});
      check.rhs = canonical(double{right});
      check.residual = canonical(double{std::fabs(left - right)});
      if (judge_.scaled()) check.scale = canonical(double{weight_.group(t)[row] / std::fabs(l)});
      judge_.judge(check);
      keep_worse(check, t == 0, worst);
    }
    checks_.add(worst);
  }

  EftaConfig config_;
  CheckerContext context_;
  Judge judge_;
  RegisterFile<float> key_sum_, key_weight_;  ///< [t][depth], formed as K is read, not kept
  RegisterFile<float> row_sum_, row_weight_;  ///< [t][key]
  RunningMax max_;
  RegisterFile<float> exponent_, exponent_weight_;  ///< by bank of the tile and t
  RegisterFile<float> product_;                     ///< by t
  RegisterFile<float> sum_, weight_;                ///< by t
  RegisterFile<float> alpha_;                       ///< by bank of the tile
  RegisterFile<float> denominator_;                 ///< by parity of the query tile
  LaneTile query_;                  ///< q as the S pass reads it, [head_dim][stride]
  std::array<Pending, 2> pending_;  ///< by bank of the tile
  std::vector<std::int32_t> seen_;  ///< keys of the tile of probabilities() that a row sees
  bool formed_ = false;  ///< the row sums of the tile to come stand in their registers already
  LaneTile value_;       ///< V of the tile to come, [key][stride]
  std::size_t value_stride_ = 0;
  std::uint32_t pass_interval_ = 0;
  AlignedVector<float> tile_sum_, tile_weight_, left_;
  RowChecks checks_;
  CheckMath<Float32Number> math_ = check_math<Float32Number>();
};

inline std::unique_ptr<Checker> EftaConfig::make_checker(const std::string& name,
                                                         const CheckerDimensions& dims) const {
  return std::make_unique<Efta>(name, *this, dims);
}

}  // namespace attnguard
