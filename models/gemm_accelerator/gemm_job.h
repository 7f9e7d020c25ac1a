// One matrix product to run: C [m][n] = A [m][k] × B [k][n].
#pragma once

#include <cstdint>
#include <vector>

namespace attnguard {

struct GemmShape {
  std::uint32_t m = 1, n = 1, k = 1;

  std::uint64_t macs() const { return std::uint64_t{m} * n * k; }
};

/// Values are exact images of the operand format.
struct GemmJob {
  GemmShape shape;
  std::vector<float> a;  ///< [m][k]
  std::vector<float> b;  ///< [k][n]
};

}  // namespace attnguard
