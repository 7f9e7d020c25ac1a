// 2^x on vectors of any width, one lane included: the only implementation, so scalar and vector
// bits agree.
//
// x = n + f with n = floor(x) and f in [0, 1]; 2^f from a polynomial or from 8 chords; n is added
// to the exponent. Both forms give exactly 1 at f = 0 and exactly 2 at f = 1 (f rounds up to 1 when
// x is a tiny negative number).
#include <cstdint>

#include "hwy/highway.h"

#if defined(ATTNGUARD_MODELS_NUMERICS_EXP2_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ATTNGUARD_MODELS_NUMERICS_EXP2_INL_H_
#undef ATTNGUARD_MODELS_NUMERICS_EXP2_INL_H_
#else
#define ATTNGUARD_MODELS_NUMERICS_EXP2_INL_H_
#endif

#include "models/numerics/exp2.h"
#include "models/numerics/float-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attnguard {
namespace HWY_NAMESPACE {

/// 2^f, f in [0, 1]: 1 + c1 f + .. + c6 f^6 by Horner's rule. Minimax in relative error (Remez
/// exchange, 60 digits) with the values at 0 and 1 held; 2.2e-9 before the coefficients are rounded
/// to float32.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp2_fraction_polynomial(D d, V f) {
  V y = hn::Set(d, 0x1.c765a8p-13f);
  y = hn::Add(hn::Mul(y, f), hn::Set(d, 0x1.462150p-10f));
  y = hn::Add(hn::Mul(y, f), hn::Set(d, 0x1.3d217cp-7f));
  y = hn::Add(hn::Mul(y, f), hn::Set(d, 0x1.c686b4p-5f));
  y = hn::Add(hn::Mul(y, f), hn::Set(d, 0x1.ebfd74p-3f));
  y = hn::Add(hn::Mul(y, f), hn::Set(d, 0x1.62e42ap-1f));
  return hn::Add(hn::Mul(y, f), hn::Set(d, 1.0f));
}

/// 2^f, f in [0, 1]: the chord of segment floor(8 f), anchored at its left end.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp2_fraction_chords(D d, V f) {
  // 2^(i/8) rounded to float32; the slope 8 (2^((i+1)/8) − 2^(i/8)) of rounded knots is exact.
  alignas(64) static constexpr float kKnot[8] = {0x1.000000p+0f, 0x1.172b84p+0f, 0x1.306fe0p+0f,
                                                 0x1.4bfdaep+0f, 0x1.6a09e6p+0f, 0x1.8ace54p+0f,
                                                 0x1.ae89fap+0f, 0x1.d5818ep+0f};
  alignas(64) static constexpr float kSlope[8] = {
      8 * (kKnot[1] - kKnot[0]), 8 * (kKnot[2] - kKnot[1]), 8 * (kKnot[3] - kKnot[2]),
      8 * (kKnot[4] - kKnot[3]), 8 * (kKnot[5] - kKnot[4]), 8 * (kKnot[6] - kKnot[5]),
      8 * (kKnot[7] - kKnot[6]), 8 * (2.0f - kKnot[7])};
  const hn::RebindToSigned<D> di;
  const auto index = hn::ConvertTo(di, hn::Mul(f, hn::Set(d, 8.0f)));
  const auto segment = hn::Max(hn::Min(index, hn::Set(di, 7)), hn::Zero(di));  // f = 1; f = NaN
  const V offset = hn::Sub(f, hn::Mul(hn::ConvertTo(d, segment), hn::Set(d, 0.125f)));
  return hn::Add(hn::GatherIndex(d, kKnot, segment),
                 hn::Mul(hn::GatherIndex(d, kSlope, segment), offset));
}

/// 2^x as exp2_scalar() promises. x = 128 needs no case of its own: 1.0 with 128 added to the
/// exponent is +inf. What lies below −126 and NaN run through the arithmetic as they are and are
/// replaced at the end.
template <Exp2Kind kKind, class D, class V = hn::Vec<D>>
HWY_INLINE V exp2_vector(D d, V x) {
  const hn::RebindToSigned<D> di;
  const V capped = hn::Min(x, hn::Set(d, 128.0f));
  const V whole = hn::Floor(capped);
  const V f = hn::Sub(capped, whole);
  const V y =
      kKind == Exp2Kind::polynomial ? exp2_fraction_polynomial(d, f) : exp2_fraction_chords(d, f);
  // Adding 1.5 · 2^23 leaves the integer in the low bits; the shift drops all others.
  const auto exponent = hn::ShiftLeft<23>(hn::BitCast(di, hn::Add(whole, hn::Set(d, 0x1.8p23f))));
  const V scaled = hn::BitCast(d, hn::Add(hn::BitCast(di, y), exponent));
  const V result = hn::IfThenElseZero(hn::Ge(x, hn::Set(d, -126.0f)), scaled);
  const V nan = hn::BitCast(d, hn::Set(di, 0x7fc00000));
  return hn::IfThenElse(hn::IsNaN(x), nan, result);
}

}  // namespace HWY_NAMESPACE
}  // namespace attnguard
HWY_AFTER_NAMESPACE();

#endif
