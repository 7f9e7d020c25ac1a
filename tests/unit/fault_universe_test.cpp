#include "models/fault_injector/fault_universe.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace attnguard {
namespace {

FaultUniverse small_universe() {
  FaultUniverse universe;
  universe.declare(
      {"array.pe[{}][{}].acc", {3, 12}, 32, Domain::function, StorageKind::register_file, 1});
  universe.declare(
      {"array.pe[{}][{}].north", {3, 12}, 16, Domain::function, StorageKind::register_file, 1});
  universe.declare({"k_buffer.word[{}]", {100}, 16, Domain::function, StorageKind::sram, 1});
  universe.declare({"link.array_to_softmax.data", {}, 32, Domain::function, StorageKind::link, 8});
  return universe;
}

TEST(FaultUniverse, FindsEverySiteByItsName) {
  const FaultUniverse universe = small_universe();
  for (RegisterId reg = 0; reg < universe.classes().size(); ++reg)
    for (std::uint32_t index = 0; index < universe[reg].instances(); ++index) {
      const auto site = universe.find(universe.name({reg, index}));
      ASSERT_TRUE(site.has_value()) << universe.name({reg, index});
      EXPECT_EQ(site->reg, reg);
      EXPECT_EQ(site->index, index);
    }
}

TEST(FaultUniverse, NamesIndicesInRowMajorOrder) {
  EXPECT_EQ(small_universe().name({0, 2 * 12 + 7}), "array.pe[2][7].acc");
  EXPECT_EQ(small_universe().name({3, 0}), "link.array_to_softmax.data");
  EXPECT_EQ(small_universe()[0].site_class(), "array.pe[*][*].acc");
  EXPECT_EQ(small_universe()[3].site_bits(), 256U);
}

TEST(FaultUniverse, FindsNothingElse) {
  const FaultUniverse universe = small_universe();
  for (const char* path :
       {"", "array", "array.pe[3][0].acc", "array.pe[0][12].acc", "array.pe[0][01].acc",
        "array.pe[0][-1].acc", "array.pe[0][+1].acc", "array.pe[0].acc", "array.pe[0][1].accu",
        "array.pe[*][*].acc", "k_buffer.word[100]", "k_buffer.word[4294967297]", "k_buffer.word[]",
        "k_buffer.word[1"})
    EXPECT_FALSE(universe.find(path).has_value()) << path;
}

TEST(Glob, StarStandsForAnyRunOfCharacters) {
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("*", "array.pe[3][7].acc"));
  EXPECT_TRUE(glob_matches("array.*", "array.pe[3][7].acc"));
  EXPECT_TRUE(glob_matches("array.pe[3][*].acc", "array.pe[3][7].acc"));
  EXPECT_TRUE(glob_matches("*.acc", "array.pe[3][7].acc"));
  EXPECT_TRUE(glob_matches("*pe*pe*", "pe.pe"));
  EXPECT_FALSE(glob_matches("*pe*pe*", "pe"));
  EXPECT_FALSE(glob_matches("array.pe[3][*].acc", "array.pe[4][7].acc"));
  EXPECT_FALSE(glob_matches("array", "array.pe"));
  EXPECT_FALSE(glob_matches("", "a"));
  EXPECT_TRUE(glob_matches("a*b*c", "a.b.b.c"));
}

TEST(FaultUniverse, KnowsWhetherAGlobTakesAllOrSomeOfAClass) {
  const FaultUniverse universe = small_universe();
  EXPECT_TRUE(universe.matches_all(0, "array.pe[*][*].acc"));
  EXPECT_TRUE(universe.matches_all(0, "*"));
  EXPECT_FALSE(universe.matches_all(0, "array.pe[1][*].acc"));
  EXPECT_TRUE(universe.class_matches(0, "array.pe[1][*].acc"));
  EXPECT_FALSE(universe.class_matches(1, "array.pe[1][*].acc"));
  EXPECT_FALSE(universe.class_matches(0, "array.pe[3][*].acc"));
  EXPECT_TRUE(universe.class_matches(2, "k_buffer.word[99]"));
  EXPECT_FALSE(universe.class_matches(2, "k_buffer.word[100]"));
}

TEST(LiveBlock, CountsOnlyPositiveLengths) {
  LiveBlock block;
  block.length = 3;
  block.count = {4, 2, 5};
  EXPECT_EQ(block.live_cycles(), 3U * 40U);
  block.length_step = {-1, 0, 0};  // lengths 3, 2, 1, 0
  EXPECT_EQ(block.live_cycles(), (3U + 2U + 1U) * 10U);
  block.length_step = {-2, 0, 0};  // lengths 3, 1, −1, −3
  EXPECT_EQ(block.live_cycles(), (3U + 1U) * 10U);
}

}  // namespace
}  // namespace attnguard
