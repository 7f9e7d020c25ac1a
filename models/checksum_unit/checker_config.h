// Configuration of the checkers: what their options have in common, and the options of flash_abft
// and matmul_abft. See checkers in docs/ for what each option decides.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "models/checksum_unit/checker_options.h"
#include "models/fabric/field.h"
#include "models/numerics/format.h"

namespace attnguard {

enum class SoftmaxScalars : std::uint8_t { shared, duplicated };
enum class SumPoint : std::uint8_t { at_read, at_write };
enum class Normaliser : std::uint8_t { shared_reciprocal, own_division };
enum class QuerySource : std::uint8_t { shared, own };
enum class CheckPoint : std::uint8_t { before_rounding, after_rounding };
enum class Granularity : std::uint8_t { query, tile, head };
/// variance: of V-ABFT, for products of matrices only; variance_published: without the roundings of
/// sums in ascending order.
enum class ThresholdRule : std::uint8_t { absolute, relative, bound, variance, variance_published };
/// Whether means and variances of the operands make the threshold.
constexpr bool uses_variances(ThresholdRule rule) {
  return rule == ThresholdRule::variance || rule == ThresholdRule::variance_published;
}
enum class NonfiniteRule : std::uint8_t { alarm, ignore };
enum class PvCheck : std::uint8_t { per_tile, carried };

/// Number format of a checker's own arithmetic.
enum class CheckFormat : std::uint8_t { float32, float64, bfloat16 };

template <>
struct EnumNames<SoftmaxScalars> {
  static constexpr std::array<std::pair<SoftmaxScalars, std::string_view>, 2> names{
      {{SoftmaxScalars::shared, "shared"}, {SoftmaxScalars::duplicated, "duplicated"}}};
};
template <>
struct EnumNames<SumPoint> {
  static constexpr std::array<std::pair<SumPoint, std::string_view>, 2> names{
      {{SumPoint::at_read, "at_read"}, {SumPoint::at_write, "at_write"}}};
};
template <>
struct EnumNames<Normaliser> {
  static constexpr std::array<std::pair<Normaliser, std::string_view>, 2> names{
      {{Normaliser::shared_reciprocal, "shared_reciprocal"},
       {Normaliser::own_division, "own_division"}}};
};
template <>
struct EnumNames<QuerySource> {
  static constexpr std::array<std::pair<QuerySource, std::string_view>, 2> names{
      {{QuerySource::shared, "shared"}, {QuerySource::own, "own"}}};
};
template <>
struct EnumNames<CheckPoint> {
  static constexpr std::array<std::pair<CheckPoint, std::string_view>, 2> names{
      {{CheckPoint::before_rounding, "before"}, {CheckPoint::after_rounding, "after"}}};
};
template <>
struct EnumNames<Granularity> {
  static constexpr std::array<std::pair<Granularity, std::string_view>, 3> names{
      {{Granularity::query, "query"}, {Granularity::tile, "tile"}, {Granularity::head, "head"}}};
};
template <>
struct EnumNames<ThresholdRule> {
  static constexpr std::array<std::pair<ThresholdRule, std::string_view>, 5> names{
      {{ThresholdRule::absolute, "absolute"},
       {ThresholdRule::relative, "relative"},
       {ThresholdRule::bound, "bound"},
       {ThresholdRule::variance, "variance"},
       {ThresholdRule::variance_published, "variance_published"}}};
};
template <>
struct EnumNames<NonfiniteRule> {
  static constexpr std::array<std::pair<NonfiniteRule, std::string_view>, 2> names{
      {{NonfiniteRule::alarm, "alarm"}, {NonfiniteRule::ignore, "ignore"}}};
};
template <>
struct EnumNames<PvCheck> {
  static constexpr std::array<std::pair<PvCheck, std::string_view>, 2> names{
      {{PvCheck::per_tile, "per_tile"}, {PvCheck::carried, "carried"}}};
};
template <>
struct EnumNames<CheckFormat> {
  static constexpr std::array<std::pair<CheckFormat, std::string_view>, 3> names{
      {{CheckFormat::float32, "float32"},
       {CheckFormat::float64, "float64"},
       {CheckFormat::bfloat16, "bfloat16"}}};
};

/// How a residual is judged. 0 for relative or absolute selects the documented default of the point
/// and format.
struct ThresholdConfig {
  ThresholdRule rule = ThresholdRule::relative;
  double value =
      0.0;  ///< τ for absolute, factor of the scale for relative; 0 = default; unused for bound

  /// `key`: of this threshold in its checker. A bound's scale is that of `relative`; V-ABFT's is a
  /// function of `value`.
  std::optional<ThresholdKey> key(const std::string& key) const {
    if (uses_variances(rule)) return std::nullopt;
    return ThresholdKey{
        key + ".value", key + ".rule",
        std::string(enum_name(rule == ThresholdRule::bound ? ThresholdRule::relative : rule))};
  }

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"rule",
                "how the threshold is formed: a constant, a factor of the data's scale, or a "
                "proven rounding bound",
                0, static_cast<double>(ThresholdRule::bound)},
      self.rule);
    v(FieldSpec{"value",
                "threshold (absolute) or factor of the scale (relative); 0 selects the documented "
                "default",
                0.0, 1e30},
      self.value);
  }
};

