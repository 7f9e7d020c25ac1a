// The table of the fault universe, from scripted live blocks.
#include "src/simulation/site_table.h"

#include <gtest/gtest.h>

#include <vector>

namespace attnguard {
namespace {

TEST(SiteTable, CountsBitsAndLiveCellsPerClass) {
  FaultUniverse universe;
  RegisterClass acc;
  acc.path = "array.pe[{}][{}].acc";
  acc.extents = {2, 3};
  acc.bits = 32;
  const RegisterId acc_id = universe.declare(acc);
  RegisterClass link;
  link.path = "link.a_to_b.data";
  link.bits = 16;
  link.lanes = 4;
  link.kind = StorageKind::link;
  link.domain = Domain::safety_mechanism;
  universe.declare(link);

  LiveBlock wave;  // all six registers, 5 cycles each, one cycle later per row and column
  wave.reg = acc_id;
  wave.start = 10;
  wave.length = 5;
  wave.count = {2, 3, 1};
  wave.index_step = {3, 1, 0};
  wave.start_step = {1, 1, 0};
  LiveBlock triangle;  // lengths 2, 1, 0: bfloat16 values
  triangle.reg = acc_id;
  triangle.format = Format::bfloat16;
  triangle.start = 30;
  triangle.length = 2;
  triangle.count = {3, 1, 1};
  triangle.index_step = {1, 0, 0};
  triangle.start_step = {4, 0, 0};
  triangle.length_step = {-1, 0, 0};

  const std::vector<SiteRow> rows = site_table(universe, {wave, triangle}, 100);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].site_class, "array.pe[*][*].acc");
  EXPECT_EQ(rows[0].instances, 6U);
  EXPECT_EQ(rows[0].bits, 6U * 32);
  EXPECT_EQ(rows[0].live_bit_cycles, 6U * 5 * 32 + 3 * 16);
  EXPECT_DOUBLE_EQ(rows[0].live_share, (6.0 * 5 * 32 + 3 * 16) / (6 * 32 * 100));
  EXPECT_EQ(rows[0].first_live_cycle, 10U);
  EXPECT_EQ(rows[0].last_live_cycle,
            34U);  // the triangle's second register; its third is never live
  EXPECT_EQ(rows[1].bits, 64U);
  EXPECT_EQ(rows[1].live_bit_cycles, 0U);
  EXPECT_FALSE(rows[1].first_live_cycle.has_value());
}

}  // namespace
}  // namespace attnguard
