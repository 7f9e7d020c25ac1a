// The stepping array against a plain dot product, against the module-per-PE oracle register by
// register, and under flips.
#include "models/systolic_array/stepping_array.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "src/selftest/simd_targets.h"
#include "tests/support/array_stream.h"
#include "tests/support/float_samples.h"
#include "tests/support/pe_array_oracle.h"
#include "tests/support/stepped_array.h"

namespace attnguard {
namespace {

constexpr std::array<ArrayRegister, 4> kRegisters{ArrayRegister::west, ArrayRegister::north,
                                                  ArrayRegister::acc, ArrayRegister::drain};

// All oracles of this process are elaborated together, before the first simulation.
PeArrayOracle& oracle(std::size_t shape) {
  static const auto oracles = [] {
    std::vector<std::unique_ptr<PeArrayOracle>> all;
    for (const ArrayShape& s : kArrayShapes)
      all.push_back(std::make_unique<PeArrayOracle>(s.rows, s.cols));
    return all;
  }();
  return *oracles[shape];
}

Stepped step(ArrayShape shape, const std::vector<ArrayPass>& passes, ArrayStream& stream,
             const ArrayFault* flip = nullptr) {
  SteppingArray array(shape.rows, shape.cols);
  if (flip != nullptr) array.arm(*flip);
  for (const ArrayPass& pass : passes) array.feed(pass);
  array.advance_to(stream.last_cycle() + 1);
  EXPECT_TRUE(array.idle());
  return {stream.take_outputs(), array.outcome()};
}

float dot(const ArrayPass& pass, std::uint32_t i, std::uint32_t j) {
  if (pass.west_format == Format::int8) {
    std::int64_t exact = 0;
    for (std::uint32_t k = 0; k < pass.depth; ++k)
      exact += static_cast<std::int64_t>(pass.west[k * pass.west_stride + i]) *
               static_cast<std::int64_t>(pass.north[k * pass.north_stride + j]);
    return decode(Format::int32, static_cast<std::uint32_t>(static_cast<std::uint64_t>(exact)));
  }
  float sum = 0;
  for (std::uint32_t k = 0; k < pass.depth; ++k) {
    const float product =
        pass.west[k * pass.west_stride + i] * pass.north[k * pass.north_stride + j];
    sum += product;
  }
  return canonical(sum);
}

// A flip within the run; `in_live` picks it where some pass holds the register.
ArrayFault random_flip(std::mt19937& rng, ArrayShape shape, const ArrayStream& stream,
                       ArrayRegister which, bool in_live) {
  ArrayFault flip;
  flip.which = which;
  flip.row = rng() % shape.rows;
  flip.col = rng() % shape.cols;
  flip.cycle = rng() % (stream.last_cycle() + 1);
  Format format = Format::float32;
  if (in_live) {
    const ArrayPass& pass = stream.passes()[rng() % stream.passes().size()];
    flip.row = rng() % pass.rows;
    flip.col = rng() % pass.cols;
    const std::uint64_t reached = pass.start + flip.row + flip.col;
    if (which == ArrayRegister::drain) {
      flip.cycle = reached + pass.depth + 1;
    } else {
      flip.cycle = reached + rng() % pass.depth + (which == ArrayRegister::acc ? 1 : 0);
      if (which == ArrayRegister::west) format = pass.west_format;
      if (which == ArrayRegister::north) format = pass.north_format;
    }
    EXPECT_TRUE(pass_holds(pass, which, flip.row, flip.col, flip.cycle));
  }
  const std::uint32_t width = rng() % 3 == 0 ? 3 : 1;
  flip.mask = ((1u << width) - 1) << (rng() % (bits_of(format) - width + 1));
  return flip;
}

TEST(SteppingArray, OutputsAreDotProductsInAscendingOrder) {
  std::mt19937 rng(1);
  for (const ArrayShape shape : {ArrayShape{1, 1}, ArrayShape{4, 4}, ArrayShape{7, 33},
                                 ArrayShape{64, 64}, ArrayShape{128, 100}, ArrayShape{128, 128}}) {
    for (int round = 0; round < 4; ++round) {
      ArrayStream stream(rng, shape.rows, shape.cols, 6, 70, round % 2 == 0);
      const auto outputs = step(shape, stream.passes(), stream).outputs;
      for (std::size_t p = 0; p < outputs.size(); ++p) {
        const ArrayPass& pass = stream.passes()[p];
        std::vector<float> expected(outputs[p].size(), ArrayStream::kUntouched);
        for (std::uint32_t i = 0; i < pass.rows; ++i) {
          for (std::uint32_t j = 0; j < pass.cols; ++j)
            expected[j * pass.out_stride + i] = dot(pass, i, j);
        }
        EXPECT_TRUE(same_bits(outputs[p], expected))
            << shape.rows << "x" << shape.cols << " pass " << p;
      }
    }
  }
}

TEST(SteppingArray, EveryRegisterEqualsTheOracleAfterEveryCycle) {
  std::mt19937 rng(2);
  for (std::size_t s = 0; s < kArrayShapes.size(); ++s) {
    const ArrayShape shape = kArrayShapes[s];
    for (int round = 0; round < 6; ++round) {
      ArrayStream stream(rng, shape.rows, shape.cols, 8,
                         round % 2 == 0 ? 6 : 2 * (shape.rows + shape.cols), false);
      SteppingArray array(shape.rows, shape.cols);
      // The oracle keeps what earlier rounds left; a register is comparable once a value reached it
      // in this round.
      std::uint64_t mismatches = 0, compared = 0;
      for (const ArrayPass& pass : stream.passes()) array.feed(pass);
      const auto touched = [&](ArrayRegister which, std::uint32_t i, std::uint32_t j,
                               std::uint64_t cycle) {
        for (const ArrayPass& pass : stream.passes()) {
          std::uint64_t written = pass.start + i + j;
          if (which == ArrayRegister::acc) written += 1;
          if (which == ArrayRegister::drain) written += pass.depth + 1;
          if (i < pass.rows && j < pass.cols && written <= cycle) return true;
        }
        return false;
      };
      oracle(s).run(stream.passes(), nullptr, [&](std::uint64_t cycle) {
        array.advance_to(cycle + 1);
        for (std::uint32_t i = 0; i < shape.rows; ++i) {
          for (std::uint32_t j = 0; j < shape.cols; ++j) {
            for (const ArrayRegister which : kRegisters) {
              if (!touched(which, i, j, cycle)) continue;
              ++compared;
              mismatches += bits_of_float(array.value(which, i, j)) !=
                            bits_of_float(oracle(s).value(which, i, j));
            }
          }
        }
      });
      EXPECT_GT(compared, stream.passes().size());
      EXPECT_EQ(mismatches, 0u) << shape.rows << "x" << shape.cols;
    }
  }
}

TEST(SteppingArray, OutputsEqualTheOracleWithSpecialValues) {
  std::mt19937 rng(3);
  for (std::size_t s = 0; s < kArrayShapes.size(); ++s) {
    for (int round = 0; round < 6; ++round) {
      ArrayStream stream(rng, kArrayShapes[s].rows, kArrayShapes[s].cols, 10,
                         round % 2 == 0 ? 8 : 40, true);
      oracle(s).run(stream.passes());
      const auto expected = stream.take_outputs();
      expect_same_outputs(step(kArrayShapes[s], stream.passes(), stream).outputs, expected);
    }
  }
}

TEST(SteppingArray, RandomFlipsGiveTheOraclesOutputsAndOutcome) {
  std::mt19937 rng(4);
  std::array<int, 4> live{}, dead{};
  int changed = 0;
  for (std::size_t s = 0; s < kArrayShapes.size(); ++s) {
    const ArrayShape shape = kArrayShapes[s];
    for (int round = 0; round < 20; ++round) {
      ArrayStream stream(rng, shape.rows, shape.cols, 5, round % 2 == 0 ? 5 : 24, round % 4 == 0);
      const auto clean = step(shape, stream.passes(), stream).outputs;
      for (std::size_t r = 0; r < kRegisters.size(); ++r) {
        const ArrayFault flip = random_flip(rng, shape, stream, kRegisters[r], round % 4 != 3);
        const FaultOutcome expected = oracle(s).run(stream.passes(), &flip);
        const auto expected_outputs = stream.take_outputs();
        const Stepped stepped = step(shape, stream.passes(), stream, &flip);
        expect_same_outcome(stepped.outcome, expected);
        expect_same_outputs(stepped.outputs, expected_outputs);
        if (HasFailure()) FAIL() << "shape " << s << " round " << round << " register " << r;
        ++(stepped.outcome.activated ? live : dead)[r];
        for (std::size_t p = 0; p < clean.size(); ++p)
          changed += !same_bits(clean[p], stepped.outputs[p]);
      }
    }
  }
  for (std::size_t r = 0; r < kRegisters.size(); ++r) {
    EXPECT_GE(live[r], 125) << "register " << r;
    EXPECT_GE(dead[r], 10) << "register " << r;
  }
  EXPECT_GE(changed, 300);
}

TEST(SteppingArray, AFlipIsReadExactlyWhereSomePassHoldsTheRegister) {
  std::mt19937 rng(5);
  constexpr std::size_t kShape = 3;  // 2 × 2
  const ArrayShape shape = kArrayShapes[kShape];
  ArrayStream stream(rng, shape.rows, shape.cols, 3, 3, false);
  for (const ArrayRegister which : kRegisters) {
    for (std::uint32_t pe = 0; pe < 4; ++pe) {
      for (std::uint64_t cycle = 0; cycle <= stream.last_cycle() + 2; ++cycle) {
        const ArrayFault flip{which, pe / 2, pe % 2, 1u << (rng() % 8), cycle};
        int holders = 0;
        for (const ArrayPass& pass : stream.passes())
          holders += pass_holds(pass, which, flip.row, flip.col, cycle);
        ASSERT_LE(holders, 1);
        const FaultOutcome expected = oracle(kShape).run(stream.passes(), &flip);
        ASSERT_EQ(expected.activated, holders == 1) << "cycle " << cycle;
        const auto expected_outputs = stream.take_outputs();
        const Stepped stepped = step(shape, stream.passes(), stream, &flip);
        expect_same_outcome(stepped.outcome, expected);
        EXPECT_EQ(stepped.outcome.activate_cycle, expected.activated ? cycle + 1 : 0);
        expect_same_outputs(stepped.outputs, expected_outputs);
      }
    }
  }
}

TEST(SteppingArray, TheIsolatedPassEqualsTheOverlappedStream) {
  std::mt19937 rng(6);
  for (int round = 0; round < 400; ++round) {
    const ArrayShape shape = kArrayShapes[3 + rng() % 6];
    ArrayStream stream(rng, shape.rows, shape.cols, 6, 20, round % 5 == 0);
    const auto clean = step(shape, stream.passes(), stream).outputs;
    const ArrayFault flip = random_flip(rng, shape, stream, kRegisters[rng() % 4], true);
    const Stepped overlapped = step(shape, stream.passes(), stream, &flip);
    ASSERT_TRUE(overlapped.outcome.activated);
    for (std::size_t p = 0; p < clean.size(); ++p) {
      const ArrayPass& pass = stream.passes()[p];
      if (!pass_holds(pass, flip.which, flip.row, flip.col, flip.cycle)) {
        EXPECT_TRUE(same_bits(overlapped.outputs[p], clean[p])) << "a pass the flip does not touch";
        continue;
      }
      const Stepped isolated = step(shape, {pass}, stream, &flip);
      EXPECT_TRUE(same_bits(isolated.outputs[p], overlapped.outputs[p]));
      expect_same_outcome(isolated.outcome, overlapped.outcome);
    }
  }
}

TEST(SteppingArray, BitsAboveTheValuesFormatAreNotLive) {
  const std::vector<float> ones(4, 1.0F);
  float out = 0;
  for (const std::uint32_t mask : {1u << 16, 1u << 31, 1u << 3}) {
    SteppingArray array(1, 1);
    ArrayPass pass;
    pass.depth = 4;
    pass.rows = pass.cols = 1;
    pass.west = pass.north = ones.data();
    pass.west_stride = pass.north_stride = pass.out_stride = 1;
    pass.out = &out;
    array.arm({ArrayRegister::west, 0, 0, mask, 2});
    array.feed(pass);
    array.advance_to(pass.last_cycle() + 1);
    const bool lives = mask == 1u << 3;
    EXPECT_EQ(array.outcome().activated, lives);
    EXPECT_EQ(out, lives ? 4.0F + 0.0625F : 4.0F);  // bit 3 of bfloat16 1.0 is 2^-4
  }
}

TEST(SteppingArray, TheLastValueIsDeliveredInTheLastCycleAndNotBefore) {
  std::mt19937 rng(7);
  const ArrayShape shape{5, 9};
  ArrayStream stream(rng, shape.rows, shape.cols, 1, 12, false);
  const ArrayPass& pass = stream.passes()[0];
  SteppingArray array(shape.rows, shape.cols);
  array.feed(pass);
  // Bus read of PE (i, j): start + depth + i + j + 2.
  for (std::uint64_t cycle = 0; cycle <= pass.last_cycle(); ++cycle) {
    array.advance_to(cycle + 1);
    EXPECT_EQ(array.idle(), cycle == pass.last_cycle());
    for (std::uint32_t i = 0; i < pass.rows; ++i) {
      for (std::uint32_t j = 0; j < pass.cols; ++j) {
        const bool delivered = pass.out[j * pass.out_stride + i] != ArrayStream::kUntouched;
        EXPECT_EQ(delivered, cycle >= pass.start + pass.depth + i + j + 2);
      }
    }
  }
}

TEST(SteppingArray, StepSizeAndSimdTargetDoNotMatter) {
  std::mt19937 rng(8);
  for (const ArrayShape shape :
       {ArrayShape{3, 3}, ArrayShape{16, 16}, ArrayShape{9, 70}, ArrayShape{128, 128}}) {
    ArrayStream stream(rng, shape.rows, shape.cols, 12, 90, true);
    const auto expected = step(shape, stream.passes(), stream).outputs;
    for_each_simd_target([&](const std::string& target) {
      SCOPED_TRACE(target);
      SteppingArray array(shape.rows, shape.cols);
      std::size_t fed = 0;
      while (fed < stream.passes().size() || !array.idle()) {
        const std::uint64_t next = array.now() + 1 + rng() % 100;
        while (fed < stream.passes().size() && stream.passes()[fed].start < next)
          array.feed(stream.passes()[fed++]);
        array.advance_to(next);
      }
      expect_same_outputs(stream.take_outputs(), expected);
    });
  }
}

TEST(SteppingArray, ResetForgetsPassesFlipAndRegisters) {
  std::mt19937 rng(9);
  ArrayStream stream(rng, 4, 4, 3, 9, false);
  const auto expected = step({4, 4}, stream.passes(), stream).outputs;
  SteppingArray array(4, 4);
  array.arm({ArrayRegister::acc, 0, 0, 1u << 30, stream.passes()[0].start + 1});
  for (const ArrayPass& pass : stream.passes()) array.feed(pass);
  array.advance_to(stream.passes()[0].start + 4);
  ASSERT_TRUE(array.outcome().activated);
  array.reset();
  EXPECT_TRUE(array.idle());
  EXPECT_FALSE(array.outcome().activated);
  EXPECT_EQ(array.now(), 0u);
  for (const ArrayRegister which : kRegisters) EXPECT_EQ(array.value(which, 0, 0), 0.0F);
  stream.take_outputs();
  for (const ArrayPass& pass : stream.passes()) array.feed(pass);
  array.advance_to(stream.last_cycle() + 1);
  expect_same_outputs(stream.take_outputs(), expected);
}

TEST(SteppingArray, AnAbandonedPassReadsNothingLater) {
  const std::vector<float> ones(64, 1.0F);
  std::vector<float> out(16);
  ArrayPass pass;
  pass.start = 20;
  pass.depth = 8;
  pass.rows = pass.cols = 4;
  pass.west = pass.north = ones.data();
  pass.west_stride = pass.north_stride = pass.out_stride = 4;
  pass.out = out.data();
  for (const std::uint64_t abandoned : {24u, 25u}) {
    SteppingArray array(4, 4);
    array.arm({ArrayRegister::acc, 0, 0, 1, 24});
    array.feed(pass);
    array.advance_to(25);
    EXPECT_EQ(array.outcome().activate_cycle, 25u) << "the accumulator is read every cycle";
    array.abandon(abandoned);
    EXPECT_EQ(array.outcome().activated, abandoned == 25) << "reads come before the writes of 25";
    EXPECT_TRUE(array.idle());
  }
}

TEST(SteppingArray, AFlipInIdleTimeIsSettledAndChangesNothing) {
  SteppingArray array(2, 2);
  array.arm({ArrayRegister::acc, 1, 1, 1, 1'000'000'000});
  array.advance_to(1'000'000'000);
  EXPECT_TRUE(array.pending());
  array.advance_to(1'000'000'001);
  EXPECT_FALSE(array.pending());
  EXPECT_FALSE(array.outcome().activated);
}

TEST(SteppingArray, RefusesPassesAndFlipsTheHardwareCannotTake) {
  const std::vector<float> ones(64, 1.0F);
  std::vector<float> out(16);
  ArrayPass pass;
  pass.start = 10;
  pass.depth = 8;
  pass.rows = pass.cols = 4;
  pass.west = pass.north = ones.data();
  pass.west_stride = pass.north_stride = pass.out_stride = 4;
  pass.out = out.data();
  SteppingArray array(4, 4);
  array.feed(pass);
  const auto fed_at = [&](std::uint64_t start, std::uint32_t depth, std::uint32_t rows) {
    SteppingArray copy = array;
    ArrayPass next = pass;
    next.start = start;
    next.depth = depth;
    next.rows = rows;
    copy.feed(next);
  };
  EXPECT_THROW(fed_at(17, 8, 4), std::logic_error) << "the edge still takes operand 7";
  EXPECT_NO_THROW(fed_at(18, 8, 4));
  EXPECT_THROW(fed_at(20, 1, 4), std::logic_error) << "its drains meet those of the pass before";
  EXPECT_NO_THROW(fed_at(21, 1, 4));
  EXPECT_THROW(fed_at(30, 8, 5), std::logic_error);
  EXPECT_THROW(fed_at(30, 8, 0), std::logic_error);
  EXPECT_THROW(fed_at(30, 0, 4), std::logic_error);
  EXPECT_THROW(SteppingArray(129, 4), std::logic_error);
  EXPECT_THROW(SteppingArray(4, 0), std::logic_error);
  array.advance_to(5);
  EXPECT_THROW(array.arm({ArrayRegister::acc, 0, 0, 1, 4}), std::logic_error);
  EXPECT_THROW(array.arm({ArrayRegister::acc, 4, 0, 1, 9}), std::logic_error);
}

}  // namespace
}  // namespace attnguard
