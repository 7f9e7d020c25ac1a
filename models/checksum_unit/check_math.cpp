#include "models/checksum_unit/check_math.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/checksum_unit/check_math.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace attnguard {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Vector counterparts of the number formats. `widen` takes float32 inputs to the format's own
// vector.
struct Float32Lanes : Float32Number {
  using Tag = hn::ScalableTag<float>;
  template <class D, class V>
  static HWY_INLINE HWY_ATTR hn::Vec<D> widen(D, V v) {
    return v;
  }
  template <class D, class V>
  static HWY_INLINE HWY_ATTR V rounded(D, V v) {
    return v;
  }
};

struct Float64Lanes : Float64Number {
  using Tag = hn::ScalableTag<double>;
  template <class D, class V>
  static HWY_INLINE HWY_ATTR hn::Vec<D> widen(D d, V v) {
    return hn::PromoteTo(d, v);
  }
  template <class D, class V>
  static HWY_INLINE HWY_ATTR V rounded(D, V v) {
    return v;
  }
};

struct Bfloat16Lanes : Bfloat16Number {
  using Tag = hn::ScalableTag<float>;
  template <class D, class V>
  static HWY_INLINE HWY_ATTR hn::Vec<D> widen(D, V v) {
    return v;
  }
  // To nearest even on the upper half. Every NaN met here is canonical up to its sign, so the carry
  // cannot spoil it.
  template <class D, class V>
  static HWY_INLINE HWY_ATTR V rounded(D d, V v) {
    const hn::RebindToUnsigned<D> du;
    const auto bits = hn::BitCast(du, v);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
    const auto sum = hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7FFFu)));
    return hn::BitCast(d, hn::And(sum, hn::Set(du, 0xFFFF0000u)));
  }
};

template <class L, class D, class V>
HWY_INLINE HWY_ATTR V add(D d, V a, V b) {
  return L::rounded(d, hn::Add(a, b));
}
template <class L, class D, class V>
HWY_INLINE HWY_ATTR V mul(D d, V a, V b) {
  return L::rounded(d, hn::Mul(a, b));
}

template <class L, class D>
HWY_INLINE HWY_ATTR hn::Vec<D> input(D d, const float* in) {
  return L::widen(d, hn::LoadU(hn::Rebind<float, D>(), in));
}

#if HWY_TARGET != HWY_SCALAR
// Block b (four lanes) of the result holds in[4 b × stride .. + 3]: four columns of every fourth
// row.
template <class F>
HWY_INLINE HWY_ATTR hn::Vec<F> load_blocks(F f, const float* in, std::size_t stride) {
  if constexpr (hn::MaxLanes(F()) <= 4) {
    return hn::LoadU(f, in);
  } else {
    const hn::Half<F> half;
    return hn::Combine(f, load_blocks(half, in + hn::Lanes(half) * stride, stride),
                       load_blocks(half, in, stride));
  }
}

template <class L, bool kWeighted, class D, class V>
HWY_INLINE HWY_ATTR void take(D d, V value, hn::Vec<D>& sum, hn::Vec<D>& weight) {
  const auto x = L::widen(d, value);
  sum = add<L>(d, sum, x);
  if constexpr (kWeighted) weight = add<L>(d, weight, hn::Abs(x));
}

#endif  // HWY_TARGET != HWY_SCALAR

template <class L, bool kWeighted>
HWY_ATTR void sum_row(const float* in, std::size_t columns, typename L::Value* sum,
                      typename L::Value* weight) {
  for (std::size_t c = 0; c < columns; ++c) {
    *sum = L::add(*sum, in[c]);
    if constexpr (kWeighted) *weight = L::add(*weight, std::fabs(in[c]));
  }
}

// Rows are lanes: 4 × 4 blocks are transposed on the way, so that a register holds one column of N
// rows. What is left over goes to narrower vectors, in the end to single rows.
template <class L, bool kWeighted, class D>
HWY_ATTR void sum_rows_lanes(D d, const float* in, std::size_t stride, std::size_t rows,
                             std::size_t columns, typename L::Value* sum,
                             typename L::Value* weight) {
#if HWY_TARGET != HWY_SCALAR
  using F = hn::Rebind<float, D>;
  const F f;
  if constexpr (hn::MaxLanes(F()) >= 4) {
    constexpr std::size_t kLanes = hn::MaxLanes(F());
    for (; rows >= kLanes; rows -= kLanes, in += kLanes * stride, sum += kLanes) {
      auto s = hn::LoadU(d, sum);
      auto w = kWeighted ? hn::LoadU(d, weight) : hn::Zero(d);
      std::size_t c = 0;
      for (; c + 4 <= columns; c += 4) {
        const auto r0 = load_blocks(f, in + c, stride);
        const auto r1 = load_blocks(f, in + c + stride, stride);
        const auto r2 = load_blocks(f, in + c + 2 * stride, stride);
        const auto r3 = load_blocks(f, in + c + 3 * stride, stride);
        const auto even_low = hn::InterleaveLower(f, r0, r2),
                   odd_low = hn::InterleaveLower(f, r1, r3);
        const auto even_high = hn::InterleaveUpper(f, r0, r2),
                   odd_high = hn::InterleaveUpper(f, r1, r3);
        take<L, kWeighted>(d, hn::InterleaveLower(f, even_low, odd_low), s, w);
        take<L, kWeighted>(d, hn::InterleaveUpper(f, even_low, odd_low), s, w);
        take<L, kWeighted>(d, hn::InterleaveLower(f, even_high, odd_high), s, w);
        take<L, kWeighted>(d, hn::InterleaveUpper(f, even_high, odd_high), s, w);
      }
      hn::StoreU(s, d, sum);
      if constexpr (kWeighted) hn::StoreU(w, d, weight);
      if (c < columns)
        for (std::size_t r = 0; r < kLanes; ++r)
          sum_row<L, kWeighted>(in + r * stride + c, columns - c, sum + r,
                                kWeighted ? weight + r : nullptr);
      if constexpr (kWeighted) weight += kLanes;
    }
    if constexpr (kLanes > 4) {
      sum_rows_lanes<L, kWeighted>(hn::Half<D>(), in, stride, rows, columns, sum, weight);
      return;
    }
  }
#else
  static_cast<void>(d);
#endif
  for (std::size_t r = 0; r < rows; ++r)
    sum_row<L, kWeighted>(in + r * stride, columns, sum + r, kWeighted ? weight + r : nullptr);
}

