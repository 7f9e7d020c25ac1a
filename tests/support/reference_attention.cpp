// Two passes per query: scores and their maximum, then weights and the weighted mean of the values.
#include "tests/support/reference_attention.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace attnguard {

std::vector<double> reference_attention(const AttentionJob& job) {
  const AttentionShape& shape = job.shape;
  const std::size_t d = shape.head_dim, tokens_q = shape.tokens_q, tokens_k = shape.tokens_k;
  std::vector<double> output(shape.heads * tokens_q * d, 0.0);
  std::vector<double> weight(tokens_k);
  for (std::size_t head = 0; head < shape.heads; ++head) {
    const std::size_t kv_head = head / (shape.heads / shape.kv_heads);
    for (std::size_t i = 0; i < tokens_q; ++i) {
      const float* q = &job.q[(head * tokens_q + i) * d];
      double* o = &output[(head * tokens_q + i) * d];
      const std::size_t visible =
          shape.mask == Mask::causal ? i + tokens_k - tokens_q + 1 : tokens_k;
      double max = -std::numeric_limits<double>::infinity();
      for (std::size_t j = 0; j < visible; ++j) {
        const float* k = &job.k[(kv_head * tokens_k + j) * d];
        double score = 0;
        for (std::size_t c = 0; c < d; ++c) score += static_cast<double>(q[c]) * k[c];
        weight[j] = score * shape.scale;
        max = std::max(max, weight[j]);
      }
      double sum = 0;
      for (std::size_t j = 0; j < visible; ++j) {
        weight[j] = std::exp(weight[j] - max);
        sum += weight[j];
        const float* v = &job.v[(kv_head * tokens_k + j) * d];
        for (std::size_t c = 0; c < d; ++c) o[c] += weight[j] * v[c];
      }
      for (std::size_t c = 0; c < d; ++c) o[c] /= sum;
    }
  }
  return output;
}

}  // namespace attnguard
