// When external memory serves a read.
#include <gtest/gtest.h>

#include "models/external_memory/external_memory_core.h"

namespace attnguard {
namespace {

TEST(ExternalMemoryCore, ARequestWaitsForTheLinesOfThoseBeforeIt) {
  AcceleratorConfig accelerator;
  accelerator.external_memory.latency_cycles = 20;
  AttentionShape shape;
  shape.tokens_q = shape.tokens_k = shape.head_dim = 4;
  const JobLayout layout(accelerator, shape);
  ExternalMemoryCore memory(accelerator.external_memory, layout);
  EXPECT_EQ(memory.serve_read(100, 8, 4), 120U) << "8 lines, one every 4 cycles: until 152";
  EXPECT_EQ(memory.serve_read(101, 2, 1), 152U);
  EXPECT_EQ(memory.serve_read(150, 1, 1), 170U)
      << "the latency of one hides behind the other's lines";
  memory.abandon();
  EXPECT_EQ(memory.serve_read(150, 8, 4), 170U) << "nobody waits any more";
  memory.reset();
  EXPECT_EQ(memory.serve_read(0, 1, 1), 20U);
}

}  // namespace
}  // namespace attnguard
