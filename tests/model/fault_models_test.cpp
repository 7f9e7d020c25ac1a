// Every fault model on a case small enough to be computed by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "models/fault_injector/register_tap.h"
#include "models/systolic_array/array_core.h"
#include "src/simulation/simulation.h"
#include "tests/support/child_process.h"
#include "tests/support/random_system.h"

namespace attnguard {
namespace {

Fault fault_of(FaultModel model, std::uint32_t bit, std::uint64_t cycle = 0,
               std::uint32_t bits = 1) {
  Fault fault;
  fault.bit = bit;
  fault.bits_flipped = bits;
  fault.cycle = cycle;
  fault.how.model = model;
  return fault;
}

Fault intermittent(bool value, std::uint64_t start, std::uint32_t period, std::uint32_t duty) {
  Fault fault = fault_of(FaultModel::intermittent, 0, start);
  fault.how.value = value;
  fault.how.period_cycles = period;
  fault.how.duty_cycles = duty;
  return fault;
}

// --- what a fault does to a value

TEST(FaultModels, ForceFlipAndScatterTheBitsOfTheirMask) {
  EXPECT_EQ(fault_of(FaultModel::bit_flip, 1, 0, 2).applied(0b1011, 4), 0b1101U);
  EXPECT_EQ(fault_of(FaultModel::stuck_at_0, 1, 0, 3).applied(0b1011, 4), 0b0001U);
  EXPECT_EQ(fault_of(FaultModel::stuck_at_1, 1, 0, 2).applied(0b1001, 4), 0b1111U);
  EXPECT_EQ(fault_of(FaultModel::stuck_at_1, 3, 0, 2).applied(0, 4), 0b1000U) << "4 bits wide";
  Fault scattered = fault_of(FaultModel::bit_flip, 4);
  scattered.pattern = 0b1000'0001;
  EXPECT_EQ(scattered.applied(0, 16), 0b1000'0001'0000U);
  EXPECT_EQ(intermittent(true, 0, 1, 1).applied(0, 1), 1U);
  EXPECT_EQ(intermittent(false, 0, 1, 1).applied(1, 1), 0U);
}

TEST(FaultModels, ACarryIsAUnitOfItsBitAndRipplesOn) {
  Fault carry = fault_of(FaultModel::carry, 0);
  EXPECT_EQ(carry.applied(0b0111, 8), 0b1000U);
  // The integer image of a float32: one unit in the last place above the largest number below 1.
  EXPECT_EQ(carry.applied(0x3f7fffff, 32), 0x3f800000U);
  carry.bit = 23;
  EXPECT_EQ(carry.applied(0x3f800000, 32), 0x40000000U) << "1.0 to 2.0";
  carry.how.missing = true;
  EXPECT_EQ(carry.applied(0x3f800000, 32), 0x3f000000U) << "1.0 to 0.5";
  carry.bit = 0;
  EXPECT_EQ(carry.applied(0x3f800000, 32), 0x3f7fffffU);
  EXPECT_EQ(carry.applied(0, 16), 0xffffU) << "modulo the width";
}

TEST(FaultModels, AnIntermittentFaultActsAtTheStartOfEveryPeriod) {
  const FaultBehaviour how = intermittent(true, 10, 5, 2).how;
  std::string active;
  for (std::uint64_t cycle = 8; cycle < 24; ++cycle)
    active += how.acts(10, cycle, cycle + 1) ? '1' : '0';
  EXPECT_EQ(active, "0011000110001100");
  EXPECT_TRUE(how.acts(10, 12, 16)) << "15 and 16 belong to the next period";
  EXPECT_FALSE(how.acts(10, 12, 15));
  EXPECT_EQ(how.next_active(10, 0), 10U);
  EXPECT_EQ(how.next_active(10, 11), 11U);
  EXPECT_EQ(how.next_active(10, 12), 15U);
}

// --- the tap

std::uint64_t read(RegisterTap& tap, std::uint64_t cycle, std::uint64_t raw) {
  tap.read(0, 0, cycle, raw, Place{}, 8);
  return raw;
}

TEST(RegisterTap, AStuckBitIsActivatedByTheFirstReadThatDiffers) {
  RegisterTap tap;
  tap.arm(fault_of(FaultModel::stuck_at_1, 2));
  tap.write(0, 0, 5);
  EXPECT_EQ(read(tap, 6, 0b0101), 0b0101U);
  EXPECT_FALSE(tap.outcome().activated) << "the bit is 1 anyway";
  tap.write(0, 0, 7);
  EXPECT_EQ(read(tap, 9, 0b0001), 0b0101U);
  tap.write(0, 0, 10);
  EXPECT_EQ(read(tap, 12, 0), 0b0100U) << "for ever";
  EXPECT_EQ(tap.outcome().activate_cycle, 9U);
  EXPECT_EQ(tap.outcome().value_before, 0b0001U);
  EXPECT_EQ(tap.outcome().value_after, 0b0101U);
}

TEST(RegisterTap, WhatAnIntermittentFaultForcedStaysUntilItIsOverwritten) {
  RegisterTap tap;
  tap.arm(intermittent(true, 10, 10, 2));  // acts in 10, 11, 20, 21, …
  tap.write(0, 0, 5);
  EXPECT_EQ(read(tap, 10, 0), 0U) << "value after the update of cycle 9";
  EXPECT_EQ(read(tap, 11, 0), 1U);
  tap.write(0, 0, 12);
  EXPECT_EQ(read(tap, 20, 0), 0U) << "written after 11, read before 20 has acted";
  tap.write(0, 0, 20);
  EXPECT_EQ(read(tap, 30, 0), 1U) << "forced in 20 and 21, held since";
  EXPECT_EQ(tap.outcome().activate_cycle, 11U);
}

TEST(RegisterTap, SeveralFaultsActEachOnItsOwn) {
  RegisterTap tap;
  tap.arm(fault_of(FaultModel::bit_flip, 0, 3));
  tap.add(fault_of(FaultModel::bit_flip, 1, 3));
  tap.add(fault_of(FaultModel::stuck_at_1, 4));
  Fault elsewhere = fault_of(FaultModel::bit_flip, 7, 3);
  elsewhere.site.index = 1;
  tap.add(elsewhere);
  EXPECT_EQ(read(tap, 4, 0), 0b0001'0011U);
  EXPECT_EQ(read(tap, 5, 0), 0b0001'0000U) << "flips strike once";
  EXPECT_TRUE(tap.pending());
  EXPECT_EQ(tap.outcome().activate_cycle, 4U);
  tap.disarm();
  EXPECT_FALSE(tap.pending());
}

TEST(RegisterTap, AProbeFindsTheNthReadAndChangesNothing) {
  RegisterTap tap;
  Fault probe = fault_of(FaultModel::probe, 0);
  probe.access = 2;
  tap.arm(probe);
  EXPECT_EQ(read(tap, 8, 1), 1U);
  EXPECT_FALSE(tap.outcome().activated);
  read(tap, 4, 1);
  read(tap, 6, 1);
  EXPECT_EQ(tap.outcome().activate_cycle, 6U) << "in time order";
}

// All registers are overwritten in the update of the cycle in which work is abandoned; flips follow
// the update.
TEST(RegisterTap, AFlipInTheCycleOfTheAbortStays) {
  for (const std::uint64_t flip : {9U, 10U}) {
    RegisterTap tap;
    tap.arm(fault_of(FaultModel::bit_flip, 0, flip));
    tap.abandon(10);
    EXPECT_EQ(read(tap, 20, 0), flip == 10 ? 1U : 0U);
    EXPECT_EQ(tap.outcome().activated, flip == 10);
  }
}

// --- permanent faults of a processing element: what the dataflow makes of them

constexpr std::uint32_t kRows = 4, kCols = 5, kDepth = 3;

/// A product of ones on a 4 × 5 array with a stuck bit in PE (row, col): [row][col].
std::vector<std::vector<float>> product_of_ones(Fidelity fidelity, const std::string& field,
                                                std::uint32_t row, std::uint32_t col,
                                                FaultModel model, std::uint32_t bit) {
  ArrayConfig config;
  config.rows = kRows;
  config.cols = kCols;
  ArrayCore core(config, {}, fidelity);
  FaultUniverse universe;
  core.declare(universe, "array");
  Fault fault = fault_of(model, bit);
  fault.site =
      universe.find("array.pe[" + std::to_string(row) + "][" + std::to_string(col) + "]." + field)
          .value();
  core.arm(fault);
  ArrayOperands operands;
  operands.west.assign(kDepth * core.stride(), 1.0F);
  operands.north.assign(kDepth * kCols, 1.0F);
  ArrayWork work;
  work.tile.rows = kRows;
  work.tile.cols = kCols;
  work.start = 20;
  work.interval = kRows;
  work.depth = kDepth;
  work.out_cols = kCols;
  work.operands = &operands;
  LiveLog log;
  core.start(work, log);
  core.finish(work);
  std::vector<std::vector<float>> out(kRows, std::vector<float>(kCols));
  for (std::uint32_t i = 0; i < kRows; ++i)
    for (std::uint32_t j = 0; j < kCols; ++j) out[i][j] = work.out[j * core.stride() + i];
  return out;
}

template <class Wrong>
void expect_pattern(const std::string& field, FaultModel model, std::uint32_t bit, float faulty,
                    Wrong wrong) {
  for (const Fidelity fidelity : {Fidelity::cycle, Fidelity::transaction})
    for (std::uint32_t r = 0; r < kRows; ++r)
      for (std::uint32_t c = 0; c < kCols; ++c) {
        const auto out = product_of_ones(fidelity, field, r, c, model, bit);
        for (std::uint32_t i = 0; i < kRows; ++i)
          for (std::uint32_t j = 0; j < kCols; ++j)
            EXPECT_EQ(out[i][j], wrong(i, j, r, c) ? faulty : 3.0F)
                << field << " of PE " << r << ' ' << c << " at " << i << ' ' << j;
      }
}

// bfloat16 1.0 is 0x3f80; with bit 6 it is 1.5, and 3 × 1.5 = 4.5.
TEST(PermanentFaults, OfAWestOperandSpoilTheRowFromTheirColumnOn) {
  expect_pattern("west", FaultModel::stuck_at_1, 6, 4.5F,
                 [](auto i, auto j, auto r, auto c) { return i == r && j >= c; });
}
TEST(PermanentFaults, OfANorthOperandSpoilTheColumnFromTheirRowDown) {
  expect_pattern("north", FaultModel::stuck_at_1, 6, 4.5F,
                 [](auto i, auto j, auto r, auto c) { return j == c && i >= r; });
}
// Bit 22 is the first of the fraction: 1 becomes 1.5; 2.5 becomes 3.5; 4.5 becomes 6.5.
TEST(PermanentFaults, OfAnAccumulatorSpoilOnePointAndAddUp) {
  expect_pattern("acc", FaultModel::stuck_at_1, 22, 6.5F,
                 [](auto i, auto j, auto r, auto c) { return i == r && j == c; });
}
// 3 = 1.5 × 2 loses its only fraction bit.
TEST(PermanentFaults, OfADrainSpoilOnePoint) {
  expect_pattern("drain", FaultModel::stuck_at_0, 22, 2.0F,
                 [](auto i, auto j, auto r, auto c) { return i == r && j == c; });
}
TEST(PermanentFaults, ThatForceWhatIsThereAnywayChangeNothing) {
  expect_pattern("west", FaultModel::stuck_at_0, 6, 0.0F, [](auto...) { return false; });
}

// Product k of PE (0, 0) is added in cycle start + k + 1: after two of three, 2 becomes 2 + 2^-22.
TEST(Carry, OfAnAccumulatorIsAddedToTheSumOfItsCycle) {
  SteppingArray array(1, 1);
  const std::vector<float> ones(3, 1.0F);
  float out = 0;
  ArrayPass pass;
  pass.start = 10;
  pass.depth = 3;
  pass.rows = pass.cols = 1;
  pass.west = pass.north = ones.data();
  pass.west_stride = pass.north_stride = pass.out_stride = 1;
  pass.out = &out;
  ArrayFault fault{ArrayRegister::acc, 0, 0, 1U << 20, 12};
  fault.how.model = FaultModel::carry;
  array.arm(fault);
  array.feed(pass);
  array.advance_to(pass.last_cycle() + 1);
  EXPECT_EQ(array.outcome().value_before, 0x40000000U);
  EXPECT_EQ(array.outcome().value_after, 0x40100000U);  // 2 + 2 × 2^-3
  EXPECT_EQ(out, 3.25F);
}

// --- lines and links in a whole accelerator

struct LinkRun {
  std::string site;
  FaultModel model = FaultModel::drop;
  std::uint32_t bit = 0, nth = 1;  ///< transaction of the link
  std::uint64_t delay = 0;
  std::uint64_t cycle = 0;  ///< of a flip
};

/// "<completion> <output as golden> <cycles − golden> <alarm cycle of the first checker> <reason>".
std::string outcome_of(const LinkRun& what) {
  return run_in_children(1, [&](std::size_t) {
    const TestSystem system = small_system(true);
    Simulation simulation(system.accelerator, system.checkers, system.job);
    const RunResult golden = simulation.run(true);
    Fault fault = fault_of(what.model, what.bit, what.cycle);
    fault.site = simulation.universe().find(what.site).value();
    fault.delay_cycles = static_cast<std::uint32_t>(what.delay);
    if (on_transfers(what.model)) {
      Fault probe = fault;
      probe.how.model = FaultModel::probe;
      probe.access = what.nth;
      const RunResult probed = simulation.run_with_fault(probe, 4 * golden.cycles + 10000);
      if (!probed.fault.activated || probed.output != golden.output) return std::string("no probe");
      fault.cycle = probed.fault.activate_cycle;
    }
    const RunResult run = simulation.run_with_fault(fault, 4 * golden.cycles + 10000);
    if (!run.fault.activated) return std::string("not activated");
    constexpr const char* kNames[] = {"finished", "hang", "crash", "failed"};
    std::ostringstream text;
    text << kNames[static_cast<int>(run.completion)];
    if (run.completion == Completion::finished)
      text << (run.output == golden.output ? " golden " : " sdc ") << run.cycles - golden.cycles;
    if (run.completion == Completion::crash) text << ": " << run.crash_reason;
    if (run.checkers[0].alarm_cycle == 1) text << ", alarm in cycle 1";
    return text.str();
  })[0];
}

using testing::StartsWith;

TEST(StuckLines, HangCrashOrAlarm) {
  EXPECT_EQ(outcome_of({"line.done.load", FaultModel::stuck_at_0}), "hang");
  EXPECT_EQ(outcome_of({"line.done.array", FaultModel::stuck_at_0}), "hang");
  EXPECT_EQ(outcome_of({"line.done.load", FaultModel::stuck_at_1}),
            "crash: dma load answered a command with TLM_COMMAND_ERROR_RESPONSE");
  EXPECT_EQ(outcome_of({"line.alarm.merged", FaultModel::stuck_at_1}),
            "finished golden 0, alarm in cycle 1");
  EXPECT_EQ(outcome_of({"line.alarm.merged", FaultModel::stuck_at_0}), "not activated");
}

TEST(SequencerState, ACounterThatLiesSkipsRepeatsOrWaits) {
  const auto flip = [](const std::string& counter, std::uint64_t cycle) {
    return outcome_of({"sequencer." + counter, FaultModel::bit_flip, 0, 1, 0, cycle});
  };
  // In cycle 0 the first chain is issued; its bit 0 set, the second is taken for done and the array
  // reads what was not loaded.
  EXPECT_EQ(flip("loads_complete[0]", 1), "crash: array read an operand tile that is not loaded");
  // The first command again while the unit is busy with it waits for done; the next one never
  // comes.
  EXPECT_EQ(outcome_of({"sequencer.loads_complete[0]", FaultModel::stuck_at_0}), "hang");
  EXPECT_EQ(outcome_of({"sequencer.tile[0]", FaultModel::stuck_at_0}), "hang");
  EXPECT_THAT(flip("tiles_opened[1]", 20), StartsWith("crash"));
  // Long before the first tile is written its store counts as issued: nobody waits for that yet.
  EXPECT_EQ(flip("stores_issued[0]", 1), "finished golden 0");
}

// Two heads of two query tiles: four output tiles, and 4 is 100 in binary.
TEST(SequencerState, ACounterHoldsItsLastValue) {
  const std::string bits = run_in_children(1, [&](std::size_t) {
    TestSystem system = small_system(true);
    system.job.shape.tokens_q = 6;
    FloatSamples samples(21);
    fill_normal(system.job, system.accelerator.formats.operand, samples, 1.5F);
    const Simulation simulation(system.accelerator, system.checkers, system.job);
    std::string found;
    for (const char* site :
         {"sequencer.tile[2]", "sequencer.stores_issued[2]", "sequencer.tile[3]"})
      found += simulation.universe().find(site) ? '1' : '0';
    return found;
  })[0];
  EXPECT_EQ(bits, "110");
}

TEST(Transfers, ThatAreLostStarveWhoWaitsOrLeaveOldData) {
  for (const char* link : {"external_memory_to_dma", "k_buffer_to_array", "array_to_softmax",
                           "softmax_to_array", "o_buffer_to_dma"})
    EXPECT_EQ(outcome_of({std::string("link.") + link + ".transfer", FaultModel::drop}), "hang")
        << link;
  EXPECT_EQ(outcome_of({"link.dma_to_external_memory.transfer", FaultModel::drop}),
            "finished sdc 0");
  EXPECT_EQ(outcome_of({"link.dma_to_q_buffer.transfer", FaultModel::drop}),
            "crash: array read an operand tile that is not loaded");
  EXPECT_EQ(outcome_of({"link.softmax_to_checksum.transfer", FaultModel::drop}).substr(0, 15),
            "finished golden");
}

TEST(Transfers, ThatComeTwiceMatterWhereStateIsUpdated) {
  EXPECT_EQ(outcome_of({"link.dma_to_external_memory.transfer", FaultModel::duplicate}),
            "finished golden 0");
  EXPECT_EQ(outcome_of({"link.dma_to_k_buffer.transfer", FaultModel::duplicate}),
            "finished golden 0");
  // The first tile of a row is added to nothing, twice; the second is rescaled and added twice.
  EXPECT_EQ(outcome_of({"link.array_to_accumulator.transfer", FaultModel::duplicate}),
            "finished golden 0");
  EXPECT_EQ(outcome_of({"link.array_to_accumulator.transfer", FaultModel::duplicate, 0, 2}),
            "finished sdc 0");
  EXPECT_EQ(outcome_of({"link.sequencer_to_units.transfer", FaultModel::duplicate}),
            "crash: dma load answered a command with TLM_COMMAND_ERROR_RESPONSE");
}

TEST(Transfers, ThatComeLateHoldUpTheRunOrMissTheirReader) {
  // Q and K are loaded first, in one chain: everything waits for its end.
  EXPECT_EQ(outcome_of({"link.external_memory_to_dma.transfer", FaultModel::delay, 0, 2, 7}),
            "finished golden 7");
  EXPECT_EQ(outcome_of({"link.dma_to_q_buffer.transfer", FaultModel::delay, 0, 1, 300}),
            "crash: array read an operand tile that is not loaded");
  EXPECT_EQ(outcome_of({"link.softmax_to_accumulator.transfer", FaultModel::delay, 0, 1, 300}),
            "crash: accumulator received a partial tile before its alpha");
}

TEST(Transfers, WithAWrongAddressGoAstrayOrAreRefused) {
  EXPECT_EQ(outcome_of({"link.dma_to_k_buffer.transfer", FaultModel::address, 0}),
            "crash: array read an operand tile that is not loaded");
  EXPECT_EQ(outcome_of({"link.external_memory_to_dma.transfer", FaultModel::address, 1}),
            "finished sdc 0");
}

TEST(Transfers, AnsweredWithAnErrorCrashExceptWhereOnlyCheckersListen) {
  for (const char* link : {"external_memory_to_dma", "dma_to_q_buffer", "q_buffer_to_array",
                           "array_to_softmax", "softmax_to_array", "softmax_to_accumulator",
                           "array_to_accumulator", "accumulator_to_o_buffer", "o_buffer_to_dma",
                           "dma_to_external_memory", "sequencer_to_units"})
    EXPECT_THAT(outcome_of({std::string("link.") + link + ".transfer", FaultModel::error_response}),
                StartsWith("crash: "))
        << link;
  EXPECT_THAT(outcome_of({"link.array_to_checksum.transfer", FaultModel::error_response}),
              StartsWith("finished golden 0"));
}

}  // namespace
}  // namespace attnguard
