// The kernels composed into attention, against the double-precision reference on random shapes.
#include "bench/plain_attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "models/numerics/format.h"
#include "tests/support/float_samples.h"
#include "tests/support/reference_attention.h"

namespace attnguard {
namespace {

AttentionJob random_job(FloatSamples& samples) {
  AttentionJob job;
  AttentionShape& shape = job.shape;
  shape.kv_heads = static_cast<std::uint32_t>(samples.integer(1, 2));
  shape.heads = shape.kv_heads * static_cast<std::uint32_t>(samples.integer(1, 3));
  shape.tokens_k = static_cast<std::uint32_t>(samples.integer(1, 90));
  shape.tokens_q = static_cast<std::uint32_t>(samples.integer(1, shape.tokens_k));
  shape.head_dim = static_cast<std::uint32_t>(samples.integer(1, 80));
  shape.mask = samples.integer(0, 1) == 0 ? Mask::none : Mask::causal;
  shape.scale = 1.0f / std::sqrt(static_cast<float>(shape.head_dim));
  const auto fill = [&](std::vector<float>& tensor, std::size_t heads, std::size_t tokens) {
    tensor.resize(heads * tokens * shape.head_dim);
    for (float& value : tensor) value = round_to(Format::bfloat16, samples.normal(1.5f));
  };
  fill(job.q, shape.heads, shape.tokens_q);
  fill(job.k, shape.kv_heads, shape.tokens_k);
  fill(job.v, shape.kv_heads, shape.tokens_k);
  return job;
}

/// Largest difference from the reference over the largest output magnitude.
double largest_error(const AttentionJob& job, const std::vector<float>& output) {
  const std::vector<double> expected = reference_attention(job);
  double difference = 0, magnitude = 0;
  EXPECT_EQ(output.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    difference = std::max(difference, std::fabs(output[i] - expected[i]));
    magnitude = std::max(magnitude, std::fabs(expected[i]));
    EXPECT_TRUE(std::isfinite(output[i]));
  }
  return difference / magnitude;
}

TEST(PlainAttention, Float32IsWithinTwoHundredThousandthsOfTheReference) {
  FloatSamples samples(1);
  const FormatsConfig formats{Format::bfloat16, Format::float32, Format::float32};
  for (int trial = 0; trial < 200; ++trial) {
    const AttentionJob job = random_job(samples);
    const auto rows = static_cast<std::uint32_t>(samples.integer(1, 40));
    const auto cols = static_cast<std::uint32_t>(samples.integer(1, 40));
    EXPECT_LT(largest_error(job, plain_attention(job, rows, cols, formats)), 2e-5) << trial;
  }
}

TEST(PlainAttention, Bfloat16IsWithinOnePercentOfTheReference) {
  FloatSamples samples(2);
  for (int trial = 0; trial < 200; ++trial) {
    const AttentionJob job = random_job(samples);
    EXPECT_LT(largest_error(job, plain_attention(job, 16, 16, FormatsConfig{})), 1e-2) << trial;
  }
}

TEST(PlainAttention, QueryRowsPerTileDoNotChangeABit) {
  FloatSamples samples(3);
  const FormatsConfig formats{Format::bfloat16, Format::bfloat16, Format::float32};
  for (int trial = 0; trial < 20; ++trial) {
    const AttentionJob job = random_job(samples);
    const std::vector<float> output = plain_attention(job, 16, 16, formats);
    EXPECT_EQ(output, plain_attention(job, 1, 16, formats));
    EXPECT_EQ(output, plain_attention(job, 37, 16, formats));
  }
}

TEST(PlainAttention, ComputingAgainGivesTheSameOutput) {
  FloatSamples samples(4);
  const AttentionJob job = random_job(samples);
  PlainAttention attention(job, 8, 8, FormatsConfig{}, Exp2Kind::piecewise_linear);
  const std::vector<float> output = attention.compute();
  EXPECT_EQ(attention.compute(), output);
}

}  // namespace
}  // namespace attnguard
