// The whole accelerator's output: against double precision, against the plain program, and what it
// moves.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "bench/plain_attention.h"
#include "models/accelerator/job_layout.h"
#include "models/numerics/format.h"
#include "src/simulation/prepared.h"
#include "src/simulation/simulation.h"
#include "tests/support/child_process.h"
#include "tests/support/random_system.h"
#include "tests/support/reference_attention.h"

namespace attnguard {
namespace {

/// Output of a fault-free run, decoded; empty when it did not finish.
std::vector<float> simulate(const AcceleratorConfig& accelerator, const AttentionJob& job) {
  const std::string bytes = run_in_children(1, [&](std::size_t) {
    Simulation simulation(accelerator, {}, job);
    const RunResult run = simulation.run();
    if (run.completion != Completion::finished) return std::string();
    return std::string(reinterpret_cast<const char*>(run.output.data()),
                       run.output.size() * sizeof(std::uint32_t));
  })[0];
  std::vector<float> output;
  for (std::size_t i = 0; i + 4 <= bytes.size(); i += 4) {
    std::uint32_t raw;
    std::memcpy(&raw, &bytes[i], sizeof raw);
    output.push_back(decode(accelerator.formats.output, raw));
  }
  return output;
}

/// Largest difference over the largest expected magnitude; infinite unless all values are there and
/// finite.
template <class Expected>
double largest_error(const std::vector<float>& output, const std::vector<Expected>& expected) {
  if (output.size() != expected.size()) return INFINITY;
  double difference = 0, magnitude = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!std::isfinite(output[i])) return INFINITY;
    difference = std::max(difference, std::fabs(output[i] - double{expected[i]}));
    magnitude = std::max(magnitude, std::fabs(double{expected[i]}));
  }
  return difference / magnitude;
}

Prepared tiny_gpt(const std::vector<std::string>& sets) {
  CommandLine command_line;
  command_line.command = "run";
  command_line.positional = {"configs/tiny_gpt.json"};
  command_line.sets = sets;
  return prepare(command_line);
}

TEST(ShippedTensors, Bfloat16OutputIsWithinOnePercentOfTheExpectedOne) {
  const Prepared prepared = tiny_gpt({});
  EXPECT_LT(largest_error(simulate(prepared.config.accelerator, *prepared.attention()),
                          *prepared.expected),
            0.01);
}

TEST(ShippedTensors, Float32OutputIsWithinTwoHundredThousandths) {
  const Prepared prepared =
      tiny_gpt({"accelerator.formats.probability=float32", "accelerator.formats.output=float32"});
  EXPECT_LT(largest_error(simulate(prepared.config.accelerator, *prepared.attention()),
                          *prepared.expected),
            2e-5);
}

TestSystem random_float32_system(FloatSamples& samples, const SystemLimits& limits) {
  TestSystem system = random_system(samples, limits);
  FormatsConfig& formats = system.accelerator.formats;
  formats.probability = formats.output = Format::float32;
  system.accelerator.softmax.exp2 = Exp2Kind::polynomial;
  return system;
}

// Word and buffer sizes of the output depend on its format, so they are fitted again.
void fit_buffers(TestSystem& system, bool resident) {
  system.accelerator.buffers.o.word_bits = 16;
  shrink_buffers(system.accelerator, system.job.shape, resident);
}

void expect_float32_accuracy(const TestSystem& system, int trial) {
  const std::vector<float> output = simulate(system.accelerator, system.job);
  EXPECT_LT(largest_error(output, reference_attention(system.job)), 2e-5) << trial;
}

TEST(RandomShapes, Float32IsWithinTwoHundredThousandthsOfDoublePrecision) {
  FloatSamples samples(1);
  for (int trial = 0; trial < 180; ++trial) {
    TestSystem system = random_float32_system(samples, {});
    fit_buffers(system, trial % 2 == 0);
    expect_float32_accuracy(system, trial);
  }
}

TEST(RandomShapes, WideHeadsAreAsAccurate) {
  FloatSamples samples(2);
  for (int trial = 0; trial < 20; ++trial) {
    TestSystem system = random_float32_system(samples, {40, 40, 60, 256});
    if (trial < 4) {
      system.job.shape.head_dim = std::vector<std::uint32_t>{64, 96, 128, 256}[trial];
      fill_normal(system.job, system.accelerator.formats.operand, samples, 1.0F);
    }
    fit_buffers(system, trial % 2 == 0);
    expect_float32_accuracy(system, trial);
  }
}

TEST(RandomShapes, OutputHasTheBitsOfThePlainProgram) {
  FloatSamples samples(3);
  for (int trial = 0; trial < 200; ++trial) {
    const TestSystem system = random_system(samples, {});
    const AcceleratorConfig& accelerator = system.accelerator;
    EXPECT_EQ(simulate(accelerator, system.job),
              plain_attention(system.job, accelerator.array.rows, accelerator.array.cols,
                              accelerator.formats, accelerator.softmax.exp2))
        << trial;
  }
}

