// Tile kernels, one copy per SIMD target, chosen at run time. Only Mul and Add, never MulAdd: every
// product is rounded before it is added.
#include "models/numerics/kernels.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/numerics/kernels.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "models/numerics/exp2-inl.h"
#include "models/numerics/float-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attnguard {
namespace HWY_NAMESPACE {

void collect_changes(const float* a, const float* b, std::uint32_t* changed, std::size_t cols,
                     std::size_t lanes, std::size_t stride) {
  for_lane_groups(lanes, [=](auto d, std::size_t lane) HWY_ATTR {
    const hn::RebindToUnsigned<decltype(d)> du;
    auto found = hn::LoadU(du, changed + lane);
    for (std::size_t i = lane; i < cols * stride; i += stride)
      found = hn::Or(found, hn::Xor(hn::BitCast(du, hn::LoadU(d, a + i)),
                                    hn::BitCast(du, hn::LoadU(d, b + i))));
    hn::StoreU(found, du, changed + lane);
  });
}

template <class D>
HWY_INLINE void take_errors(D dd, const float* golden, const float* values, std::size_t column,
                            RowErrors& errors) {
  const hn::Rebind<float, D> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  const auto g = hn::LoadU(d, golden + column), v = hn::LoadU(d, values + column);
  const auto changed = hn::Ne(hn::BitCast(du, g), hn::BitCast(du, v));
  if (hn::AllFalse(du, changed)) return;
  if (errors.changed == 0)
    errors.first = column + static_cast<std::size_t>(hn::FindFirstTrue(du, changed));
  errors.changed += hn::CountTrue(du, changed);
  const auto finite = hn::And(hn::IsFinite(g), hn::IsFinite(v));
  errors.nonfinite |= !hn::AllFalse(d, hn::AndNot(finite, hn::RebindMask(d, changed)));
  // Values that did not change differ by zero, or by NaN if they are not finite.
  const auto error = hn::Abs(hn::Sub(hn::PromoteTo(dd, v), hn::PromoteTo(dd, g)));
  const auto known = hn::IfThenElseZero(hn::IsFinite(error), error);
  errors.largest = std::max(errors.largest, hn::GetLane(hn::MaxOfLanes(dd, known)));
}

RowErrors row_errors(const float* golden, const float* values, std::size_t count) {
  RowErrors errors;
  errors.first = count;
  const hn::ScalableTag<double> whole;
  std::size_t column = 0;
  for (; column + hn::Lanes(whole) <= count; column += hn::Lanes(whole))
    take_errors(whole, golden, values, column, errors);
  for (; column < count; ++column)
    take_errors(hn::CappedTag<double, 1>(), golden, values, column, errors);
  if (errors.nonfinite) errors.largest = std::numeric_limits<double>::infinity();
  return errors;
}

void lane_errors(const float* golden, const float* values, std::size_t cols, std::size_t stride,
                 RowErrors* errors) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  // A part of the lanes holds them in double precision.
  const hn::ScalableTag<double> dd;
  const hn::Rebind<float, decltype(dd)> part;
  constexpr std::size_t kParts = hn::MaxLanes(d) / hn::MaxLanes(dd);
  const std::size_t lanes = hn::Lanes(d);
  HWY_ALIGN std::uint32_t counts[hn::MaxLanes(d)], firsts[hn::MaxLanes(d)],
      infinite[hn::MaxLanes(d)];
  HWY_ALIGN double largests[hn::MaxLanes(d)];
  for (std::size_t lane = 0; lane < stride; lane += lanes) {
    auto count = hn::Zero(du), nonfinite = hn::Zero(du);
    const auto none = hn::Set(du, static_cast<std::uint32_t>(cols));
    auto first = none;
    hn::Vec<decltype(dd)> largest[kParts];
#pragma GCC unroll 2
    for (std::size_t i = 0; i < kParts; ++i) largest[i] = hn::Zero(dd);
    for (std::size_t c = 0; c < cols; ++c) {
      const float *gs = golden + c * stride + lane, *vs = values + c * stride + lane;
      const auto g = hn::LoadU(d, gs), v = hn::LoadU(d, vs);
      const auto changed = hn::Ne(hn::BitCast(du, g), hn::BitCast(du, v));
      if (hn::AllFalse(du, changed)) continue;
      count = hn::Sub(count, hn::VecFromMask(du, changed));
      const auto column = hn::Set(du, static_cast<std::uint32_t>(c));
      first = hn::Min(first, hn::IfThenElse(changed, column, none));
      const auto finite = hn::And(hn::IsFinite(g), hn::IsFinite(v));
      nonfinite = hn::Or(nonfinite, hn::AndNot(hn::VecFromMask(du, hn::RebindMask(du, finite)),
                                               hn::VecFromMask(du, changed)));
#pragma GCC unroll 2
      for (std::size_t i = 0; i < kParts; ++i) {
        // As above: what did not change differs by zero or by NaN.
        const std::size_t at = i * hn::Lanes(dd);
        const auto error = hn::Abs(hn::Sub(hn::PromoteTo(dd, hn::LoadU(part, vs + at)),
                                           hn::PromoteTo(dd, hn::LoadU(part, gs + at))));
        largest[i] = hn::Max(largest[i], hn::IfThenElseZero(hn::IsFinite(error), error));
      }
    }
    hn::Store(count, du, counts);
    hn::Store(first, du, firsts);
    hn::Store(nonfinite, du, infinite);
#pragma GCC unroll 2
    for (std::size_t i = 0; i < kParts; ++i)
      hn::Store(largest[i], dd, largests + i * hn::Lanes(dd));
    for (std::size_t i = 0; i < lanes; ++i)
      errors[lane + i] = {counts[i], firsts[i],
                          infinite[i] != 0 ? std::numeric_limits<double>::infinity() : largests[i],
                          infinite[i] != 0};
  }
}

