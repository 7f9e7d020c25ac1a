// Plain matrix products through the whole simulation: values, cycles under every fold policy, and
// what faults do.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "src/simulation/simulation.h"
#include "tests/support/child_process.h"
#include "tests/support/compare_fidelities.h"
#include "tests/support/float_samples.h"
#include "tests/support/run_text.h"
#include "tests/support/scalesim_table.h"

namespace attnguard {
namespace {

struct GemmSystem {
  AcceleratorConfig accelerator;
  std::vector<CheckerConfig> checkers;
  GemmJob job;
};

GemmSystem gemm_system(const GemmShape& shape, std::uint32_t rows, std::uint32_t cols,
                       FoldPolicy policy, Dataflow dataflow = Dataflow::output_stationary) {
  GemmSystem system;
  system.accelerator.array.dataflow = dataflow;
  system.accelerator.array.rows = rows;
  system.accelerator.array.cols = cols;
  system.accelerator.array.fold_policy = policy;
  system.accelerator.formats.output = Format::float32;
  system.job.shape = shape;
  system.job.a.resize(std::size_t{shape.m} * shape.k);
  system.job.b.resize(std::size_t{shape.k} * shape.n);
  return system;
}

void fill_normal(GemmSystem& system, FloatSamples& samples) {
  const Format operand = system.accelerator.formats.operand;
  const float deviation = operand == Format::int8 ? 60.0F : 1.5F;
  for (std::vector<float>* values : {&system.job.a, &system.job.b})
    for (float& value : *values) value = round_to(operand, samples.normal(deviation));
}

GemmSystem random_gemm(FloatSamples& samples, std::uint32_t most) {
  const auto up_to = [&](std::size_t limit) {
    return static_cast<std::uint32_t>(samples.integer(1, limit));
  };
  const Dataflow dataflow = EnumNames<Dataflow>::names[samples.integer(0, 2)].first;
  const bool stationary = dataflow != Dataflow::output_stationary;
  GemmSystem system =
      gemm_system({up_to(3 * most), up_to(3 * most), up_to(4 * most)}, up_to(most), up_to(most),
                  samples.pick(FoldPolicy::serial_full,
                               stationary ? FoldPolicy::serial_full : FoldPolicy::serial_occupied,
                               FoldPolicy::overlapped),
                  dataflow);
  FormatsConfig& formats = system.accelerator.formats;
  formats.operand = samples.pick(Format::bfloat16, Format::float16, Format::float32, Format::int8);
  formats.output = formats.operand == Format::int8
                       ? Format::int32
                       : samples.pick(Format::bfloat16, Format::float32);
  system.checkers = {{"abft", MatmulAbftConfig{}}};
  fill_normal(system, samples);
  return system;
}

/// The arithmetic contract in a plain loop: ascending k, from +0, product and sum rounded.
std::vector<std::uint32_t> reference(const GemmSystem& system) {
  const GemmShape& shape = system.job.shape;
  const bool integers = system.accelerator.formats.operand == Format::int8;
  std::vector<std::uint32_t> output;
  for (std::uint32_t m = 0; m < shape.m; ++m)
    for (std::uint32_t n = 0; n < shape.n; ++n) {
      float sum = 0;
      std::int32_t exact = 0;
      for (std::uint32_t k = 0; k < shape.k; ++k) {
        const float product =
            system.job.a[std::size_t{m} * shape.k + k] * system.job.b[std::size_t{k} * shape.n + n];
        sum = sum + product;
        if (integers) exact += static_cast<std::int32_t>(product);
      }
      output.push_back(integers ? static_cast<std::uint32_t>(exact)
                                : encode(system.accelerator.formats.output, sum));
    }
  return output;
}

struct Cycles {
  std::uint64_t counted = 0, drain = 0, serial_full = 0;
};

/// Of fault-free runs at `transaction`, one process each.
std::vector<Cycles> cycles_of(const std::vector<GemmSystem>& systems) {
  const auto texts = run_in_children(systems.size(), [&](std::size_t i) {
    Simulation simulation(systems[i].accelerator, systems[i].checkers, systems[i].job, false);
    const RunResult run = simulation.run();
    std::ostringstream text;
    text << static_cast<int>(run.completion) << ' ' << run.counted_cycles() << ' '
         << run.drain_cycles << ' ' << run.serial_full_cycles;
    return text.str();
  });
  std::vector<Cycles> all;
  for (const std::string& text : texts) {
    std::istringstream stream(text);
    int completion = 0;
    Cycles& cycles = all.emplace_back();
    stream >> completion >> cycles.counted >> cycles.drain >> cycles.serial_full;
    EXPECT_EQ(completion, 0);
  }
  return all;
}

TEST(Gemm, TakesTheCyclesOfScaleSimUnderSerialFull) {
  const std::vector<ScaleSimRow> table = scalesim_table();
  std::vector<GemmSystem> systems;
  for (const ScaleSimRow& row : table)
    systems.push_back(gemm_system({row.m, row.n, row.k}, row.rows, row.cols,
                                  FoldPolicy::serial_full,
                                  row.dataflow == "os"   ? Dataflow::output_stationary
                                  : row.dataflow == "ws" ? Dataflow::weight_stationary
                                                         : Dataflow::input_stationary));
  const std::vector<Cycles> all = cycles_of(systems);
  for (std::size_t i = 0; i < table.size(); ++i) {
    EXPECT_EQ(all[i].counted - 1, table[i].total_cycles) << table[i].name();
    EXPECT_EQ(all[i].serial_full, all[i].counted) << table[i].name();
    // The last value is read off its bus 2 cycles after the last product, then written and seen.
    EXPECT_LE(all[i].drain, 5U) << table[i].name();
  }
}

TEST(Gemm, TakesTheCyclesOfStonneUnderSerialOccupied) {
  struct Count {
    std::uint32_t size, array;
    std::uint64_t cycles;
  };
  const Count counts[] = {{64, 8, 5312},   {64, 16, 1584},   {128, 8, 37632},  {128, 16, 10432},
                          {128, 32, 3120}, {256, 16, 74496}, {256, 32, 20672}, {512, 16, 560128}};
  std::vector<GemmSystem> systems;
  for (const Count& count : counts)
    systems.push_back(gemm_system({count.size, count.size, count.size}, count.array, count.array,
                                  FoldPolicy::serial_occupied));
  const std::vector<Cycles> all = cycles_of(systems);
  for (std::size_t i = 0; i < systems.size(); ++i) {
    EXPECT_EQ(all[i].counted, counts[i].cycles) << counts[i].size << " on " << counts[i].array;
    EXPECT_EQ(all[i].drain, 0U) << "the policy counts the way out";
  }
}

// Partial folds: 10 × 7 × 5 on 4 × 3 has 3 × 3 folds of depth 5, of which row 2 uses 2 rows and
// column 2 uses 1 column.
TEST(Gemm, CountsRaggedFoldsAsThePolicySays) {
  const GemmShape shape{10, 7, 5};
  const std::vector<Cycles> all = cycles_of({gemm_system(shape, 4, 3, FoldPolicy::serial_full),
                                             gemm_system(shape, 4, 3, FoldPolicy::serial_occupied),
                                             gemm_system(shape, 4, 3, FoldPolicy::overlapped)});
  EXPECT_EQ(all[0].counted, 9U * (5 + 4 + 3 - 2));
  EXPECT_EQ(all[1].counted, 9U * (5 + 3) + 3 * (4 + 4 + 2) + 3 * (3 + 3 + 1));
  EXPECT_EQ(all[2].counted, 8U * 5 + (5 + 4 + 3 - 2)) << "5 >= 4 rows: the edge decides";
  for (const Cycles& cycles : all) EXPECT_EQ(cycles.serial_full, all[0].counted);
}

// Shallower than the array is high: a fold waits for the column buses.
TEST(Gemm, OverlappedFoldsWaitForTheColumnBuses) {
  const std::vector<Cycles> all =
      cycles_of({gemm_system({16, 12, 3}, 8, 4, FoldPolicy::overlapped),
                 gemm_system({3, 12, 3}, 8, 4, FoldPolicy::overlapped)});
  EXPECT_EQ(all[0].counted, 5U * 8 + (3 + 8 + 4 - 2));
  EXPECT_EQ(all[1].counted, 2U * 8 + (3 + 8 + 4 - 2)) << "3 rows used, as long all the same";
}

// The same product with the weights kept: 2 × 3 folds of 10 rows; with the input kept 2 × 4 folds
// of 7 columns. Overlapped, the first preload is seen and then a fold takes as long as what moves.
TEST(Gemm, CountsStationaryFoldsAsThePolicySays) {
  const GemmShape shape{10, 7, 5};
  const auto system = [&](const GemmShape& size, FoldPolicy policy, Dataflow dataflow) {
    return gemm_system(size, 4, 3, policy, dataflow);
  };
  const std::vector<Cycles> all =
      cycles_of({system(shape, FoldPolicy::serial_full, Dataflow::weight_stationary),
                 system(shape, FoldPolicy::serial_full, Dataflow::input_stationary),
                 system(shape, FoldPolicy::overlapped, Dataflow::weight_stationary),
                 system(shape, FoldPolicy::overlapped, Dataflow::input_stationary),
                 system({2, 6, 8}, FoldPolicy::overlapped, Dataflow::weight_stationary)});
  EXPECT_EQ(all[0].counted, 6U * (10 + 2 * 4 + 3 - 2));
  EXPECT_EQ(all[1].counted, 8U * (7 + 2 * 4 + 3 - 2));
  EXPECT_EQ(all[2].counted, 4U + 5 * 10 + (10 + 4 + 3 - 2));
  EXPECT_EQ(all[3].counted, 4U + 7 * 7 + (7 + 4 + 3 - 2));
  // Two rows pass faster than the next weights come (R = 4), and than the sums come back (R + 1)
  // where a fold goes on with them.
  EXPECT_EQ(all[4].counted, 4U + (5 + 4 + 5) + (2 + 4 + 3 - 2));
}

TEST(Gemm, ComputesTheProductAtBothFidelities) {
  FloatSamples samples(41);
  for (int trial = 0; trial < 60; ++trial) {
    const GemmSystem system = random_gemm(samples, trial < 40 ? 6 : 24);
    const auto texts = run_in_children(2, [&](std::size_t i) {
      AcceleratorConfig accelerator = system.accelerator;
      accelerator.fidelity = i == 0 ? Fidelity::cycle : Fidelity::transaction;
      Simulation simulation(accelerator, system.checkers, system.job);
      const RunResult run = simulation.run();
      const RunResult again = simulation.run(true);
      return std::string(run.output == reference(system) ? "right" : "wrong") +
             (run_text(run) == run_text(again) ? "\n" : " and different when run again\n") +
             run_text(run) + counts_text(run);
    });
    EXPECT_EQ(texts[0].substr(0, 6), "right\n") << trial;
    EXPECT_EQ(texts[0], texts[1]) << trial;
  }
}

TEST(Gemm, EveryFaultIsTheSameAtBothFidelitiesAndReadWhereLive) {
  FloatSamples samples(42);
  FaultTally tally;
  for (std::uint32_t trial = 0; trial < 24; ++trial) {
    const GemmSystem system = random_gemm(samples, 5);
    compare_fidelities(system.accelerator, system.checkers, system.job, 12, 500 + trial, tally,
                       trial % 3 == 2 ? Faults::every_model : Faults::flips);
    compare_fidelities(system.accelerator, system.checkers, system.job, 4, 600 + trial, tally,
                       Faults::transfers);
  }
  EXPECT_GT(tally.live, tally.faults / 3);
  EXPECT_GT(tally.unfinished, 50) << "lost and refused transactions";
  for (const char* unit : {"array", "a_buffer", "b_buffer", "link", "line", "checksum"})
    EXPECT_EQ(tally.classes.count(unit), 1U) << unit;
}

// 4 × 4 by 4 × 4 of ones on a 4 × 4 array: every value of C is 4. Operand k stands in PE (i, j)
// after cycle k + i + j and is multiplied in the next, the sum of k products stands in acc after
// cycle k + i + j.
class OnesOn4x4 : public testing::Test {
 protected:
  /// Values of C that are not 4, as "row,column:value" after one flip.
  static std::string wrong_after(const std::string& site, std::uint32_t bit, std::uint64_t cycle,
                                 Dataflow dataflow = Dataflow::output_stationary,
                                 bool integers = false) {
    return run_in_children(1, [&](std::size_t) {
      GemmSystem system = gemm_system({4, 4, 4}, 4, 4, FoldPolicy::serial_full, dataflow);
      if (integers) system.accelerator.formats = {Format::int8, Format::bfloat16, Format::int32};
      const Format output = system.accelerator.formats.output;
      std::fill(system.job.a.begin(), system.job.a.end(), 1.0F);
      std::fill(system.job.b.begin(), system.job.b.end(), 1.0F);
      system.checkers = {{"abft", MatmulAbftConfig{}}};
      Simulation simulation(system.accelerator, system.checkers, system.job);
      Fault fault;
      fault.site = simulation.universe().find(site).value();
      fault.bit = bit;
      fault.cycle = cycle;
      const RunResult run = simulation.run_with_fault(fault, 10000);
      std::ostringstream text;
      for (std::size_t i = 0; i < run.output.size(); ++i)
        if (number_of(output, run.output[i]) != 4)
          text << i / 4 << ',' << i % 4 << ':' << number_of(output, run.output[i]) << ' ';
      text << (run.checkers[0].alarm_cycle == kNever ? "silent" : "alarm");
      return text.str();
    })[0];
  }
};

// Bit 15 of a bfloat16 is its sign: one product of the sum is −1, so the value is 2.
TEST_F(OnesOn4x4, AWestOperandReachesTheRestOfItsRow) {
  EXPECT_EQ(wrong_after("array.pe[1][2].west", 15, 3), "1,2:2 1,3:2 alarm");
}

// The column below; the row sums of these tiles differ, each by 2.
TEST_F(OnesOn4x4, ANorthOperandReachesTheRestOfItsColumn) {
  EXPECT_EQ(wrong_after("array.pe[1][2].north", 15, 3), "1,2:2 2,2:2 3,2:2 alarm");
}

// After 2 products acc of PE (1, 2) holds 2; without its sign −2, and 2 products later 0.
TEST_F(OnesOn4x4, AnAccumulatorReachesOneValue) {
  EXPECT_EQ(wrong_after("array.pe[1][2].acc", 31, 2 + 3), "1,2:0 alarm");
}

// Row 1 of the drained values of column 2 crosses as −4.
TEST_F(OnesOn4x4, ADrainRegisterReachesOneValue) {
  EXPECT_EQ(wrong_after("array.pe[1][2].drain", 31, 4 + 3 + 1), "1,2:-4 alarm");
}

// Line k = 1 of B crosses in cycle 1: its element 3 is an operand of all rows of column 3. The
// checker sees the same operand as the buffer holds it, so it notices.
TEST_F(OnesOn4x4, AnOperandOnTheLinkReachesItsWholeColumn) {
  EXPECT_EQ(wrong_after("link.b_buffer_to_array.data", 3 * 16 + 15, 1),
            "0,3:2 1,3:2 2,3:2 3,3:2 alarm");
}

// In the buffer it is wrong for the array and for the checker alike.
TEST_F(OnesOn4x4, AWrongWordInABufferIsConsistentWithItsChecksum) {
  EXPECT_EQ(wrong_after("b_buffer.word[7]", 15, 0), "0,3:2 1,3:2 2,3:2 3,3:2 silent");
}

// int8: bit 7 takes 1 to −127; the checksum is exact, so even bit 0, 1 to 0, is noticed.
TEST_F(OnesOn4x4, IntegersAreCheckedExactly) {
  constexpr Dataflow kOutput = Dataflow::output_stationary;
  EXPECT_EQ(wrong_after("array.pe[1][2].west", 7, 3, kOutput, true), "1,2:-124 1,3:-124 alarm");
  EXPECT_EQ(wrong_after("array.pe[1][2].west", 0, 3, kOutput, true), "1,2:3 1,3:3 alarm");
  EXPECT_EQ(wrong_after("array.pe[1][2].acc", 0, 2 + 3, kOutput, true), "1,2:5 alarm");
  EXPECT_EQ(wrong_after("b_buffer.word[7]", 0, 0, kOutput, true), "0,3:3 1,3:3 2,3:3 3,3:3 silent");
}

// Weights come down in cycles 0 to 3 and are copied in cycle 4 + i + j; PE (1, 2) keeps b[1][2],
// and row m of A is multiplied in cycle 4 + m + i + j + 1.
TEST_F(OnesOn4x4, AStationaryWeightIsWrongForAWholeColumnOrForItsRest) {
  constexpr Dataflow kWeight = Dataflow::weight_stationary;
  EXPECT_EQ(wrong_after("array.pe[1][2].stationary", 15, 7, kWeight),
            "0,2:2 1,2:2 2,2:2 3,2:2 alarm");
  EXPECT_EQ(wrong_after("array.pe[1][2].stationary", 15, 9, kWeight), "2,2:2 3,2:2 alarm");
  EXPECT_EQ(wrong_after("array.pe[1][2].preload", 15, 5, kWeight), "0,2:2 1,2:2 2,2:2 3,2:2 alarm");
  // The operand of row 0 on its way east; the sum of two products of row 0 on its way south.
  EXPECT_EQ(wrong_after("array.pe[1][2].west", 15, 7, kWeight), "0,2:2 0,3:2 alarm");
  EXPECT_EQ(wrong_after("array.pe[1][2].sum", 31, 8, kWeight), "0,2:0 alarm");
  EXPECT_EQ(wrong_after("array.pe[1][2].stationary", 0, 9, kWeight, true), "2,2:3 3,2:3 alarm");
}

// PE (1, 2) keeps a[2][1], an operand of all of row 2 of C; what moves are the columns of B.
TEST_F(OnesOn4x4, AStationaryInputIsWrongForAWholeRow) {
  constexpr Dataflow kInput = Dataflow::input_stationary;
  EXPECT_EQ(wrong_after("array.pe[1][2].stationary", 15, 7, kInput),
            "2,0:2 2,1:2 2,2:2 2,3:2 alarm");
  EXPECT_EQ(wrong_after("array.pe[1][2].west", 15, 7, kInput), "2,0:2 3,0:2 alarm");
  EXPECT_EQ(wrong_after("array.pe[1][2].sum", 0, 8, kInput, true), "2,0:5 alarm");
}

}  // namespace
}  // namespace attnguard
