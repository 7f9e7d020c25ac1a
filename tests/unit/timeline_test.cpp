// The record of what units did, and the files made of it.
#include "models/fabric/timeline.h"

#include <gtest/gtest.h>

#include <string>

#include "src/waves/vcd_file.h"
#include "tests/support/scratch_folder.h"

namespace attnguard {
namespace {

/// "0-3 idle, 3-5 work 0/1/2, ..." lane by lane.
std::string text(const UnitTrack& track, std::uint64_t end) {
  std::string all;
  for (const auto& lane : track.lanes(end)) {
    if (!all.empty()) all += " | ";
    std::string line;
    for (const UnitInterval& at : lane) {
      if (!line.empty()) line += ", ";
      line += std::to_string(at.begin) + "-" + std::to_string(at.end) + " ";
      line += at.busy() ? "busy " + std::string(at.operation) + std::to_string(at.tile.key_tile)
                        : std::string(at.stall);
    }
    all += line;
  }
  return all;
}

TEST(UnitTrack, FillsWhatIsLeftWithIdleCycles) {
  UnitTrack track("unit", "idle");
  EXPECT_EQ(text(track, 4), "0-4 idle");
  track.add({2, 3, {}, "w", {0, 0, 1}});
  track.add({5, 7, "wait", {}, {}});
  EXPECT_EQ(text(track, 9), "0-2 idle, 2-3 busy w1, 3-5 idle, 5-7 wait, 7-9 idle");
  EXPECT_EQ(text(track, 6), "0-2 idle, 2-3 busy w1, 3-5 idle, 5-6 wait");
}

TEST(UnitTrack, JoinsNeighboursOfOneStateOnly) {
  UnitTrack track("unit", "idle");
  track.add({0, 2, {}, "w", {0, 0, 1}});
  track.add({2, 4, {}, "w", {0, 0, 1}});
  track.add({4, 5, {}, "w", {0, 0, 2}});
  track.add({5, 6, {}, "x", {0, 0, 2}});
  EXPECT_EQ(text(track, 6), "0-4 busy w1, 4-5 busy w2, 5-6 busy x2");
}

TEST(UnitTrack, BeatsStallBetweenThem) {
  UnitTrack track("unit", "idle");
  // Two groups of two beats every 3 cycles: busy 1, stalled 1, idle 1.
  track.add_beats({10, 2, 6, 2, 3}, 1, {}, {}, 1, "conflict");
  EXPECT_EQ(text(track, 21),
            "0-10 idle, 10-11 busy 0, 11-12 conflict, 12-13 idle, 13-14 busy 0, 14-15 conflict, "
            "15-16 idle, 16-17 busy 0, 17-18 conflict, 18-19 idle, 19-20 busy 0, 20-21 conflict");
  // Slices of a row follow each other, then the next row: one run of cycles.
  UnitTrack rows("unit", "idle");
  rows.add_beats({4, 3, 1, 2, 3}, 1, {}, {});
  EXPECT_EQ(text(rows, 10), "0-4 idle, 4-10 busy 0");
}

TEST(UnitTrack, WhatIsHeldUpComesLater) {
  UnitTrack track("unit", "idle");
  track.add({0, 4, "wait", {}, {}});
  track.add({4, 8, {}, "w", {}});
  track.add({8, 9, "gap", {}, {}});
  track.hold_up(4, 3, "late");
  EXPECT_EQ(text(track, 12), "0-4 wait, 4-7 late, 7-11 busy w0, 11-12 gap");
}

TEST(UnitTrack, AbandonsWhatLiesBehind) {
  UnitTrack track("unit", "idle");
  track.add({0, 4, {}, "w", {}});
  track.add({6, 8, "wait", {}, {}});
  track.abandon(3);
  EXPECT_EQ(text(track, 5), "0-3 busy w0, 3-5 idle");
}

TEST(UnitTrack, OverlapsLieInFurtherLanes) {
  UnitTrack track("unit", "idle");
  track.add({2, 6, {}, "w", {0, 0, 1}});
  track.add({4, 8, {}, "w", {0, 0, 2}});
  track.add({6, 7, {}, "w", {0, 0, 3}});
  EXPECT_EQ(text(track, 9), "0-2 idle, 2-6 busy w1, 6-7 busy w3, 7-9 idle | 4-8 busy w2");
}

TEST(LineTrack, KeepsTheLastValueOfACycleAndChangesOnly) {
  LineTrack line("line");
  line.add(0, true);
  line.add(3, false);
  line.add(3, true);  // fell and rose in the update of one cycle: nobody read it low
  line.add(5, false);
  line.add(6, false);
  ASSERT_EQ(line.changes().size(), 2U);
  EXPECT_EQ(line.changes()[1].cycle, 5U);
  EXPECT_FALSE(line.changes()[1].value);
}

TEST(VcdFile, WritesScopesAndChangesInOrderOfTime) {
  VcdFile vcd;
  const auto line = vcd.wire("top.line.done");
  const auto head = vcd.integer("top.array.head");
  const auto state = vcd.text("top.array.state");
  const auto residual = vcd.real("check.residual");
  vcd.set_text(state, 3, "no scores");
  vcd.set_wire(line, 0, true);
  vcd.set_wire(line, 2, false);
  vcd.set_wire(line, 3, false);  // no change
  vcd.set_integer(head, 2, 1);
  vcd.set_integer(head, 2, 5);  // the last one counts
  vcd.set_unknown(head, 3);
  vcd.set_real(residual, 2, 0.5);
  const ScratchFolder folder;
  vcd.write(folder.path() / "waves.vcd", 2000, 4);
  const std::string written = read_text(folder.path() / "waves.vcd");
  EXPECT_EQ(written.substr(written.find("$timescale")), R"($timescale 1 ps $end
$scope module top $end
$scope module line $end
$var wire 1 ! done $end
$upscope $end
$scope module array $end
$var integer 32 " head $end
$var string 1 # state $end
$upscope $end
$upscope $end
$scope module check $end
$var real 64 $ residual $end
$upscope $end
$enddefinitions $end
#0
1!
#4000
0!
b101 "
r0.5 $
#6000
bx "
sno_scores #
#8000
)");
}

}  // namespace
}  // namespace attnguard
