// Canonical NaN, bfloat16 rounding, the multiply-accumulate of a PE and the loop over lanes, per
// SIMD target.
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"

#if defined(ATTNGUARD_MODELS_NUMERICS_FLOAT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ATTNGUARD_MODELS_NUMERICS_FLOAT_INL_H_
#undef ATTNGUARD_MODELS_NUMERICS_FLOAT_INL_H_
#else
#define ATTNGUARD_MODELS_NUMERICS_FLOAT_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace attnguard {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Bits 0x7fc00000 for any NaN, the value itself otherwise.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V canonical_nan(D d, V value) {
  const V nan = hn::BitCast(d, hn::Set(hn::RebindToUnsigned<D>(), 0x7fc00000u));
  return hn::IfThenElse(hn::IsNaN(value), nan, value);
}

/// Bits of the nearest bfloat16 (ties to even) in the high half, zero below; NaN must be canonical
/// already. The carry of the addition runs into the exponent and so reaches infinity by itself.
template <class D, class V = hn::Vec<D>>
HWY_INLINE auto bfloat16_bits(D, V value) {
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::BitCast(du, value);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
  return hn::And(hn::Add(hn::Add(bits, hn::Set(du, 0x7fffu)), odd), hn::Set(du, 0xffff0000u));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V round_to_bfloat16(D d, V value) {
  return hn::BitCast(d, bfloat16_bits(d, value));
}

/// sum + a × b: both roundings of float32, or, of int8 operands and the bits of an int32 sum, exact
/// and modulo 2^32.
template <bool kInteger, class D, class V = hn::Vec<D>>
HWY_INLINE V accumulated(D d, V sum, V a, V b) {
  const V product = hn::Mul(a, b);
  if constexpr (kInteger) {
    const hn::RebindToSigned<D> di;
    const hn::RebindToUnsigned<D> du;  // wraps
    const auto added = hn::BitCast(du, hn::ConvertTo(di, product));
    return hn::BitCast(d, hn::Add(hn::BitCast(du, sum), added));
  } else {
    return hn::Add(sum, product);
  }
}

/// body(tag, lane) for whole vectors of `tag` from `lane` on, as far as they fit; the first lane
/// not covered.
template <class D, class Body>
HWY_INLINE std::size_t for_vectors(D d, std::size_t lane, std::size_t lanes, const Body& body) {
  for (; lane + hn::Lanes(d) <= lanes; lane += hn::Lanes(d)) body(d, lane);
  return lane;
}

/// Calls body(tag, lane) for groups of lanes that together cover exactly 0 .. lanes − 1: whole
/// vectors, then ever shorter ones, so that nothing outside the range is read or written.
template <class Body>
HWY_INLINE void for_lane_groups(std::size_t lanes, const Body& body) {
  const hn::ScalableTag<float> whole;
  std::size_t lane = for_vectors(whole, 0, lanes, body);
  if constexpr (hn::MaxLanes(hn::ScalableTag<float>()) > 8)
    lane = for_vectors(hn::CappedTag<float, 8>(), lane, lanes, body);
  if constexpr (hn::MaxLanes(hn::ScalableTag<float>()) > 4)
    lane = for_vectors(hn::CappedTag<float, 4>(), lane, lanes, body);
  for_vectors(hn::CappedTag<float, 1>(), lane, lanes, body);
}

}  // namespace HWY_NAMESPACE
}  // namespace attnguard
HWY_AFTER_NAMESPACE();

#endif
