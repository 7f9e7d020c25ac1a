// Online-softmax attention by tiles, straight on the kernels.
#include "bench/plain_attention.h"

#include <algorithm>
#include <limits>

#include "models/numerics/kernels.h"

namespace attnguard {

PlainAttention::PlainAttention(const AttentionJob& job, std::uint32_t rows, std::uint32_t cols,
                               const FormatsConfig& formats, Exp2Kind exp2)
    : shape_(job.shape),
      formats_(formats),
      exp2_(exp2),
      rows_(rows),
      cols_(cols),
      stride_(lane_stride(rows)),
      query_tiles_((shape_.tokens_q + rows - 1) / rows),
      key_tiles_((shape_.tokens_k + cols - 1) / cols),
      v_(job.v.begin(), job.v.end()),
      visible_(stride_),
      max_old_(stride_),
      max_new_(stride_),
      alpha_(stride_),
      sum_(stride_),
      reciprocal_(stride_),
      score_(cols_ * stride_),
      probability_(cols_ * stride_),
      partial_(shape_.head_dim * stride_),
      accumulator_(shape_.head_dim * stride_),
      output_(job.q.size()) {
  const std::size_t d = shape_.head_dim, tokens_q = shape_.tokens_q, tokens_k = shape_.tokens_k;
  q_.resize(shape_.heads * query_tiles_ * d * stride_);
  for (std::size_t head = 0; head < shape_.heads; ++head) {
    for (std::size_t i = 0; i < tokens_q; ++i) {
      float* tile = &q_[(head * query_tiles_ + i / rows_) * d * stride_];
      for (std::size_t c = 0; c < d; ++c)
        tile[c * stride_ + i % rows_] = job.q[(head * tokens_q + i) * d + c];
    }
  }
  k_.resize(shape_.kv_heads * key_tiles_ * d * cols_);
  for (std::size_t head = 0; head < shape_.kv_heads; ++head) {
    for (std::size_t j = 0; j < tokens_k; ++j) {
      float* tile = &k_[(head * key_tiles_ + j / cols_) * d * cols_];
      for (std::size_t c = 0; c < d; ++c)
        tile[c * cols_ + j % cols_] = job.k[(head * tokens_k + j) * d + c];
    }
  }
}

std::size_t PlainAttention::visible_keys(std::size_t row) const {
  if (shape_.mask == Mask::none) return shape_.tokens_k;
  return std::min<std::size_t>(shape_.tokens_k, row + shape_.tokens_k - shape_.tokens_q + 1);
}

const std::vector<float>& PlainAttention::compute() {
  for (std::size_t head = 0; head < shape_.heads; ++head) {
    for (std::size_t tile = 0; tile < query_tiles_; ++tile) query_tile(head, tile);
  }
  return output_;
}

void PlainAttention::query_tile(std::size_t head, std::size_t tile) {
  const std::size_t d = shape_.head_dim, first_row = tile * rows_;
  const std::size_t rows = std::min<std::size_t>(rows_, shape_.tokens_q - first_row);
  std::fill(max_old_.begin(), max_old_.end(), -std::numeric_limits<float>::infinity());
  std::fill(sum_.begin(), sum_.end(), 0.0f);
  std::fill(accumulator_.begin(), accumulator_.end(), 0.0f);
  const std::size_t keys =
      visible_keys(first_row + rows - 1);  // of the last row: tiles beyond are masked whole
  for (std::size_t j = 0; j * cols_ < keys; ++j) key_tile(head, tile, j);

  reciprocals(sum_.data(), reciprocal_.data(), stride_);
  normalise(accumulator_.data(), reciprocal_.data(), partial_.data(), d, stride_, stride_);
  round_values(formats_.output, partial_.data(), partial_.size());
  for (std::size_t row = 0; row < rows; ++row) {
    float* o = &output_[(head * shape_.tokens_q + first_row + row) * d];
    for (std::size_t c = 0; c < d; ++c) o[c] = partial_[c * stride_ + row];
  }
}

void PlainAttention::key_tile(std::size_t head, std::size_t query_tile, std::size_t key_tile) {
  const std::size_t d = shape_.head_dim, kv_head = head / (shape_.heads / shape_.kv_heads);
  const std::size_t first_key = key_tile * cols_, first_row = query_tile * rows_;
  const std::size_t keys = std::min<std::size_t>(cols_, shape_.tokens_k - first_key);
  for (std::size_t lane = 0; lane < stride_; ++lane) {
    const std::size_t seen = visible_keys(first_row + lane);
    visible_[lane] =
        static_cast<std::int32_t>(std::min(keys, seen > first_key ? seen - first_key : 0));
  }
  const float* q = &q_[(head * query_tiles_ + query_tile) * d * stride_];
  const float* k = &k_[(kv_head * key_tiles_ + key_tile) * d * cols_];
  const float* v = &v_[(kv_head * shape_.tokens_k + first_key) * d];
  const float scale = scale_log2e(shape_.scale);
  // Lanes past the used rows are computed along: whole vectors cost less than a ragged end.
  matmul_tile(q, k, score_.data(), d, keys, stride_, stride_, cols_);
  softmax_max(score_.data(), visible_.data(), scale, max_old_.data(), max_new_.data(), keys,
              stride_, stride_);
  softmax_exp(score_.data(), visible_.data(), scale, exp2_, formats_.probability, key_tile == 0,
              max_old_.data(), max_new_.data(), alpha_.data(), probability_.data(), keys, stride_,
              stride_);
  softmax_sum(probability_.data(), alpha_.data(), sum_.data(), keys, stride_, stride_);
  matmul_tile(probability_.data(), v, partial_.data(), keys, d, stride_, stride_, d);
  rescale_add(accumulator_.data(), alpha_.data(), partial_.data(), d, stride_, stride_);
  max_old_.swap(max_new_);
}

std::vector<float> plain_attention(const AttentionJob& job, std::uint32_t rows, std::uint32_t cols,
                                   const FormatsConfig& formats, Exp2Kind exp2) {
  return PlainAttention(job, rows, cols, formats, exp2).compute();
}

}  // namespace attnguard
