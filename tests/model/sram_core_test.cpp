// The buffers' storage: access timing, conflicts, flips and their lifetime, liveness.
#include "models/sram_buffer/sram_core.h"

#include <gtest/gtest.h>

#include <vector>

namespace attnguard {
namespace {

constexpr std::uint32_t kLine = 4;  // elements of a line

BufferConfig small_buffer() {
  BufferConfig config;
  config.words = 32;
  config.write_latency_cycles = 2;
  return config;
}

/// Two lines at `address`, the first beat at `cycle`.
LineAccess two_lines(std::uint64_t address, std::uint64_t cycle) {
  LineAccess access;
  access.address = address;
  access.timing.first_cycle = cycle;
  access.timing.beats = 2;
  access.lanes = access.last_group_lanes = kLine;
  return access;
}

struct Sram {
  explicit Sram(const BufferConfig& config = small_buffer(), Format format = Format::bfloat16)
      : core(config, format, kLine) {
    core.declare(universe, "k_buffer");
    core.reset();
  }
  void write(std::uint64_t cycle, std::uint8_t value) {
    const std::vector<std::byte> lines(2 * core.line_bytes(), std::byte{value});
    core.write(two_lines(0, cycle), lines.data(), log);
  }
  bool read(std::uint64_t cycle) {
    data.resize(2 * core.line_bytes());
    return core.read(two_lines(0, cycle), data.data());
  }
  void arm(std::uint32_t word, std::uint64_t cycle) {
    Fault fault;
    fault.site = {core.reg(), word};
    fault.cycle = cycle;
    core.tap().arm(fault);
  }

  FaultUniverse universe;
  LiveLog log;
  SramCore core;
  std::vector<std::byte> data;
};

TEST(SramCore, WordIsReadableTheCycleAfterItsWriteCompletes) {
  Sram sram;
  sram.write(10, 0x11);
  EXPECT_FALSE(sram.read(12)) << "the word changes in cycle 12";
  EXPECT_TRUE(sram.read(13));
}

TEST(SramCore, WordNeverWrittenInThisRunIsAnError) {
  Sram sram;
  EXPECT_FALSE(sram.read(1000));
  sram.write(10, 0x11);
  sram.core.reset();
  EXPECT_FALSE(sram.read(1000)) << "contents of an earlier run do not count";
}

TEST(SramCore, BeatTakesAsLongAsTheNarrowestOfPortAndBanks) {
  const auto interval = [](std::uint32_t port_words, std::uint32_t banks) {
    BufferConfig config = small_buffer();
    config.port_words = port_words;
    config.banks = banks;
    return SramCore(config, Format::bfloat16, kLine).beat_interval_cycles();
  };
  EXPECT_EQ(interval(0, 0), 1u);
  EXPECT_EQ(interval(4, 4), 1u);
  EXPECT_EQ(interval(2, 4), 2u);
  EXPECT_EQ(interval(4, 3), 2u) << "4 consecutive words over 3 banks: one bank has two";
  EXPECT_EQ(interval(4, 1), 4u);
}

TEST(SramCore, FlipReachesEveryReadAfterItUntilTheWordIsWritten) {
  Sram sram;
  sram.write(10, 0);
  sram.arm(5, 20);  // word 5 is in line 1, read one cycle after the first beat
  ASSERT_TRUE(sram.read(19));
  EXPECT_EQ(sram.data[10], std::byte{0})
      << "read in cycle 20: the flip follows the update of cycle 20";
  EXPECT_FALSE(sram.core.tap().outcome().activated);
  ASSERT_TRUE(sram.read(20));
  EXPECT_EQ(sram.data[10], std::byte{1}) << "read in cycle 21";
  EXPECT_EQ(sram.core.tap().outcome().activate_cycle, 21u);
  ASSERT_TRUE(sram.read(50));
  EXPECT_EQ(sram.data[10], std::byte{1});
  sram.write(60, 0);
  ASSERT_TRUE(sram.read(70));
  EXPECT_EQ(sram.data[10], std::byte{0});
}

TEST(SramCore, FlipOverwrittenBeforeAnyReadIsNotActivated) {
  Sram sram;
  sram.write(10, 0);
  sram.arm(5, 12);
  sram.write(20, 0);  // line 1: beat 21, word changes in cycle 23
  ASSERT_TRUE(sram.read(40));
  EXPECT_FALSE(sram.core.tap().outcome().activated);
  EXPECT_EQ(sram.data[10], std::byte{0});
}

TEST(SramCore, FlipWhileTheWriteIsUnderWayIsOverwritten) {
  Sram sram;
  sram.write(10, 0);
  sram.arm(5, 22);
  sram.write(20, 0);  // line 1: beat 21, word changes in cycle 23
  ASSERT_TRUE(sram.read(40));
  EXPECT_FALSE(sram.core.tap().outcome().activated);
  EXPECT_EQ(sram.data[10], std::byte{0});
}

TEST(SramCore, FlipInTheCycleOfTheWriteSurvivesIt) {
  Sram sram;
  sram.write(10, 0);
  sram.arm(5, 13);  // word 5 changes in cycle 11 + 2; the flip comes after the write of that cycle
  ASSERT_TRUE(sram.read(40));
  EXPECT_TRUE(sram.core.tap().outcome().activated);
}

TEST(SramCore, WordsAreLiveFromTheirWriteToTheirLastRead) {
  Sram sram;
  sram.log.start();
  sram.write(10, 0);
  ASSERT_TRUE(sram.read(20));
  ASSERT_TRUE(sram.read(30));
  sram.core.flush_live(sram.log);
  ASSERT_EQ(sram.log.blocks().size(), 1u);
  // Line 0: written in cycle 12, last read in cycle 30; line 1 one cycle later: 18 cycles each, 4
  // words a line.
  EXPECT_EQ(sram.log.blocks()[0].start, 12u);
  EXPECT_EQ(sram.log.blocks()[0].live_cycles(), 2u * kLine * 18u);
}

TEST(SramCore, ThirtyTwoBitElementsTakeTwoWords) {
  Sram sram(small_buffer(), Format::float32);
  sram.write(10, 0);
  sram.arm(1, 12);  // the high word of element 0
  ASSERT_TRUE(sram.read(30));
  EXPECT_EQ(sram.data[2], std::byte{1});
  EXPECT_EQ(sram.core.beat_interval_cycles(), 1u);
}

}  // namespace
}  // namespace attnguard
