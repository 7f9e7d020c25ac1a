// The stationary array against plain sums, against the oracle of single PEs register by register,
// and under faults of every kind.
#include "models/systolic_array/stationary_array.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "src/selftest/simd_targets.h"
#include "tests/support/float_samples.h"
#include "tests/support/stationary_oracle.h"
#include "tests/support/stationary_stream.h"
#include "tests/support/stepped_array.h"

namespace attnguard {
namespace {

constexpr std::array<ArrayRegister, 4> kRegisters{ArrayRegister::west, ArrayRegister::stationary,
                                                  ArrayRegister::preload, ArrayRegister::sum};

Stepped step(ArrayShape shape, const std::vector<StationaryFold>& folds, StationaryStream& stream,
             const ArrayFault* fault = nullptr) {
  StationaryArray array(shape.rows, shape.cols);
  if (fault != nullptr) array.arm(*fault);
  for (const StationaryFold& fold : folds) array.feed(fold);
  array.advance_to(stream.last_cycle() + 1);
  EXPECT_TRUE(array.idle());
  return {stream.take_outputs(), array.outcome()};
}

/// One fold, one sum at a time.
void multiply(const StationaryFold& fold) {
  std::vector<float> sums;
  for (std::uint32_t t = 0; t < fold.steps; ++t)
    for (std::uint32_t j = 0; j < fold.cols; ++j) {
      const std::size_t at = t * fold.step_stride + j * fold.col_stride;
      float sum = fold.sums != nullptr ? fold.sums[at] : 0.0F;
      std::int64_t exact = static_cast<std::int32_t>(bits_of_float(sum));
      for (std::uint32_t i = 0; i < fold.rows; ++i) {
        const float x = fold.moving[i * fold.moving_stride + t];
        const float w = fold.stationary[i * fold.stationary_stride + j];
        const float product = x * w;
        exact += static_cast<std::int64_t>(product == product ? product : 0);
        sum += product;
      }
      const auto wrapped = static_cast<std::uint32_t>(static_cast<std::uint64_t>(exact));
      sums.push_back(fold.moving_format == Format::int8 ? decode(Format::int32, wrapped)
                                                        : canonical(sum));
    }
  for (std::uint32_t t = 0; t < fold.steps; ++t)
    for (std::uint32_t j = 0; j < fold.cols; ++j)
      fold.out[t * fold.step_stride + j * fold.col_stride] = sums[t * fold.cols + j];
}

FaultBehaviour random_behaviour(std::mt19937& rng) {
  FaultBehaviour how;
  constexpr FaultModel kModels[] = {FaultModel::bit_flip,   FaultModel::bit_flip,
                                    FaultModel::carry,      FaultModel::stuck_at_0,
                                    FaultModel::stuck_at_1, FaultModel::intermittent};
  how.model = kModels[rng() % 6];
  how.value = rng() % 2 != 0;
  how.missing = rng() % 2 != 0;
  how.period_cycles = 1 + rng() % 9;
  how.duty_cycles = 1 + rng() % how.period_cycles;
  return how;
}

/// `in_live` puts it where some fold holds the register.
ArrayFault random_fault(std::mt19937& rng, ArrayShape shape, const StationaryStream& stream,
                        ArrayRegister which, bool in_live) {
  ArrayFault fault;
  fault.which = which;
  fault.row = rng() % shape.rows;
  fault.col = rng() % shape.cols;
  fault.cycle = rng() % (stream.last_cycle() + 1);
  fault.how = random_behaviour(rng);
  const StationaryFold& fold = stream.folds()[rng() % stream.folds().size()];
  if (in_live) {
    fault.row = rng() % (which == ArrayRegister::sum ? shape.rows : fold.rows);
    fault.col = rng() % fold.cols;
    do fault.cycle = fold.preload + rng() % (stream.last_cycle() - fold.preload + 1);
    while (!fold_holds(fold, shape.rows, which, fault.row, fault.col, fault.cycle));
  }
  if (fault.how.model == FaultModel::stuck_at_0 || fault.how.model == FaultModel::stuck_at_1)
    fault.cycle = 0;
  const unsigned width = which == ArrayRegister::sum ? 32 : bits_of(fold.stationary_format);
  fault.mask = (rng() % 3 == 0 ? 7u : 1u) << (rng() % width);
  return fault;
}

TEST(StationaryArray, OutputsAreSumsInAscendingOrder) {
  std::mt19937 rng(1);
  for (const ArrayShape shape : {ArrayShape{1, 1}, ArrayShape{4, 4}, ArrayShape{7, 33},
                                 ArrayShape{64, 64}, ArrayShape{128, 100}, ArrayShape{128, 128}}) {
    for (int round = 0; round < 4; ++round) {
      StationaryStream stream(rng, shape.rows, shape.cols, 6, 70, round % 2 == 0);
      const auto outputs = step(shape, stream.folds(), stream).outputs;
      for (const StationaryFold& fold : stream.folds()) multiply(fold);
      expect_same_outputs(outputs, stream.take_outputs());
    }
  }
}

TEST(StationaryArray, EveryRegisterEqualsTheOracleAfterEveryCycle) {
  std::mt19937 rng(2);
  for (const ArrayShape shape : kArrayShapes) {
    for (int round = 0; round < 6; ++round) {
      StationaryStream stream(rng, shape.rows, shape.cols, 8,
                              round % 2 == 0 ? 6 : 2 * (shape.rows + shape.cols), round == 4);
      StationaryArray array(shape.rows, shape.cols);
      for (const StationaryFold& fold : stream.folds()) array.feed(fold);
      std::uint64_t mismatches = 0;
      // Two runs, as both write the sums of one fold where the next one reads them.
      std::vector<std::uint32_t> expected;
      StationaryOracle oracle(shape.rows, shape.cols);
      const auto for_each_register = [&](auto use) {
        for (std::uint32_t i = 0; i < shape.rows; ++i)
          for (std::uint32_t j = 0; j < shape.cols; ++j)
            for (const ArrayRegister which : kRegisters) use(which, i, j);
      };
      oracle.run(stream.folds(), nullptr, [&](std::uint64_t) {
        for_each_register([&](ArrayRegister which, std::uint32_t i, std::uint32_t j) {
          expected.push_back(bits_of_float(oracle.value(which, i, j)));
        });
      });
      const auto outputs = stream.take_outputs();
      const auto canonical_bits = [](std::uint32_t raw) {
        return (raw & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000u : raw;
      };
      std::size_t next = 0;
      for (std::uint64_t cycle = 0; cycle <= stream.last_cycle(); ++cycle) {
        array.advance_to(cycle + 1);
        for_each_register([&](ArrayRegister which, std::uint32_t i, std::uint32_t j) {
          mismatches += canonical_bits(bits_of_float(array.value(which, i, j))) !=
                        canonical_bits(expected[next++]);
        });
      }
      EXPECT_EQ(next, expected.size());
      EXPECT_EQ(mismatches, 0u) << shape.rows << "x" << shape.cols;
      expect_same_outputs(stream.take_outputs(), outputs);
    }
  }
}

TEST(StationaryArray, RandomFaultsGiveTheOraclesOutputsAndOutcome) {
  std::mt19937 rng(4);
  std::array<int, 4> live{}, dead{};
  int changed = 0;
  for (const ArrayShape shape : kArrayShapes) {
    StationaryOracle oracle(shape.rows, shape.cols);
    for (int round = 0; round < 32; ++round) {
      StationaryStream stream(rng, shape.rows, shape.cols, 5, round % 2 == 0 ? 5 : 24,
                              round % 4 == 0);
      const auto clean = step(shape, stream.folds(), stream).outputs;
      for (std::size_t r = 0; r < kRegisters.size(); ++r) {
        const ArrayFault fault = random_fault(rng, shape, stream, kRegisters[r], round % 4 != 3);
        const FaultOutcome expected = oracle.run(stream.folds(), &fault);
        const auto expected_outputs = stream.take_outputs();
        const Stepped stepped = step(shape, stream.folds(), stream, &fault);
        expect_same_outcome(stepped.outcome, expected);
        expect_same_outputs(stepped.outputs, expected_outputs);
        if (HasFailure())
          FAIL() << shape.rows << "x" << shape.cols << " round " << round << " register " << r
                 << " model " << static_cast<int>(fault.how.model);
        ++(stepped.outcome.activated ? live : dead)[r];
        changed += stepped.outputs != clean;
      }
    }
  }
  for (std::size_t r = 0; r < kRegisters.size(); ++r) {
    EXPECT_GE(live[r], 160) << "register " << r;
    EXPECT_GE(dead[r], 20) << "register " << r;
  }
  EXPECT_GE(changed, 500);
}

TEST(StationaryArray, AFlipIsReadExactlyWhereSomeFoldHoldsTheRegister) {
  std::mt19937 rng(5);
  const ArrayShape shape{3, 2};
  StationaryOracle oracle(shape.rows, shape.cols);
  for (int round = 0; round < 4; ++round) {
    StationaryStream stream(rng, shape.rows, shape.cols, 3, 3, false);
    for (const ArrayRegister which : kRegisters) {
      for (std::uint32_t pe = 0; pe < shape.rows * shape.cols; ++pe) {
        for (std::uint64_t cycle = 0; cycle <= stream.last_cycle() + 2; ++cycle) {
          const ArrayFault flip{which, pe / shape.cols, pe % shape.cols, 1u << (rng() % 8), cycle};
          int holders = 0;
          for (const StationaryFold& fold : stream.folds())
            holders += fold_holds(fold, shape.rows, which, flip.row, flip.col, cycle);
          ASSERT_LE(holders, 1);
          const FaultOutcome expected = oracle.run(stream.folds(), &flip);
          ASSERT_EQ(expected.activated, holders == 1) << "cycle " << cycle;
          const auto expected_outputs = stream.take_outputs();
          const Stepped stepped = step(shape, stream.folds(), stream, &flip);
          expect_same_outcome(stepped.outcome, expected);
          expect_same_outputs(stepped.outputs, expected_outputs);
        }
      }
    }
  }
}

TEST(StationaryArray, AProbeCountsTheReadsOfTheOracle) {
  std::mt19937 rng(6);
  const ArrayShape shape{4, 3};
  StationaryOracle oracle(shape.rows, shape.cols);
  StationaryStream stream(rng, shape.rows, shape.cols, 4, 9, false);
  oracle.run(stream.folds());
  for (const ArrayRegister which : kRegisters) {
    for (std::uint32_t pe = 0; pe < shape.rows * shape.cols; ++pe) {
      std::vector<std::uint64_t> reads;  // of one cycle counted once
      for (std::uint64_t cycle = 0; cycle < oracle.reads(which).size(); ++cycle)
        for (const auto& [row, col] : oracle.reads(which)[cycle])
          if (row == pe / shape.cols && col == pe % shape.cols &&
              (reads.empty() || reads.back() != cycle))
            reads.push_back(cycle);
      for (std::uint32_t access = 1; access <= reads.size() + 1; ++access) {
        ArrayFault probe{which, pe / shape.cols, pe % shape.cols, 1, 0};
        probe.how.model = FaultModel::probe;
        probe.access = access;
        const FaultOutcome outcome = step(shape, stream.folds(), stream, &probe).outcome;
        ASSERT_EQ(outcome.activated, access <= reads.size());
        if (outcome.activated) {
          ASSERT_EQ(outcome.activate_cycle, reads[access - 1]);
        }
      }
    }
  }
}

// C = A × B with A = [1 2; 3 4; 5 6], B = [1 10; 100 1000] stationary on a 2 × 2 array.
class SmallFold : public testing::Test {
 protected:
  SmallFold() {
    fold_.preload = 0;
    fold_.start = 2;
    fold_.steps = 3;
    fold_.rows = fold_.cols = 2;
    fold_.stationary = b_.data();
    fold_.stationary_stride = 2;
    fold_.moving = a_.data();
    fold_.moving_stride = 3;
    fold_.stationary_format = fold_.moving_format = Format::int8;
    fold_.out = c_.data();
    fold_.step_stride = 2;
    fold_.col_stride = 1;
    fold_.base.query_row = 0;
  }
  /// C, row by row, with this bit flipped.
  std::vector<int> with_flip(ArrayRegister which, std::uint32_t row, std::uint32_t col,
                             std::uint32_t mask, std::uint64_t cycle) {
    StationaryArray array(2, 2);
    array.arm({which, row, col, mask, cycle});
    array.feed(fold_);
    array.advance_to(array.last_cycle(fold_) + 1);
    outcome_ = array.outcome();
    std::vector<int> values;
    for (const float value : c_) values.push_back(static_cast<std::int32_t>(bits_of_float(value)));
    return values;
  }

  std::vector<float> a_{1, 3, 5, 2, 4, 6};  // [k][m]
  std::vector<float> b_{1, 10, 100, -128};  // [k][n]
  std::vector<float> c_ = std::vector<float>(6);
  StationaryFold fold_;
  FaultOutcome outcome_;
};

TEST_F(SmallFold, WithoutAFault) {
  EXPECT_EQ(with_flip(ArrayRegister::west, 0, 0, 1, 1000),
            (std::vector<int>{201, -246, 403, -482, 605, -718}));
  EXPECT_FALSE(outcome_.activated);
}

TEST_F(SmallFold, AStationaryFlipTouchesItsColumnFromThatStepOn) {
  // PE (1, 0) multiplies steps 0, 1, 2 in cycles 4, 5, 6; a flip of 100 to 101 after cycle 4.
  EXPECT_EQ(with_flip(ArrayRegister::stationary, 1, 0, 1, 4),
            (std::vector<int>{201, -246, 403 + 4, -482, 605 + 6, -718}));
  EXPECT_EQ(outcome_.activate_cycle, 5u);
  EXPECT_EQ(outcome_.value_before, 100u);
  EXPECT_EQ(outcome_.value_after, 101u);
  EXPECT_EQ(outcome_.place.query_row, -1);
  // After cycle 3 it is whole: all three steps.
  EXPECT_EQ(with_flip(ArrayRegister::stationary, 1, 0, 1, 3),
            (std::vector<int>{201 + 2, -246, 403 + 4, -482, 605 + 6, -718}));
  // After cycle 6 nobody reads it.
  EXPECT_EQ(with_flip(ArrayRegister::stationary, 1, 0, 1, 6),
            (std::vector<int>{201, -246, 403, -482, 605, -718}));
  EXPECT_FALSE(outcome_.activated);
}

TEST_F(SmallFold, APreloadFlipTouchesTheColumnOfTheOperandThatPasses) {
  // The preload register of (0, 1) holds row 1's −128 after cycle 1, row 0's 10 after cycles 2.
  EXPECT_EQ(with_flip(ArrayRegister::preload, 0, 1, 1, 1),
            (std::vector<int>{201, -246 + 2, 403, -482 + 4, 605, -718 + 6}));
  EXPECT_EQ(outcome_.activate_cycle, 2u);
  EXPECT_EQ(outcome_.value_before, 0x80u);
  EXPECT_EQ(with_flip(ArrayRegister::preload, 0, 1, 1, 2),
            (std::vector<int>{201, -246 + 1, 403, -482 + 3, 605, -718 + 5}));
  EXPECT_EQ(outcome_.activate_cycle, 3u) << "the first moving operand arrives";
  // That of (1, 0) waits from cycle 1 on for cycle 3.
  with_flip(ArrayRegister::preload, 1, 0, 1, 1);
  EXPECT_EQ(outcome_.activate_cycle, 3u);
}

TEST_F(SmallFold, ASumFlipTouchesOneValue) {
  // After cycle 5 PE (0, 1) holds row 1's first product 3 · 10 = 30.
  EXPECT_EQ(with_flip(ArrayRegister::sum, 0, 1, 0xfu, 5),
            (std::vector<int>{201, -246, 403, -482 + (17 - 30), 605, -718}));
  EXPECT_EQ(outcome_.activate_cycle, 6u);
  EXPECT_EQ(outcome_.value_before, 30u);
  EXPECT_EQ(outcome_.place.query_row, 1);
}

TEST_F(SmallFold, AWestFlipTouchesItsRowFromThatColumnOn) {
  // After cycle 4 PE (0, 0) holds a = 5 of row 2; it is multiplied in columns 0 and 1.
  EXPECT_EQ(with_flip(ArrayRegister::west, 0, 0, 2, 4),
            (std::vector<int>{201, -246, 403, -482, 605 + 2, -718 + 20}));
  EXPECT_EQ(outcome_.place.query_row, 2);
  EXPECT_EQ(with_flip(ArrayRegister::west, 0, 1, 2, 5),
            (std::vector<int>{201, -246, 403, -482, 605, -718 + 20}));
}

TEST(StationaryArray, TheIsolatedFoldEqualsTheOverlappedStream) {
  std::mt19937 rng(7);
  int struck = 0;
  for (int round = 0; round < 400; ++round) {
    const ArrayShape shape = kArrayShapes[3 + rng() % 6];
    StationaryStream stream(rng, shape.rows, shape.cols, 6, 20, round % 5 == 0);
    const ArrayFault fault = random_fault(rng, shape, stream, kRegisters[rng() % 4], true);
    const Stepped overlapped = step(shape, stream.folds(), stream, &fault);
    StationaryArray alone(shape.rows, shape.cols);
    alone.arm(fault);
    for (const StationaryFold& fold : stream.folds()) {
      if (!alone.strikes(fold)) {
        multiply(fold);
        continue;
      }
      ++struck;
      alone.restart();
      alone.feed(fold);
      alone.advance_to(alone.last_cycle(fold) + 1);
    }
    expect_same_outputs(stream.take_outputs(), overlapped.outputs);
    expect_same_outcome(alone.outcome(), overlapped.outcome);
    if (HasFailure()) FAIL() << "round " << round;
  }
  EXPECT_GT(struck, 400);
}

TEST(StationaryArray, ValuesAreDeliveredInTheirCycleAndNotBefore) {
  std::mt19937 rng(8);
  const ArrayShape shape{5, 9};
  StationaryStream stream(rng, shape.rows, shape.cols, 1, 12, false);
  const StationaryFold& fold = stream.folds()[0];
  StationaryArray array(shape.rows, shape.cols);
  array.feed(fold);
  for (std::uint64_t cycle = 0; cycle <= array.last_cycle(fold); ++cycle) {
    array.advance_to(cycle + 1);
    EXPECT_EQ(array.idle(), cycle == array.last_cycle(fold));
    for (std::uint32_t t = 0; t < fold.steps; ++t)
      for (std::uint32_t j = 0; j < fold.cols; ++j) {
        const float value = fold.out[t * fold.step_stride + j * fold.col_stride];
        EXPECT_EQ(value != StationaryStream::kUntouched,
                  cycle >= fold.start + t + shape.rows + j + 1);
      }
  }
}

/// Cycles observed on the registers: from the first operand's move to the last product of folds
/// that follow each other strictly.
TEST(StationaryArray, SerialFoldsTakeTheCyclesOfScaleSim) {
  struct Case {
    ArrayShape shape;
    std::uint32_t steps, folds;
  };
  for (const auto& [shape, steps, folds] :
       {Case{{1, 1}, 1, 3}, Case{{4, 4}, 9, 5}, Case{{8, 3}, 1, 4}, Case{{5, 17}, 30, 3}}) {
    std::vector<float> weights(shape.rows * shape.cols, 1.0F), moving(shape.rows * steps);
    for (std::uint32_t i = 0; i < shape.rows; ++i)
      for (std::uint32_t t = 0; t < steps; ++t) moving[i * steps + t] = static_cast<float>(t + 1);
    std::vector<float> out(folds * steps * shape.cols);
    StationaryArray array(shape.rows, shape.cols);
    StationaryFold fold;
    fold.steps = steps;
    fold.rows = shape.rows;
    fold.cols = shape.cols;
    fold.stationary = weights.data();
    fold.moving = moving.data();
    fold.stationary_stride = fold.step_stride = shape.cols;
    fold.moving_stride = steps;
    fold.col_stride = 1;
    fold.stationary_format = fold.moving_format = Format::float32;
    const std::uint64_t serial = steps + 2 * shape.rows + shape.cols - 2;
    for (std::uint32_t f = 0; f < folds; ++f) {
      fold.preload = 100 + f * serial;
      fold.start = fold.preload + shape.rows;
      fold.out = out.data() + f * steps * shape.cols;
      fold.sums = f == 0 ? nullptr : out.data() + (f - 1) * steps * shape.cols;
      array.feed(fold);
    }
    std::uint64_t first = 0, last = 0;
    float preload = 0, sum = 0;
    while (!array.idle()) {
      array.advance_to(array.now() + 1);
      const float now_preload = array.value(ArrayRegister::preload, 0, 0);
      const float now_sum = array.value(ArrayRegister::sum, shape.rows - 1, shape.cols - 1);
      if (preload != now_preload && first == 0) first = array.now() - 1;
      if (sum != now_sum) last = array.now() - 1;
      preload = now_preload;
      sum = now_sum;
    }
    EXPECT_EQ(first, 100u);
    EXPECT_EQ(last - first, folds * serial) << shape.rows << "x" << shape.cols;
    EXPECT_EQ(out.back(), static_cast<float>(folds * steps * shape.rows));
  }
}

TEST(StationaryArray, StepSizeAndSimdTargetDoNotMatter) {
  std::mt19937 rng(9);
  for (const ArrayShape shape :
       {ArrayShape{3, 3}, ArrayShape{16, 16}, ArrayShape{9, 70}, ArrayShape{128, 128}}) {
    StationaryStream stream(rng, shape.rows, shape.cols, 12, 90, true);
    const auto expected = step(shape, stream.folds(), stream).outputs;
    for_each_simd_target([&](const std::string& target) {
      SCOPED_TRACE(target);
      StationaryArray array(shape.rows, shape.cols);
      std::size_t fed = 0;
      while (fed < stream.folds().size() || !array.idle()) {
        const std::uint64_t next = array.now() + 1 + rng() % 100;
        while (fed < stream.folds().size() && stream.folds()[fed].preload < next)
          array.feed(stream.folds()[fed++]);
        array.advance_to(next);
      }
      expect_same_outputs(stream.take_outputs(), expected);
    });
  }
}

TEST(StationaryArray, ResetForgetsFoldsFaultsAndRegisters) {
  std::mt19937 rng(10);
  StationaryStream stream(rng, 4, 4, 3, 9, false);
  const auto expected = step({4, 4}, stream.folds(), stream).outputs;
  StationaryArray array(4, 4);
  array.arm({ArrayRegister::sum, 0, 0, 1u << 30, stream.folds()[0].start + 1});
  for (const StationaryFold& fold : stream.folds()) array.feed(fold);
  array.advance_to(stream.folds()[0].start + 4);
  ASSERT_TRUE(array.outcome().activated);
  array.reset();
  EXPECT_TRUE(array.idle());
  EXPECT_FALSE(array.outcome().activated);
  EXPECT_EQ(array.now(), 0u);
  for (const ArrayRegister which : kRegisters)
    EXPECT_EQ(bits_of_float(array.value(which, 0, 0)), 0u);
  stream.take_outputs();
  for (const StationaryFold& fold : stream.folds()) array.feed(fold);
  array.advance_to(stream.last_cycle() + 1);
  expect_same_outputs(stream.take_outputs(), expected);
}

TEST(StationaryArray, RefusesAPreloadWhileOperandsWaitForTheirFold) {
  const std::vector<float> ones(16, 1.0F);
  std::vector<float> out(16);
  StationaryFold fold;
  fold.preload = 10;
  fold.start = 20;  // all operands are in place from cycle 14 on
  fold.steps = fold.rows = fold.cols = 4;
  fold.stationary = fold.moving = ones.data();
  fold.stationary_stride = fold.moving_stride = fold.step_stride = 4;
  fold.col_stride = 1;
  fold.out = out.data();
  StationaryArray array(4, 4);
  array.feed(fold);
  fold.preload = 19;
  fold.start = 24;
  EXPECT_THROW(array.feed(fold), std::logic_error);
  fold.preload = 20;
  EXPECT_NO_THROW(array.feed(fold));
}

TEST(StationaryArray, RefusesFoldsAndFaultsTheHardwareCannotTake) {
  const std::vector<float> ones(64, 1.0F);
  std::vector<float> out(64);
  StationaryFold fold;
  fold.preload = 10;
  fold.start = 14;
  fold.steps = 8;
  fold.rows = fold.cols = 4;
  fold.stationary = fold.moving = ones.data();
  fold.stationary_stride = 4;
  fold.moving_stride = fold.col_stride = 8;
  fold.step_stride = 1;
  fold.out = out.data();
  StationaryArray array(4, 4);
  array.feed(fold);
  const auto feed = [&](auto change) {
    StationaryArray copy = array;
    StationaryFold next = fold;
    next.preload = 18;
    next.start = 22;
    change(next);
    copy.feed(next);
  };
  EXPECT_NO_THROW(feed([](StationaryFold&) {}));
  EXPECT_NO_THROW(feed([](StationaryFold& next) { next.preload = 14; }));
  EXPECT_THROW(feed([](StationaryFold& next) { next.preload = 13; }), std::logic_error)
      << "the operands of the fold before still wait";
  EXPECT_THROW(feed([](StationaryFold& next) { next.preload = 19; }), std::logic_error)
      << "four rows take four cycles";
  EXPECT_THROW(feed([](StationaryFold& next) {
                 next.preload = 14;
                 next.start = 21;
               }),
               std::logic_error)
      << "the edge still takes operand 7";
  EXPECT_NO_THROW(feed([&](StationaryFold& next) { next.sums = out.data(); }));
  EXPECT_THROW(feed([](StationaryFold& next) { next.rows = 5; }), std::logic_error);
  EXPECT_THROW(feed([](StationaryFold& next) { next.cols = 0; }), std::logic_error);
  EXPECT_THROW(feed([](StationaryFold& next) { next.steps = 0; }), std::logic_error);
  EXPECT_THROW(feed([](StationaryFold& next) { next.moving_format = Format::int8; }),
               std::logic_error);
  EXPECT_THROW(StationaryArray(129, 4), std::logic_error);
  EXPECT_THROW(StationaryArray(4, 0), std::logic_error);

  fold.steps = 1;
  StationaryArray short_fold(4, 4);
  short_fold.feed(fold);
  StationaryFold next = fold;
  next.preload = 14;
  next.start = 18;
  next.sums = out.data();
  EXPECT_THROW(short_fold.feed(next), std::logic_error) << "its sums leave the array in cycle 19";
  next.start = 19;
  EXPECT_NO_THROW(short_fold.feed(next));

  array.advance_to(5);
  EXPECT_THROW(array.arm({ArrayRegister::sum, 0, 0, 1, 4}), std::logic_error);
  EXPECT_THROW(array.arm({ArrayRegister::sum, 4, 0, 1, 9}), std::logic_error);
}

}  // namespace
}  // namespace attnguard
