// What commands print.
#include "src/cli/text_table.h"

#include <gtest/gtest.h>

namespace attnguard {
namespace {

TEST(TextTable, AlignsByColumnAndLeavesNoBlanksAtTheEnd) {
  TextTable table("<>><");
  table.head({"unit", "busy", "share", "why"});
  table.add({"array", grouped(69632), percent(0.991), "load 3"});
  table.add({"dma.load", grouped(12), percent(0.002), ""});
  table.add({"x", "", "", ""});
  EXPECT_EQ(table.str(false),
            "unit        busy   share  why\n"
            "array     69 632  99.1 %  load 3\n"
            "dma.load      12   0.2 %\n"
            "x\n");
}

TEST(TextTable, ColumnsBeyondTheAlignmentAreAsItsLast) {
  TextTable table;
  table.add({"a", "1", "10"});
  table.add({"bc", "10", "1"});
  EXPECT_EQ(table.str(false), "a    1  10\nbc  10   1\n");
}

TEST(TextTable, CountsCharactersNotBytes) {
  TextTable table;
  table.add({"±", "1"});
  table.add({"ab", "1"});
  EXPECT_EQ(table.str(false), "±   1\nab  1\n");
}

TEST(TextTable, StylesStandAroundTheTextAndShiftNothing) {
  TextTable table;
  table.head({"a", "n"});
  table.add({"b", {"12", Style::alert}});
  EXPECT_EQ(table.str(true), "\033[1ma\033[0m   \033[1mn\033[0m\nb  \033[1;31m12\033[0m\n");
}

TEST(TextTable, GroupsThousands) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1 000");
  EXPECT_EQ(grouped(1234567), "1 234 567");
  EXPECT_EQ(grouped(18446744073709551615U), "18 446 744 073 709 551 615");
}

}  // namespace
}  // namespace attnguard
