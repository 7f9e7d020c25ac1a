// Whole tiles of a length.
#pragma once

#include <cstdint>

namespace attnguard {

/// a / b rounded up; b > 0 and a + b < 2^32.
constexpr std::uint32_t ceil_div(std::uint32_t a, std::uint32_t b) { return (a + b - 1) / b; }

}  // namespace attnguard
