// The project's own exp2: identical bits on every machine, no libm.
#pragma once

#include <cstdint>

namespace attnguard {

/// `polynomial`: minimax polynomial on the fraction, relative error below 2^-22 ;
/// `piecewise_linear`: 8 equal segments on the fraction, exact at the knots, maximum relative
/// error 9.4e-4 (the structure of FSA, arXiv 2507.11331).
enum class Exp2Kind : std::uint8_t { polynomial, piecewise_linear };

/// 2^x. x < -126 gives +0, x >= 128 gives +inf, NaN gives canonical NaN.
float exp2_scalar(Exp2Kind kind, float x);

}  // namespace attnguard