void softmax_max(const float* score, const std::int32_t* visible, float scale, const float* max_old,
                 float* max_new, std::size_t cols, std::size_t lanes, std::size_t stride) {
  for_lane_groups(lanes, [=](auto d, std::size_t lane) HWY_ATTR {
    const hn::RebindToSigned<decltype(d)> di;
    const auto limit = hn::LoadU(di, visible + lane);
    const bool all_visible =
        hn::AllFalse(di, hn::Lt(limit, hn::Set(di, static_cast<std::int32_t>(cols))));
    const auto factor = hn::Set(d, scale);
    auto max = hn::LoadU(d, max_old + lane);
    for (std::size_t j = 0; j < cols; ++j) {
      const auto x = hn::Mul(hn::LoadU(d, score + j * stride + lane), factor);
      auto greater = hn::Gt(x, max);
      if (!all_visible) {
        const auto seen = hn::Lt(hn::Set(di, static_cast<std::int32_t>(j)), limit);
        greater = hn::And(greater, hn::RebindMask(d, seen));
      }
      max = hn::IfThenElse(greater, x, max);
    }
    hn::StoreU(canonical_nan(d, max), d, max_new + lane);
  });
}

template <Exp2Kind kKind, bool kRound>
void softmax_exp_of(const float* score, const std::int32_t* visible, float scale, bool first,
                    const float* max_old, const float* max_new, float* alpha, float* p,
                    std::size_t cols, std::size_t lanes, std::size_t stride) {
  for_lane_groups(lanes, [=](auto d, std::size_t lane) HWY_ATTR {
    const hn::RebindToSigned<decltype(d)> di;
    const auto limit = hn::LoadU(di, visible + lane);
    const bool all_visible =
        hn::AllFalse(di, hn::Lt(limit, hn::Set(di, static_cast<std::int32_t>(cols))));
    const auto factor = hn::Set(d, scale);
    const auto max = hn::LoadU(d, max_new + lane);
    hn::StoreU(
        first ? hn::Zero(d) : exp2_vector<kKind>(d, hn::Sub(hn::LoadU(d, max_old + lane), max)), d,
        alpha + lane);
    for (std::size_t j = 0; j < cols; ++j) {
      const auto x = hn::Mul(hn::LoadU(d, score + j * stride + lane), factor);
      auto value = exp2_vector<kKind>(d, hn::Sub(x, max));
      if constexpr (kRound) value = round_to_bfloat16(d, value);
      if (!all_visible) {
        const auto seen = hn::Lt(hn::Set(di, static_cast<std::int32_t>(j)), limit);
        value = hn::IfThenElseZero(hn::RebindMask(d, seen), value);
      }
      hn::StoreU(value, d, p + j * stride + lane);
    }
  });
}

