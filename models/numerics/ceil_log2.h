// Levels of a binary tree, bits of an index.
#pragma once

#include <cstdint>

namespace attnguard {

/// Smallest n with 2^n >= value; 0 for 0 and 1.
constexpr std::uint32_t ceil_log2(std::uint64_t value) {
  std::uint32_t n = 0;
  for (std::uint64_t rest = value > 0 ? value - 1 : 0; rest != 0; rest >>= 1) ++n;
  return n;
}

}  // namespace attnguard