// Two slices of 4 columns, 8 bytes a line, of 2 rows: with a byte per cycle a line every 8 cycles,
// a slice every 16.
TEST(Stores, TakeTheCyclesOfTheirBytes) {
  FloatSamples samples(4);
  TestSystem system;
  system.accelerator.array = {2, 4, Dataflow::output_stationary};
  system.accelerator.external_memory.bytes_per_cycle = 1;
  system.job.shape.tokens_q = 2;
  system.job.shape.tokens_k = 4;
  system.job.shape.head_dim = 8;
  fill_normal(system.job, system.accelerator.formats.operand, samples, 1.5F);
  const std::string text = run_in_children(1, [&](std::size_t) {
    Simulation simulation(system.accelerator, {}, system.job);
    const RunResult run = simulation.run();
    const auto& commit = run.commits.at(0);
    return std::to_string(commit.row_interval_cycles) + ' ' +
           std::to_string(commit.slice_interval_cycles) + ' ' +
           std::to_string(run.cycles - commit.first_cycle);
  })[0];
  EXPECT_EQ(text, "8 16 32");
}

/// Bytes that must cross each link, from the layout alone.
std::map<std::string, std::uint64_t> expected_bytes(const TestSystem& system) {
  const JobLayout layout(system.accelerator, system.job.shape);
  const AttentionShape& shape = system.job.shape;
  const std::uint64_t d = shape.head_dim, operand = layout.operand_bytes;
  const std::uint64_t float32 = bytes_of(Format::float32);
  const std::uint64_t probability = bytes_of(system.accelerator.formats.probability);
  std::map<std::string, std::uint64_t> bytes;
  const std::uint64_t query = shape.heads * std::uint64_t{shape.tokens_q} * d * operand;
  const std::uint64_t output =
      shape.heads * std::uint64_t{shape.tokens_q} * d * layout.output_bytes;
  bytes["dma_to_q_buffer"] = query;
  for (const char* link : {"accumulator_to_o_buffer", "o_buffer_to_dma", "dma_to_external_memory"})
    bytes[link] = output;
  for (std::uint32_t tile = 0; tile < layout.query_tiles; ++tile) {
    const std::uint64_t rows = layout.rows_of(tile), tiles = layout.visible_key_tiles(tile);
    bytes["softmax_to_accumulator"] += shape.heads * rows * (tiles + 1) * float32;  // alphas and l
    bytes["array_to_accumulator"] += shape.heads * rows * tiles * d * float32;
    bytes["q_buffer_to_array"] += shape.heads * rows * tiles * d * operand;
    for (std::uint32_t key_tile = 0; key_tile < tiles; ++key_tile) {
      const std::uint64_t keys = layout.cols_of(key_tile);
      bytes["k_buffer_to_array"] += shape.heads * keys * d * operand;
      bytes["v_buffer_to_array"] += shape.heads * keys * d * operand;
      bytes["array_to_softmax"] += shape.heads * rows * keys * float32;
      bytes["softmax_to_array"] += shape.heads * rows * keys * probability;
    }
  }
  // A resident head is loaded as far as some query tile sees it, which the last one does entirely.
  const std::uint64_t key = layout.resident
                                ? shape.kv_heads * std::uint64_t{shape.tokens_k} * d * operand
                                : bytes["k_buffer_to_array"];
  bytes["dma_to_k_buffer"] = bytes["dma_to_v_buffer"] = key;
  bytes["external_memory_to_dma"] = query + 2 * key;
  return bytes;
}

TEST(RandomShapes, EveryLinkCarriesTheBytesTheLayoutAsksForAndEveryCycleIsAccounted) {
  FloatSamples samples(4);
  int resident = 0;
  for (int trial = 0; trial < 60; ++trial) {
    const TestSystem system = random_system(samples, {12, 12, 60, 40});
    resident += JobLayout(system.accelerator, system.job.shape).resident ? 1 : 0;
    std::map<std::string, std::uint64_t> expected = expected_bytes(system);
    const std::string problems = run_in_children(1, [&](std::size_t) {
      Simulation simulation(system.accelerator, {}, system.job);
      const RunResult run = simulation.run();
      std::string text = run.completion == Completion::finished ? "" : "not finished\n";
      for (const auto& [link, bytes] : run.link_bytes)
        if (bytes != expected[link])
          text +=
              link + " " + std::to_string(bytes) + " not " + std::to_string(expected[link]) + "\n";
      for (const auto& [unit, stats] : run.units)
        if (stats.total() != run.cycles) text += unit + " does not account for every cycle\n";
      return text;
    })[0];
    EXPECT_EQ(problems, "") << trial;
  }
  EXPECT_GT(resident, 5);
  EXPECT_LT(resident, 55);
}

}  // namespace
}  // namespace attnguard