/// `round`: p to bfloat16.
void softmax_exp(const float* score, const std::int32_t* visible, float scale, Exp2Kind exp2,
                 bool round, bool first, const float* max_old, const float* max_new, float* alpha,
                 float* p, std::size_t cols, std::size_t lanes, std::size_t stride) {
  const auto stage = exp2 == Exp2Kind::polynomial
                         ? (round ? softmax_exp_of<Exp2Kind::polynomial, true>
                                  : softmax_exp_of<Exp2Kind::polynomial, false>)
                         : (round ? softmax_exp_of<Exp2Kind::piecewise_linear, true>
                                  : softmax_exp_of<Exp2Kind::piecewise_linear, false>);
  stage(score, visible, scale, first, max_old, max_new, alpha, p, cols, lanes, stride);
}

void softmax_sum(const float* p, const float* alpha, float* sum, std::size_t cols,
                 std::size_t lanes, std::size_t stride) {
  for_lane_groups(lanes, [=](auto d, std::size_t lane) HWY_ATTR {
    auto tile_sum = hn::Zero(d);
    for (std::size_t j = 0; j < cols; ++j)
      tile_sum = hn::Add(tile_sum, hn::LoadU(d, p + j * stride + lane));
    const auto carried = hn::Mul(hn::LoadU(d, sum + lane), hn::LoadU(d, alpha + lane));
    hn::StoreU(canonical_nan(d, hn::Add(carried, tile_sum)), d, sum + lane);
  });
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V rescaled(D d, V acc, V alpha, V partial) {
  return canonical_nan(d, hn::Add(hn::Mul(acc, alpha), partial));
}

void rescale_add(float* acc, const float* alpha, const float* partial, std::size_t cols,
                 std::size_t lanes, std::size_t stride) {
  for_lane_groups(lanes, [=](auto d, std::size_t lane) HWY_ATTR {
    const auto factor = hn::LoadU(d, alpha + lane);
    for (std::size_t i = lane; i < cols * stride; i += stride)
      hn::StoreU(rescaled(d, hn::LoadU(d, acc + i), factor, hn::LoadU(d, partial + i)), d, acc + i);
  });
}

/// kBlock vectors of a row through all the steps; columns left over take blocks of half the size. A
/// NaN stays one, so it need be canonical only at the end.
template <std::size_t kBlock, class D>
HWY_INLINE std::size_t rescale_columns(D d, float* acc, const float* alpha,
                                       std::size_t alpha_stride, const float* partial,
                                       const float* golden, std::size_t stride, std::size_t steps,
                                       std::size_t lane, std::size_t count, bool& differs) {
  const hn::RebindToUnsigned<D> du;
  const std::size_t lanes = hn::Lanes(d);
  for (; lane + kBlock * lanes <= count; lane += kBlock * lanes) {
    hn::Vec<D> value[kBlock];
#pragma GCC unroll 8
    for (std::size_t b = 0; b < kBlock; ++b) value[b] = hn::LoadU(d, acc + lane + b * lanes);
    std::size_t s = 0;
    for (; s < steps; ++s) {
      const auto factor = hn::Set(d, alpha[s * alpha_stride]);
      const std::size_t at = s * stride + lane;
#pragma GCC unroll 8
      for (std::size_t b = 0; b < kBlock; ++b)
        value[b] = hn::Add(hn::Mul(value[b], factor), hn::LoadU(d, partial + at + b * lanes));
      if (s % 4 != 3 && s + 1 != steps) continue;  // golden costs as much to read as partial
      auto difference = hn::Zero(du);
#pragma GCC unroll 8
      for (std::size_t b = 0; b < kBlock; ++b)
        difference =
            hn::Or(difference, hn::Xor(hn::BitCast(du, value[b]),
                                       hn::BitCast(du, hn::LoadU(d, golden + at + b * lanes))));
      if (hn::AllTrue(du, hn::Eq(difference, hn::Zero(du)))) break;
    }
    differs |= s == steps;
    const float* final = golden + (steps - 1) * stride + lane;
#pragma GCC unroll 8
    for (std::size_t b = 0; b < kBlock; ++b)
      hn::StoreU(s == steps ? canonical_nan(d, value[b]) : hn::LoadU(d, final + b * lanes), d,
                 acc + lane + b * lanes);
  }
  if constexpr (kBlock > 1)
    return rescale_columns<kBlock / 2>(d, acc, alpha, alpha_stride, partial, golden, stride, steps,
                                       lane, count, differs);
  return lane;
}

bool rescale_row(float* acc, const float* alpha, std::size_t alpha_stride, const float* partial,
                 const float* golden, std::size_t stride, std::size_t steps, std::size_t count) {
  bool differs = false;
  const std::size_t lane = rescale_columns<4>(hn::ScalableTag<float>(), acc, alpha, alpha_stride,
                                              partial, golden, stride, steps, 0, count, differs);
  rescale_columns<1>(hn::CappedTag<float, 1>(), acc, alpha, alpha_stride, partial, golden, stride,
                     steps, lane, count, differs);
  return differs;
}

#if HWY_TARGET != HWY_SCALAR
/// Block b (four lanes) holds four columns of row 4 b.
template <class D>
HWY_INLINE hn::Vec<D> every_fourth_row(D d, const float* const* rows, std::size_t column) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    return hn::LoadU(d, rows[0] + column);
  } else {
    const hn::Half<D> half;
    return hn::Combine(d, every_fourth_row(half, rows + hn::Lanes(half), column),
                       every_fourth_row(half, rows, column));
  }
}
#endif

