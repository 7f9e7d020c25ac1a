// A flip in a pass gives, without stepping, what the stepping array gives: the same output bits and
// the same outcome.
#include "models/systolic_array/pass_flip.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>

#include "models/numerics/kernels.h"
#include "tests/support/array_stream.h"

namespace attnguard {
namespace {

constexpr std::array<ArrayRegister, 4> kRegisters{ArrayRegister::west, ArrayRegister::north,
                                                  ArrayRegister::acc, ArrayRegister::drain};

struct PassShape {
  std::uint32_t array_rows, array_cols, rows, cols, depth;
};

/// One pass with its operands, and the room behind them that the kernels may read.
struct OwnedPass {
  OwnedPass(std::mt19937& rng, PassShape at, Format west_format, Format north_format) : shape(at) {
    pass.start = 1 + rng() % 9;
    pass.depth = shape.depth;
    pass.rows = shape.rows;
    pass.cols = shape.cols;
    pass.west_format = west_format;
    pass.north_format = north_format;
    pass.west_stride = lane_stride(shape.array_rows);
    pass.north_stride = lane_stride(shape.array_cols);
    pass.base = {3, 40, 5};
    west.resize(pass.depth * pass.west_stride + kLaneAlign);
    north.resize(pass.depth * pass.north_stride + kLaneAlign);
    for (float& value : west) value = random_operand(rng, west_format, true);
    for (float& value : north) value = random_operand(rng, north_format, true);
    if (rng() % 4 == 0)
      west[rng() % west.size()] = round_to(west_format, rng() % 2 == 0 ? NAN : -INFINITY);
    pass.west = west.data();
    pass.north = north.data();
  }
  /// Stepped alone, with a flip if one is given; [col][row].
  std::vector<float> stepped(const ArrayFault* flip, FaultOutcome* outcome) const {
    std::vector<float> out(pass.cols * shape.array_rows);
    ArrayPass fed = pass;
    fed.out = out.data();
    fed.out_stride = shape.array_rows;
    SteppingArray array(shape.array_rows, shape.array_cols);
    if (flip != nullptr) array.arm(*flip);
    array.feed(fed);
    array.advance_to(pass.last_cycle() + 1);
    if (outcome != nullptr) *outcome = array.outcome();
    return out;
  }

  PassShape shape;
  ArrayPass pass;
  LaneTile west, north;
};

struct Seen {
  int live = 0, changed = 0, nonfinite = 0;
};

void expect_as_stepped(const OwnedPass& owned, const std::vector<float>& clean,
                       const ArrayFault& flip, Seen& seen) {
  FaultOutcome expected, outcome;
  const std::vector<float> stepped = owned.stepped(&flip, &expected);
  PassChange change;
  ASSERT_EQ(flip_in_pass(owned.pass, flip, change, outcome), expected.activated);
  std::vector<float> out = clean;
  for (std::uint32_t i = 0; i < change.rows; ++i)
    for (std::uint32_t j = 0; j < change.cols; ++j)
      out[(change.first_col + j) * owned.shape.array_rows + change.first_row + i] =
          change.values[i + j];
  ASSERT_TRUE(same_bits(out, stepped));
  ASSERT_EQ(outcome.activate_cycle, expected.activate_cycle);
  ASSERT_EQ(outcome.value_before, expected.value_before);
  ASSERT_EQ(outcome.value_after, expected.value_after);
  ASSERT_EQ(outcome.place.head, expected.place.head);
  ASSERT_EQ(outcome.place.query_row, expected.place.query_row);
  ASSERT_EQ(outcome.place.key_tile, expected.place.key_tile);
  seen.live += outcome.activated ? 1 : 0;
  seen.changed += same_bits(out, clean) ? 0 : 1;
  seen.nonfinite +=
      std::isfinite(out[change.first_col * owned.shape.array_rows + change.first_row]) ? 0 : 1;
}

constexpr std::array<std::pair<Format, Format>, 6> kFormats{{
    {Format::bfloat16, Format::bfloat16},  // S
    {Format::float16, Format::float16},
    {Format::float32, Format::float32},
    {Format::bfloat16, Format::float16},  // P·V
    {Format::float32, Format::bfloat16},
    {Format::int8, Format::int8},
}};

TEST(PassFlip, EveryRegisterInEveryCycleThatHoldsAValueOfASmallPass) {
  std::mt19937 rng(31);
  Seen seen;
  for (const auto& [west, north] : kFormats)
    for (const PassShape shape : {PassShape{3, 4, 3, 4, 5}, PassShape{3, 4, 2, 3, 1},
                                  PassShape{1, 1, 1, 1, 4}, PassShape{4, 2, 4, 1, 3}}) {
      const OwnedPass owned(rng, shape, west, north);
      const std::vector<float> clean = owned.stepped(nullptr, nullptr);
      for (const ArrayRegister which : kRegisters)
        for (std::uint32_t row = 0; row < shape.rows; ++row)
          for (std::uint32_t col = 0; col < shape.cols; ++col)
            for (std::uint64_t cycle = 0; cycle <= owned.pass.last_cycle(); ++cycle) {
              if (!pass_holds(owned.pass, which, row, col, cycle)) continue;
              for (const std::uint32_t mask : {1U << rng() % 32, 7U << rng() % 30}) {
                expect_as_stepped(owned, clean, {which, row, col, mask, cycle}, seen);
                if (HasFatalFailure()) FAIL() << static_cast<int>(which) << " cycle " << cycle;
              }
            }
    }
  EXPECT_GT(seen.live, 1500);
  EXPECT_GT(seen.changed, 1000);
  EXPECT_GT(seen.nonfinite, 50);
}

TEST(PassFlip, RandomFlipsOfLargerPasses) {
  std::mt19937 rng(32);
  Seen seen;
  for (int round = 0; round < 300; ++round) {
    const auto up_to = [&](std::uint32_t most) {
      return static_cast<std::uint32_t>(1 + rng() % most);
    };
    PassShape shape{up_to(24), up_to(40), 0, 0, up_to(70)};
    shape.rows = up_to(shape.array_rows);
    shape.cols = up_to(shape.array_cols);
    const auto& [west, north] = kFormats[rng() % kFormats.size()];
    const OwnedPass owned(rng, shape, west, north);
    const std::vector<float> clean = owned.stepped(nullptr, nullptr);
    for (int n = 0; n < 12; ++n) {
      ArrayFault flip{kRegisters[rng() % 4], static_cast<std::uint32_t>(rng() % shape.rows),
                      static_cast<std::uint32_t>(rng() % shape.cols), 1U << rng() % 32, 0};
      const std::uint64_t reached = owned.pass.start + flip.row + flip.col;
      const std::uint64_t within = rng() % shape.depth;
      flip.cycle = flip.which == ArrayRegister::drain ? reached + shape.depth + 1
                   : flip.which == ArrayRegister::acc ? reached + within + 1
                                                      : reached + within;
      ASSERT_TRUE(pass_holds(owned.pass, flip.which, flip.row, flip.col, flip.cycle));
      expect_as_stepped(owned, clean, flip, seen);
      if (HasFatalFailure()) FAIL() << "round " << round;
    }
  }
  EXPECT_GT(seen.live, 2000);
  EXPECT_GT(seen.changed, 1000);
  EXPECT_GT(seen.nonfinite, 20);
}

}  // namespace
}  // namespace attnguard