/// The same for one product of matrices, where the data's mean and variance can make a threshold.
struct ProductThresholdConfig : ThresholdConfig {
  ProductThresholdConfig() = default;
  ProductThresholdConfig(const ThresholdConfig& config)  // NOLINT(google-explicit-constructor)
      : ThresholdConfig(config) {}

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"rule",
                "how the threshold is formed: a constant, a factor of the data's scale, a proven "
                "rounding bound, or V-ABFT's estimate from means and variances, with the roundings "
                "of this array and checker or as published"},
      self.rule);
    v(FieldSpec{"value",
                "threshold (absolute), factor of the scale (relative) or V-ABFT's c (variance); 0 "
                "selects the documented default",
                0.0, 1e30},
      self.value);
  }
};

/// flash_abft: one online checksum over Q, K, V and the softmax.
struct FlashAbftConfig {
  static constexpr std::string_view kind = "flash_abft";
  std::unique_ptr<Checker> make_checker(const std::string& name,
                                        const CheckerDimensions& dims) const;

  SoftmaxScalars softmax_scalars = SoftmaxScalars::shared;
  SumPoint row_sum = SumPoint::at_read;
  Normaliser normaliser = Normaliser::own_division;
  bool score_check = false;
  SumPoint key_sum = SumPoint::at_read;
  QuerySource query_source = QuerySource::shared;
  CheckPoint point = CheckPoint::before_rounding;
  Granularity granularity = Granularity::query;
  CheckFormat format = CheckFormat::float32;
  ThresholdConfig threshold;
  ThresholdConfig score_threshold;
  NonfiniteRule nonfinite = NonfiniteRule::alarm;

  std::optional<ThresholdKey> threshold_key(std::string_view comparison) const {
    return comparison == "score" ? score_threshold.key("score_threshold")
                                 : threshold.key("threshold");
  }

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"softmax_scalars",
                "whose m, alpha, p and l the checksum uses: the datapath's or its own"},
      self.softmax_scalars);
    v(FieldSpec{"row_sum",
                "when the row sums of V are formed: from the operand stream or when V enters its "
                "buffer"},
      self.row_sum);
    v(FieldSpec{"normaliser", "the datapath's reciprocal, or a division of the checker's own"},
      self.normaliser);
    v(FieldSpec{"score_check", "also compare the sum of raw scores with q times the key sums"},
      self.score_check);
    v(FieldSpec{"key_sum", "when the key sums of the score check are formed"}, self.key_sum);
    v(FieldSpec{"query_source",
                "the query operand stream, or a copy taken when Q enters its buffer"},
      self.query_source);
    v(FieldSpec{"point", "compare before or after the output is rounded to its format"},
      self.point);
    v(FieldSpec{"granularity", "one comparison per query row, per query tile or per head"},
      self.granularity);
    v(FieldSpec{"format", "number format of the checker's own arithmetic"}, self.format);
    v(FieldSpec{"threshold", "of the output comparison"}, self.threshold);
    v(FieldSpec{"score_threshold", "of the score comparison"}, self.score_threshold);
    v(FieldSpec{"nonfinite", "whether a residual or threshold that is not finite raises the alarm"},
      self.nonfinite);
  }
};

/// matmul_abft: two checks, one per matrix product; the softmax between them is not protected. In a
/// plain product of matrices one, with the options of the score check.
struct MatmulAbftConfig {
  static constexpr std::string_view kind = "matmul_abft";
  std::unique_ptr<Checker> make_checker(const std::string& name,
                                        const CheckerDimensions& dims) const;
  /// variance with a carried sum, which is no product of two matrices, or in bfloat16, for which
  /// no e_max is known.
  std::optional<OptionConflict> conflict() const;

  PvCheck pv_check = PvCheck::per_tile;
  SumPoint row_sum = SumPoint::at_read;
  SumPoint key_sum = SumPoint::at_read;
  QuerySource query_source = QuerySource::shared;
  CheckFormat format = CheckFormat::float32;
  ProductThresholdConfig score_threshold;
  ProductThresholdConfig pv_threshold;
  NonfiniteRule nonfinite = NonfiniteRule::alarm;

  /// Takes part in plain products of matrices too: "product" is judged by `score_threshold`.
  static constexpr bool for_gemm = true;

  std::optional<ThresholdKey> threshold_key(std::string_view comparison) const {
    return comparison == "score" || comparison == "product" ? score_threshold.key("score_threshold")
                                                            : pv_threshold.key("pv_threshold");
  }

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"pv_check",
                "compare P·V of each key tile, or carry the checksum and compare the accumulator "
                "before division"},
      self.pv_check);
    v(FieldSpec{"row_sum", "when the row sums of V are formed"}, self.row_sum);
    v(FieldSpec{"key_sum", "when the key sums are formed"}, self.key_sum);
    v(FieldSpec{"query_source",
                "the query operand stream, or a copy taken when Q enters its buffer"},
      self.query_source);
    v(FieldSpec{"format", "number format of the checker's own arithmetic"}, self.format);
    v(FieldSpec{"score_threshold", "of the comparison of each score tile"}, self.score_threshold);
    v(FieldSpec{"pv_threshold", "of the P·V comparison"}, self.pv_threshold);
    v(FieldSpec{"nonfinite", "whether a residual or threshold that is not finite raises the alarm"},
      self.nonfinite);
  }
};

}  // namespace attnguard