/// Four columns of a vector of rows at once: blocks of 4 × 4 are transposed. Rows left over take
/// vectors of half the size, in the end single lanes.
template <class D>
HWY_INLINE void rows_to_lanes_of(D d, const float* const* rows, std::size_t lanes, float* out,
                                 std::size_t count, std::size_t stride) {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (hn::MaxLanes(D()) >= 4) {
    constexpr std::size_t kLanes = hn::MaxLanes(D());
    for (; lanes >= kLanes; lanes -= kLanes, rows += kLanes, out += kLanes) {
      std::size_t c = 0;
      for (; c + 4 <= count; c += 4) {
        const auto r0 = every_fourth_row(d, rows, c), r1 = every_fourth_row(d, rows + 1, c),
                   r2 = every_fourth_row(d, rows + 2, c), r3 = every_fourth_row(d, rows + 3, c);
        const auto low02 = hn::InterleaveLower(d, r0, r2), low13 = hn::InterleaveLower(d, r1, r3);
        const auto high02 = hn::InterleaveUpper(d, r0, r2), high13 = hn::InterleaveUpper(d, r1, r3);
        float* column = out + c * stride;
        hn::StoreU(hn::InterleaveLower(d, low02, low13), d, column);
        hn::StoreU(hn::InterleaveUpper(d, low02, low13), d, column + stride);
        hn::StoreU(hn::InterleaveLower(d, high02, high13), d, column + 2 * stride);
        hn::StoreU(hn::InterleaveUpper(d, high02, high13), d, column + 3 * stride);
      }
      for (; c < count; ++c)
        for (std::size_t i = 0; i < kLanes; ++i) out[c * stride + i] = rows[i][c];
    }
    if constexpr (kLanes > 4)
      return rows_to_lanes_of(hn::Half<D>(), rows, lanes, out, count, stride);
  }
#else
  static_cast<void>(d);
#endif
  for (std::size_t lane = 0; lane < lanes; ++lane)
    for (std::size_t c = 0; c < count; ++c) out[c * stride + lane] = rows[lane][c];
}

void rows_to_lanes(const float* const* rows, std::size_t lanes, float* out, std::size_t count,
                   std::size_t stride) {
  rows_to_lanes_of(hn::ScalableTag<float>(), rows, lanes, out, count, stride);
}

void reciprocals(const float* sum, float* reciprocal, std::size_t lanes) {
  for_lane_groups(lanes, [=](auto d, std::size_t lane) HWY_ATTR {
    const auto value = hn::Div(hn::Set(d, 1.0f), hn::LoadU(d, sum + lane));
    hn::StoreU(canonical_nan(d, value), d, reciprocal + lane);
  });
}

