#include "src/workload/synthetic.h"

#include <Random123/philox.h>

#include <cstddef>

namespace attnguard {
namespace {

enum Tensor : std::uint32_t { kQ, kK, kV, kA, kB };

struct Draw {
  double deviation;
  double mean;
  std::vector<double> factor;  // per channel
};

std::vector<float> draw(std::uint64_t seed, Tensor tensor, std::uint64_t vectors, const Draw& how) {
  std::vector<float> values;
  values.reserve(vectors * how.factor.size());
  for (std::uint64_t vector = 0; vector < vectors; ++vector)
    for (const double factor : how.factor)
      values.push_back(static_cast<float>(
          how.deviation * factor * standard_normal(seed, tensor, values.size()) + how.mean));
  return values;
}

/// Factor of each of `channels` channels, of which `outliers`, evenly spread, have another than 1.
std::vector<double> channel_factors(std::uint64_t channels, std::uint64_t outliers, double factor) {
  std::vector<double> factors(channels, 1.0);
  for (std::uint64_t i = 0; i < outliers; ++i) factors[i * channels / outliers] = factor;
  return factors;
}

}  // namespace

double standard_normal(std::uint64_t seed, std::uint32_t tensor, std::uint64_t index) {
  const r123::Philox4x32::key_type key{
      {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}};
  std::int64_t sum = 0;
  for (std::uint32_t block = 0; block < 3; ++block) {
    const r123::Philox4x32::ctr_type counter{{static_cast<std::uint32_t>(index),
                                              static_cast<std::uint32_t>(index >> 32), tensor,
                                              block}};
    for (const std::uint32_t word : r123::Philox4x32()(counter, key)) sum += word;
  }
  // Mean 6 × (2^32 − 1) and variance 2^64 up to one part in 2^32.
  constexpr std::int64_t kMean = 6 * std::int64_t{0xffffffff};
  return static_cast<double>(sum - kMean) * 0x1p-32;
}

void draw_tensors(std::uint64_t seed, const DistributionConfig& distribution, AttentionJob& job) {
  const AttentionShape& shape = job.shape;
  const std::vector<double> plain(shape.head_dim, 1.0);
  const std::vector<double> outliers =
      channel_factors(shape.head_dim, distribution.outlier_channels, distribution.outlier_factor);
  const std::uint64_t queries = std::uint64_t{shape.heads} * shape.tokens_q;
  const std::uint64_t keys = std::uint64_t{shape.kv_heads} * shape.tokens_k;
  job.q = draw(seed, kQ, queries, {distribution.scale_q, 0.0, plain});
  job.k = draw(seed, kK, keys, {distribution.scale_k, 0.0, outliers});
  job.v = draw(seed, kV, keys, {distribution.scale_v, distribution.mean_v, outliers});
}

void draw_operands(std::uint64_t seed, const GemmDistributionConfig& distribution, GemmJob& job) {
  const GemmShape& shape = job.shape;
  job.a = draw(seed, kA, shape.m, {distribution.scale_a, 0.0, std::vector<double>(shape.k, 1.0)});
  job.b.reserve(std::size_t{shape.k} * shape.n);
  for (const double factor :
       channel_factors(shape.k, distribution.outlier_channels, distribution.outlier_factor))
    for (std::uint32_t n = 0; n < shape.n; ++n)
      job.b.push_back(static_cast<float>(distribution.scale_b * factor *
                                         standard_normal(seed, kB, job.b.size())));
}

}  // namespace attnguard