template <class L>
HWY_ATTR void sum_rows(const float* in, std::size_t stride, std::size_t rows, std::size_t columns,
                       typename L::Value* sum, typename L::Value* weight) {
  if (weight != nullptr)
    sum_rows_lanes<L, true>(typename L::Tag(), in, stride, rows, columns, sum, weight);
  else
    sum_rows_lanes<L, false>(typename L::Tag(), in, stride, rows, columns, sum, weight);
}

template <class L>
HWY_ATTR void sum_columns(const float* in, std::size_t stride, std::size_t columns,
                          std::size_t lanes, typename L::Value* sum) {
  const typename L::Tag d;
  for (std::size_t lane = 0; lane < lanes; lane += hn::Lanes(d)) {
    auto s = hn::Zero(d);
    for (std::size_t c = 0; c < columns; ++c) s = add<L>(d, s, input<L>(d, in + c * stride + lane));
    hn::StoreU(s, d, sum + lane);
  }
}

template <class L, bool kWeighted, bool kMagnitude>
HWY_ATTR void dot_lanes(const float* in, std::size_t stride, std::size_t columns, std::size_t lanes,
                        const typename L::Value* factor, const typename L::Value* weight_factor,
                        typename L::Value* dot, typename L::Value* weight) {
  const typename L::Tag d;
  for (std::size_t lane = 0; lane < lanes; lane += hn::Lanes(d)) {
    auto s = hn::Zero(d), w = hn::Zero(d);
    for (std::size_t c = 0; c < columns; ++c) {
      const auto x = input<L>(d, in + c * stride + lane);
      s = add<L>(d, s, mul<L>(d, x, hn::Set(d, factor[c])));
      if constexpr (kWeighted)
        w = add<L>(d, w, mul<L>(d, kMagnitude ? hn::Abs(x) : x, hn::Set(d, weight_factor[c])));
    }
    hn::StoreU(s, d, dot + lane);
    if constexpr (kWeighted) hn::StoreU(w, d, weight + lane);
  }
}

template <class L>
HWY_ATTR void dot_columns(const float* in, std::size_t stride, std::size_t columns,
                          std::size_t lanes, const typename L::Value* factor,
                          const typename L::Value* weight_factor, bool magnitude,
                          typename L::Value* dot, typename L::Value* weight) {
  const auto loop = weight == nullptr ? dot_lanes<L, false, false>
                    : magnitude       ? dot_lanes<L, true, true>
                                      : dot_lanes<L, true, false>;
  loop(in, stride, columns, lanes, factor, weight_factor, dot, weight);
}

template <class L>
HWY_ATTR void rescale(typename L::Value* sum, const float* alpha, const typename L::Value* term,
                      std::size_t lanes) {
  const typename L::Tag d;
  for (std::size_t lane = 0; lane < lanes; lane += hn::Lanes(d)) {
    const auto scaled = mul<L>(d, hn::LoadU(d, sum + lane), input<L>(d, alpha + lane));
    hn::StoreU(add<L>(d, scaled, hn::LoadU(d, term + lane)), d, sum + lane);
  }
}

template <class N, class L>
CheckMath<N> math_of() {
  return {sum_rows<L>, sum_columns<L>, dot_columns<L>, rescale<L>};
}
CheckMath<Float32Number> float32_math() { return math_of<Float32Number, Float32Lanes>(); }
CheckMath<Float64Number> float64_math() { return math_of<Float64Number, Float64Lanes>(); }
CheckMath<Bfloat16Number> bfloat16_math() { return math_of<Bfloat16Number, Bfloat16Lanes>(); }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace attnguard
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attnguard {

HWY_EXPORT(float32_math);
HWY_EXPORT(float64_math);
HWY_EXPORT(bfloat16_math);

template <>
CheckMath<Float32Number> check_math() {
  return HWY_DYNAMIC_DISPATCH(float32_math)();
}
template <>
CheckMath<Float64Number> check_math() {
  return HWY_DYNAMIC_DISPATCH(float64_math)();
}
template <>
CheckMath<Bfloat16Number> check_math() {
  return HWY_DYNAMIC_DISPATCH(bfloat16_math)();
}

}  // namespace attnguard
#endif  // HWY_ONCE
