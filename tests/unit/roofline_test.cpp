// What bounds a job, from counters made up for it.
#include "src/simulation/roofline.h"

#include <gtest/gtest.h>

namespace attnguard {
namespace {

/// 1 000 multiply-accumulates on a 2 × 4 array in 500 cycles; 400 bytes in, 100 out.
RunResult job() {
  RunResult run;
  run.cycles = 500;
  run.macs = 1000;
  run.link_bytes = {
      {"external_memory_to_dma", 400}, {"dma_to_external_memory", 100}, {"dma_to_q_buffer", 400}};
  run.units["array"] = {125, {{"drain", 5}, {"load", 370}}};
  run.units["softmax"] = {80, {{"no_scores", 420}}};
  run.units["v_buffer.read"] = {60, {{"conflict", 60}, {"idle", 380}}};
  run.units["o_buffer.write"] = {110, {{"idle", 390}}};
  run.units["dma.load"] = {100, {{"memory_latency", 300}, {"no_command", 100}}};
  run.units["dma.store"] = {90, {{"no_command", 410}}};
  return run;
}

Roofline roofline(const RunResult& run) {
  ArrayConfig array;
  array.rows = 2;
  array.cols = 4;
  return roofline_of(run, array);
}

TEST(Roofline, TakesTheLargestOfTheLeastCycles) {
  const Roofline of = roofline(job());
  EXPECT_EQ(of.array_cycles, 130U);  // 125 + 5: waiting for loads is not its own
  EXPECT_EQ(of.softmax_cycles, 80U);
  EXPECT_EQ(of.sram_cycles, 120U);    // of the busiest port, conflicts included
  EXPECT_EQ(of.memory_cycles, 100U);  // of the busier direction, latency apart
  EXPECT_EQ(of.bound, "array");
  EXPECT_DOUBLE_EQ(of.macs_per_byte.value(), 2);  // 1000 / (400 + 100)
  EXPECT_DOUBLE_EQ(of.peak_macs_per_cycle, 8);
  EXPECT_DOUBLE_EQ(of.attainable_macs_per_cycle, 1000.0 / 130);
  EXPECT_DOUBLE_EQ(of.achieved_macs_per_cycle, 2);
}

TEST(Roofline, EveryPartCanBeTheBound) {
  RunResult run = job();
  run.units["softmax"].busy_cycles = 131;
  EXPECT_EQ(roofline(run).bound, "softmax");
  run.units["k_buffer.write"] = {1, {{"conflict", 131}}};
  EXPECT_EQ(roofline(run).bound, "sram");
  run.units["dma.store"].busy_cycles = 133;
  EXPECT_EQ(roofline(run).bound, "memory");
  run.units["array"].busy_cycles = 128;  // 133 as well
  EXPECT_EQ(roofline(run).bound, "array");
}

TEST(Roofline, DoesWithoutUnitsThatAWorkloadHasNot) {
  RunResult run = job();
  run.units.erase("softmax");
  run.link_bytes.clear();
  EXPECT_EQ(roofline(run).softmax_cycles, 0U);
  EXPECT_FALSE(roofline(run).macs_per_byte.has_value());
  EXPECT_EQ(roofline(run).bound, "array");
}

}  // namespace
}  // namespace attnguard
