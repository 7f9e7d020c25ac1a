// Ratios that hold on a noisy machine: CPU time, interleaved repetitions, medians.
#pragma once

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <vector>

#include "models/accelerator/attention_job.h"
#include "models/numerics/format.h"

namespace attnguard {

/// CPU seconds of `repeat` calls.
template <class Work>
double cpu_seconds(int repeat, Work&& work) {
  const std::clock_t start = std::clock();
  for (int i = 0; i < repeat; ++i) work();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

inline double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

/// One head, bfloat16 values that look like noise: an integer recurrence, the same everywhere.
inline AttentionJob bench_job(std::uint32_t tokens, std::uint32_t head_dim) {
  AttentionJob job;
  job.shape.tokens_q = job.shape.tokens_k = tokens;
  job.shape.head_dim = head_dim;
  job.shape.scale = 0.125F;
  std::uint32_t state = 1;
  const auto fill = [&](std::vector<float>& values) {
    values.resize(std::size_t{tokens} * head_dim);
    for (float& value : values) {
      state = state * 1664525U + 1013904223U;
      value = round_to(Format::bfloat16, static_cast<float>(static_cast<std::int32_t>(state)) * 0x1p-30F);
    }
  };
  fill(job.q);
  fill(job.k);
  fill(job.v);
  return job;
}

}  // namespace attnguard
