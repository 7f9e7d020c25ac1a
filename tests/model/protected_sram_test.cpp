// A protected buffer's storage: what readers get, what is counted and reported, what is live.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "models/sram_buffer/sram_core.h"

namespace attnguard {
namespace {

constexpr std::uint32_t kLine = 4;  // elements of 16 bits

/// Two lines in a buffer of four, written in cycle 10 and changed in cycle 11.
struct Sram {
  explicit Sram(const ProtectionConfig& protection, std::uint32_t used_lanes = kLine)
      : core(config(protection), Format::bfloat16, kLine), lanes(used_lanes) {
    core.declare(universe, "k_buffer");
    core.reset();
  }
  static BufferConfig config(const ProtectionConfig& protection) {
    BufferConfig config;
    config.words = 16;
    config.read_latency_cycles = 3;
    config.protection = protection;
    return config;
  }
  LineAccess access(std::uint64_t cycle) const {
    LineAccess access;
    access.timing.first_cycle = cycle;
    access.timing.beats = 2;
    access.lanes = access.last_group_lanes = lanes;
    return access;
  }
  void write(std::uint64_t cycle, std::uint16_t first = 0x1234) {
    std::vector<std::uint16_t> words;
    for (std::uint16_t word = 0; word < 2 * kLine; ++word)
      words.push_back(static_cast<std::uint16_t>(first + word));
    core.write(access(cycle), reinterpret_cast<const std::byte*>(words.data()), log);
  }
  std::vector<std::uint16_t> read(std::uint64_t cycle) {
    std::vector<std::uint16_t> words(2 * kLine);
    EXPECT_TRUE(core.read(access(cycle), reinterpret_cast<std::byte*>(words.data())));
    return words;
  }
  void flip(RegisterId reg, std::uint32_t index, std::uint32_t bit, std::uint32_t bits,
            std::uint64_t cycle) {
    Fault fault;
    fault.site = {reg, index};
    fault.bit = bit;
    fault.bits_flipped = bits;
    fault.cycle = cycle;
    core.tap().add(fault);
  }

