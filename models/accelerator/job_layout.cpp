#include "models/accelerator/job_layout.h"

#include <algorithm>

#include "models/numerics/ceil_div.h"

namespace attnguard {
namespace {

std::uint64_t half_bytes(const BufferConfig& buffer) {
  return std::uint64_t{buffer.words} / 2 * (buffer.word_bits / 8);
}

}  // namespace

JobLayout::JobLayout(const AcceleratorConfig& accelerator, const AttentionShape& attention_shape)
    : shape(attention_shape), rows(accelerator.array.rows), cols(accelerator.array.cols) {
  passes = ceil_div(shape.head_dim, cols);
  last_pass_cols = shape.head_dim - (passes - 1) * cols;
  query_tiles = ceil_div(shape.tokens_q, rows);
  key_tiles = ceil_div(shape.tokens_k, cols);
  operand = accelerator.formats.operand;
  output = accelerator.formats.output;
  operand_bytes = bytes_of(operand);
  output_bytes = bytes_of(output);
  q_tile_bytes = std::uint64_t{shape.head_dim} * rows * operand_bytes;
  k_tile_bytes = std::uint64_t{shape.head_dim} * cols * operand_bytes;
  v_tile_bytes = std::uint64_t{passes} * cols * cols * operand_bytes;
  o_tile_bytes = std::uint64_t{passes} * cols * rows * output_bytes;
  resident = key_tiles * k_tile_bytes <= half_bytes(accelerator.buffers.k) &&
             key_tiles * v_tile_bytes <= half_bytes(accelerator.buffers.v);
  k_base_ = std::uint64_t{shape.heads} * query_tiles * q_tile_bytes;
  v_base_ = k_base_ + std::uint64_t{shape.kv_heads} * key_tiles * k_tile_bytes;
  o_base_ = v_base_ + std::uint64_t{shape.kv_heads} * key_tiles * v_tile_bytes;
}

std::uint32_t JobLayout::rows_of(std::uint32_t query_tile) const {
  return std::min(rows, shape.tokens_q - query_tile * rows);
}

std::uint32_t JobLayout::cols_of(std::uint32_t key_tile) const {
  return std::min(cols, shape.tokens_k - key_tile * cols);
}

std::uint32_t JobLayout::visible_key_tiles(std::uint32_t query_tile) const {
  if (shape.mask == Mask::none) return key_tiles;
  const std::uint32_t last_row = query_tile * rows + rows_of(query_tile) - 1;
  return (last_row + shape.tokens_k - shape.tokens_q) / cols + 1;
}

}  // namespace attnguard
