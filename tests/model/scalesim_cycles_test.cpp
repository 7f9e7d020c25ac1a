// The stepping array takes the cycles SCALE-Sim reports for output-stationary products: folds
// strictly one after another, a partial fold as long as a full one, draining not counted. Cycles
// are observed on the registers, not computed.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "models/systolic_array/stepping_array.h"
#include "tests/support/scalesim_table.h"

namespace attnguard {
namespace {

// Small positive integers: sums are exact, and every product changes its accumulator.
float west_value(std::uint32_t m, std::uint32_t k) {
  return static_cast<float>(1 + (7 * m + 3 * k) % 5);
}
float north_value(std::uint32_t n, std::uint32_t k) {
  return static_cast<float>(1 + (11 * n + 5 * k) % 7);
}

// A register seen after each cycle: how often, and when last, did it change?
class Watched {
 public:
  Watched(const SteppingArray& array, std::uint32_t row, std::uint32_t col)
      : array_(array), row_(row), col_(col) {}
  void look() {
    const float value = array_.value(ArrayRegister::acc, row_, col_);
    if (value == last_value_) return;
    last_value_ = value;
    last_change_ = array_.now() - 1;
    if (changes_++ == 0) first_change_ = last_change_;
  }
  std::uint64_t changes() const { return changes_; }
  std::uint64_t first_change() const { return first_change_; }
  std::uint64_t last_change() const { return last_change_; }

 private:
  const SteppingArray& array_;
  std::uint32_t row_, col_;
  float last_value_ = 0;
  std::uint64_t changes_ = 0, first_change_ = 0, last_change_ = 0;
};

class ScaleSim : public testing::TestWithParam<ScaleSimRow> {};

TEST_P(ScaleSim, SerialFoldsTakeItsCyclesAndComputeTheProduct) {
  const ScaleSimRow& row = GetParam();
  SteppingArray array(row.rows, row.cols);
  // Every product lies between the first of PE (0, 0) and the last of the opposite corner.
  Watched first_pe(array, 0, 0), last_pe(array, row.rows - 1, row.cols - 1);
  // Two of each: a fold is delivered while the next one runs.
  std::vector<float> west[2], north[2], out[2];
  for (int b = 0; b < 2; ++b) {
    west[b].resize(row.k * row.rows);
    north[b].resize(row.k * row.cols);
    out[b].resize(row.cols * row.rows);
  }
  struct Fold {
    std::uint32_t m0, n0;
  };
  std::vector<Fold> folds;
  for (std::uint32_t m0 = 0; m0 < row.m; m0 += row.rows) {
    for (std::uint32_t n0 = 0; n0 < row.n; n0 += row.cols) folds.push_back({m0, n0});
  }
  const auto expect_product = [&](std::size_t f) {
    const Fold& fold = folds[f];
    for (const std::uint32_t i : {0u, row.rows / 2, row.rows - 1}) {
      for (const std::uint32_t j : {0u, row.cols / 2, row.cols - 1}) {
        double sum = 0;
        for (std::uint32_t k = 0; k < row.k; ++k)
          sum += west_value(fold.m0 + i, k) * north_value(fold.n0 + j, k);
        ASSERT_EQ(out[f % 2][j * row.rows + i], sum) << "fold " << f << " at " << i << ", " << j;
      }
    }
  };
  for (std::size_t f = 0; f < folds.size(); ++f) {
    const std::size_t b = f % 2;
    for (std::uint32_t k = 0; k < row.k;
         ++k) {  // past the edge of the matrix the lanes work all the same
      for (std::uint32_t i = 0; i < row.rows; ++i)
        west[b][k * row.rows + i] = west_value(folds[f].m0 + i, k);
      for (std::uint32_t j = 0; j < row.cols; ++j)
        north[b][k * row.cols + j] = north_value(folds[f].n0 + j, k);
    }
    ArrayPass pass;
    pass.start = array.now();
    pass.depth = row.k;
    pass.rows = row.rows;
    pass.cols = row.cols;
    pass.west = west[b].data();
    pass.north = north[b].data();
    pass.out = out[b].data();
    pass.west_stride = pass.out_stride = row.rows;
    pass.north_stride = row.cols;
    array.feed(pass);
    // The next fold's first operand may enter in the cycle of this fold's last product.
    const bool last = f + 1 == folds.size();
    const std::uint64_t products = (f + 1) * std::uint64_t{row.k};
    while (last_pe.changes() < products - (last ? 0 : 1)) {
      array.advance_to(array.now() + 1);
      first_pe.look();
      last_pe.look();
    }
    if (f > 0 && f % 61 == 1) expect_product(f - 1);
  }
  EXPECT_EQ(last_pe.last_change() - first_pe.first_change() + 1, row.total_cycles + 1);
  array.advance_to(array.now() + 3);
  EXPECT_TRUE(array.idle());
  expect_product(folds.size() - 1);
}

INSTANTIATE_TEST_SUITE_P(Table, ScaleSim, testing::ValuesIn(scalesim_table("os")),
                         [](const auto& param) { return param.param.name(); });

TEST(ScaleSimTable, IsRead) {
  for (const char* dataflow : {"os", "ws", "is"}) EXPECT_EQ(scalesim_table(dataflow).size(), 30u);
  EXPECT_EQ(scalesim_table().size(), 90u);
}

}  // namespace
}  // namespace attnguard