  FaultUniverse universe;
  LiveLog log;
  SramCore core;
  std::uint32_t lanes;
};

const ProtectionConfig kSecded16{CodeKind::secded, 16, 1}, kSecded64{CodeKind::secded, 64, 1},
    kTwoOf32{CodeKind::secded, 32, 2}, kParity16{CodeKind::parity, 16, 1};
constexpr std::uint64_t kNone = ~std::uint64_t{0};

TEST(ProtectedSram, DeclaresCheckBitsOfEveryCodeGroup) {
  const Sram sram(kTwoOf32);
  const RegisterClass& words = sram.universe[sram.core.reg()];
  const RegisterClass& checks = sram.universe[sram.core.check_reg()];
  EXPECT_EQ(words.domain, Domain::function);
  EXPECT_EQ(checks.path, "k_buffer.check[{}]");
  EXPECT_EQ(checks.instances(), 4U) << "16 words, 4 to a group";
  EXPECT_EQ(checks.bits, 14U) << "two words of (39,32)";
  EXPECT_EQ(checks.domain, Domain::safety_mechanism);
  EXPECT_EQ(checks.kind, StorageKind::sram);
}

TEST(ProtectedSram, SingleFlipIsCorrectedAtEveryReadAndStaysInTheArray) {
  Sram sram(kSecded64);
  sram.write(10);
  sram.flip(sram.core.reg(), 5, 7, 1, 20);  // line 1
  EXPECT_EQ(sram.read(19)[5], 0x1239);
  EXPECT_EQ(sram.core.code_reads().corrected, 0U) << "read in cycle 20, before the flip";
  EXPECT_FALSE(sram.core.code_errors().any());
  EXPECT_EQ(sram.read(30)[5], 0x1239);
  EXPECT_EQ(sram.core.code_errors().corrected_cycle, 34U) << "beat 31, latency 3";
  EXPECT_EQ(sram.core.code_errors().detected_cycle, kNone);
  EXPECT_EQ(sram.read(40)[5], 0x1239);
  EXPECT_EQ(sram.core.code_reads().corrected, 2U) << "not scrubbed";
  EXPECT_TRUE(sram.core.tap().outcome().activated);
  EXPECT_EQ(sram.core.tap().outcome().activate_cycle, 31U);
  sram.flip(sram.core.reg(), 4, 0, 1, 45);  // the same code word
  EXPECT_EQ(sram.read(50)[5], 0x1239 ^ 0x80) << "two errors: passed on as they stand";
  EXPECT_EQ(sram.core.code_reads().detected, 1U);
  EXPECT_EQ(sram.core.code_errors().detected_cycle, 54U);
  sram.write(60, 0x5000);
  EXPECT_EQ(sram.read(70)[5], 0x5005);
  EXPECT_FALSE(sram.core.code_errors().any());
}

TEST(ProtectedSram, FlippedCheckBitsChangeNoData) {
  Sram sram(kSecded16);
  sram.write(10);
  sram.flip(sram.core.check_reg(), 6, 5, 1, 20);
  EXPECT_EQ(sram.read(30)[6], 0x123a);
  EXPECT_EQ(sram.core.code_reads().corrected, 1U);
  EXPECT_EQ(sram.core.tap().outcome().value_before ^ sram.core.tap().outcome().value_after, 0x20U);
  Sram twice(kSecded16);
  twice.write(10);
  twice.flip(twice.core.check_reg(), 6, 0, 2, 20);
  EXPECT_EQ(twice.read(30)[6], 0x123a);
  EXPECT_EQ(twice.core.code_reads().detected, 1U);
}

// 0x1234 = bits 2, 4, 5, 9, 12: columns 0d 13 15 1c 26, so the check bits are 31. Flipping data bit
// 2 (column 0d) and the check bits 0, 2 and 3 (0d) leaves a code word: another word, well formed.
TEST(ProtectedSram, FourErrorsByHandAreMissed) {
  Sram sram(kSecded16);
  sram.write(10);
  sram.flip(sram.core.reg(), 0, 2, 1, 20);
  Fault checks;
  checks.site = {sram.core.check_reg(), 0};
  checks.pattern = 0x0d;
  checks.cycle = 20;
  sram.core.tap().add(checks);
  EXPECT_EQ(sram.read(30)[0], 0x1230);
  EXPECT_EQ(sram.core.code_reads().missed, 1U);
  EXPECT_FALSE(sram.core.code_errors().any());
  EXPECT_EQ(sram.core.tap().armed().back().outcome.value_before, 0x31U);
}

TEST(ProtectedSram, InterleavingTurnsAnAdjacentDoubleIntoTwoSingles) {
  Sram plain(kSecded64), interleaved(kTwoOf32);
  for (Sram* sram : {&plain, &interleaved}) {
    sram->write(10);
    sram->flip(sram->core.reg(), 1, 6, 2, 20);
  }
  EXPECT_EQ(plain.read(30)[1], 0x1235 ^ 0xc0);
  EXPECT_EQ(plain.core.code_reads().detected, 1U);
  EXPECT_EQ(interleaved.read(30)[1], 0x1235);
  EXPECT_EQ(interleaved.core.code_reads().corrected, 2U);
  EXPECT_EQ(interleaved.core.code_reads().detected, 0U);
}

TEST(ProtectedSram, ParityDetectsAndPassesOn) {
  Sram sram(kParity16);
  sram.write(10);
  sram.flip(sram.core.reg(), 0, 15, 1, 20);
  EXPECT_EQ(sram.read(30)[0], 0x1234 ^ 0x8000);
  EXPECT_EQ(sram.core.code_reads().detected, 1U);
  EXPECT_EQ(sram.core.code_errors().detected_cycle, 33U);
}

TEST(ProtectedSram, StuckBitIsAnErrorOfTheWordsThatDiffer) {
  Sram sram(kSecded16);
  Fault stuck;
  stuck.site = {sram.core.reg(), 0};
  stuck.bit = 1;
  stuck.how.model = FaultModel::stuck_at_1;
  sram.core.tap().add(stuck);
  sram.write(10, 0x1236);  // the bit is 1 anyway
  EXPECT_EQ(sram.read(20)[0], 0x1236);
  EXPECT_EQ(sram.core.code_reads().corrected, 0U);
  sram.write(30, 0x1234);
  EXPECT_EQ(sram.read(40)[0], 0x1234);
  EXPECT_EQ(sram.core.code_reads().corrected, 1U);
}

// Three of four lanes are used: the decoder of (72,64) reads the fourth as well, that of (22,16)
// does not.
TEST(ProtectedSram, UnusedLanesOfACodeWordAreReadWithIt) {
  for (const bool together : {true, false}) {
    Sram sram(together ? kSecded64 : kSecded16, 3);
    sram.log.start();
    sram.write(10);
    sram.flip(sram.core.reg(), 3, 0, 1, 20);
    sram.read(30);
    EXPECT_EQ(sram.core.tap().outcome().activated, together);
    EXPECT_EQ(sram.core.code_reads().corrected, together ? 1U : 0U);
    sram.core.flush_live(sram.log);
    ASSERT_EQ(sram.log.blocks().size(), 2U);
    const LiveBlock &words = sram.log.blocks()[0], &checks = sram.log.blocks()[1];
    // Line 0 is live from cycle 11 to cycle 30, line 1 a cycle later.
    EXPECT_EQ(words.live_cycles(), 2U * 19U * (together ? 4U : 3U));
    EXPECT_EQ(checks.reg, sram.core.check_reg());
    EXPECT_EQ(checks.bits(), together ? 8U : 6U);
    EXPECT_EQ(checks.live_cycles(), 2U * 19U * (together ? 1U : 3U));
  }
}

TEST(ProtectedSram, AddressesBelowTheCodeGroupAreRefused) {
  const Sram sram(kTwoOf32);
  EXPECT_TRUE(sram.core.holds(8, 8));
  EXPECT_FALSE(sram.core.holds(4, 8)) << "half a group would leave check bits behind";
}

}  // namespace
}  // namespace attnguard