void normalise(const float* acc, const float* reciprocal, float* out, std::size_t cols,
               std::size_t lanes, std::size_t stride) {
  for_lane_groups(lanes, [=](auto d, std::size_t lane) HWY_ATTR {
    const auto factor = hn::LoadU(d, reciprocal + lane);
    for (std::size_t i = lane; i < cols * stride; i += stride) {
      hn::StoreU(canonical_nan(d, hn::Mul(hn::LoadU(d, acc + i), factor)), d, out + i);
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace attnguard
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attnguard {
HWY_EXPORT(collect_changes);
HWY_EXPORT(row_errors);
HWY_EXPORT(lane_errors);
HWY_EXPORT(softmax_max);
HWY_EXPORT(softmax_exp);
HWY_EXPORT(softmax_sum);
HWY_EXPORT(rescale_add);
HWY_EXPORT(rescale_row);
HWY_EXPORT(rows_to_lanes);
HWY_EXPORT(reciprocals);
HWY_EXPORT(normalise);

void collect_changes(const float* a, const float* b, std::uint32_t* changed, std::size_t cols,
                     std::size_t lanes, std::size_t stride) {
  HWY_DYNAMIC_DISPATCH(collect_changes)(a, b, changed, cols, lanes, stride);
}

RowErrors row_errors(const float* golden, const float* values, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(row_errors)(golden, values, count);
}

void lane_errors(const float* golden, const float* values, std::size_t cols, std::size_t stride,
                 RowErrors* errors) {
  HWY_DYNAMIC_DISPATCH(lane_errors)(golden, values, cols, stride, errors);
}

void softmax_max(const float* score, const std::int32_t* visible, float scale, const float* max_old,
                 float* max_new, std::size_t cols, std::size_t lanes, std::size_t stride) {
  HWY_DYNAMIC_DISPATCH(softmax_max)(score, visible, scale, max_old, max_new, cols, lanes, stride);
}

void softmax_exp(const float* score, const std::int32_t* visible, float scale, Exp2Kind exp2,
                 Format probability, bool first, const float* max_old, const float* max_new,
                 float* alpha, float* p, std::size_t cols, std::size_t lanes, std::size_t stride) {
  HWY_DYNAMIC_DISPATCH(softmax_exp)
  (score, visible, scale, exp2, probability == Format::bfloat16, first, max_old, max_new, alpha, p,
   cols, lanes, stride);
  if (probability == Format::float16) {
    for (std::size_t j = 0; j < cols; ++j) round_values(probability, p + j * stride, lanes);
  }
}

void softmax_sum(const float* p, const float* alpha, float* sum, std::size_t cols,
                 std::size_t lanes, std::size_t stride) {
  HWY_DYNAMIC_DISPATCH(softmax_sum)(p, alpha, sum, cols, lanes, stride);
}

void rescale_add(float* acc, const float* alpha, const float* partial, std::size_t cols,
                 std::size_t lanes, std::size_t stride) {
  HWY_DYNAMIC_DISPATCH(rescale_add)(acc, alpha, partial, cols, lanes, stride);
}

bool rescale_row(float* acc, const float* alpha, std::size_t alpha_stride, const float* partial,
                 const float* golden, std::size_t stride, std::size_t steps, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(rescale_row)(acc, alpha, alpha_stride, partial, golden, stride, steps,
                                           count);
}

void rows_to_lanes(const float* const* rows, std::size_t lanes, float* out, std::size_t count,
                   std::size_t stride) {
  HWY_DYNAMIC_DISPATCH(rows_to_lanes)(rows, lanes, out, count, stride);
}

void reciprocals(const float* sum, float* reciprocal, std::size_t lanes) {
  HWY_DYNAMIC_DISPATCH(reciprocals)(sum, reciprocal, lanes);
}

void normalise(const float* acc, const float* reciprocal, float* out, std::size_t cols,
               std::size_t lanes, std::size_t stride) {
  HWY_DYNAMIC_DISPATCH(normalise)(acc, reciprocal, out, cols, lanes, stride);
}

}  // namespace attnguard
#endif  // HWY_ONCE
