// What tests of both stepping arrays have in common: shapes, what a stream of work comes to, and
// that two ways come to the same.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/fault_injector/fault.h"
#include "tests/support/array_stream.h"

namespace attnguard {

struct ArrayShape {
  std::uint32_t rows, cols;
};
inline constexpr std::array<ArrayShape, 9> kArrayShapes{
    {{1, 1}, {1, 6}, {6, 1}, {2, 2}, {3, 5}, {8, 8}, {5, 17}, {16, 16}, {20, 35}}};

struct Stepped {
  std::vector<std::vector<float>> outputs;
  FaultOutcome outcome;
};

inline void expect_same_outcome(const FaultOutcome& a, const FaultOutcome& b) {
  ASSERT_EQ(a.activated, b.activated);
  if (!a.activated) return;
  EXPECT_EQ(a.activate_cycle, b.activate_cycle);
  EXPECT_EQ(a.value_before, b.value_before);
  EXPECT_EQ(a.value_after, b.value_after);
  EXPECT_EQ(a.place.head, b.place.head);
  EXPECT_EQ(a.place.query_row, b.place.query_row);
  EXPECT_EQ(a.place.key_tile, b.place.key_tile);
}

inline void expect_same_outputs(const std::vector<std::vector<float>>& a,
                                const std::vector<std::vector<float>>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t p = 0; p < a.size(); ++p) EXPECT_TRUE(same_bits(a[p], b[p])) << "output " << p;
}

}  // namespace attnguard
