// Scalar exp2: one lane of the vector implementation, on the baseline SIMD target.
#include "models/numerics/exp2.h"

#include "models/numerics/exp2-inl.h"

namespace attnguard {

float exp2_scalar(Exp2Kind kind, float x) {
  namespace target = HWY_NAMESPACE;
  const hwy::HWY_NAMESPACE::CappedTag<float, 1> one;
  const auto value = hwy::HWY_NAMESPACE::Set(one, x);
  return hwy::HWY_NAMESPACE::GetLane(
      kind == Exp2Kind::polynomial ? target::exp2_vector<Exp2Kind::polynomial>(one, value)
                                   : target::exp2_vector<Exp2Kind::piecewise_linear>(one, value));
}

}  // namespace attnguard
