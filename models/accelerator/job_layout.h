// How a job is cut into tiles and where each tile lies in external memory and in the buffers. Plain
// arithmetic.
#pragma once

#include <cstdint>

#include "models/accelerator/accelerator_config.h"
#include "models/accelerator/attention_job.h"

namespace attnguard {

struct JobLayout {
  JobLayout(const AcceleratorConfig& accelerator, const AttentionShape& shape);

  AttentionShape shape;
  std::uint32_t rows, cols;              ///< R, C
  std::uint32_t passes;                  ///< ⌈d / C⌉ passes of P·V
  std::uint32_t last_pass_cols;          ///< columns used in the last pass
  std::uint32_t query_tiles, key_tiles;  ///< per head
  Format operand, output;
  std::uint32_t operand_bytes, output_bytes;
  std::uint64_t q_tile_bytes, k_tile_bytes, v_tile_bytes, o_tile_bytes;
  bool resident;  ///< K and V of a head fit one half of their buffers

  std::uint64_t q_address(std::uint32_t head, std::uint32_t tile) const {
    return (std::uint64_t{head} * query_tiles + tile) * q_tile_bytes;
  }
  std::uint64_t k_address(std::uint32_t kv_head, std::uint32_t tile) const {
    return k_base_ + (std::uint64_t{kv_head} * key_tiles + tile) * k_tile_bytes;
  }
  std::uint64_t v_address(std::uint32_t kv_head, std::uint32_t tile) const {
    return v_base_ + (std::uint64_t{kv_head} * key_tiles + tile) * v_tile_bytes;
  }
  std::uint64_t o_address(std::uint32_t head, std::uint32_t tile) const {
    return o_base_ + (std::uint64_t{head} * query_tiles + tile) * o_tile_bytes;
  }
  std::uint64_t output_base() const { return o_base_; }
  std::uint64_t total_bytes() const {
    return o_base_ + std::uint64_t{shape.heads} * query_tiles * o_tile_bytes;
  }

  /// Output tiles of the job: query tiles of all heads, in the order they are computed in.
  std::uint32_t output_tiles() const { return shape.heads * query_tiles; }
  std::uint32_t output_tile(std::uint32_t head, std::uint32_t query_row) const {
    return head * query_tiles + query_row / rows;
  }
  std::uint32_t rows_of(std::uint32_t query_tile) const;
  std::uint32_t cols_of(std::uint32_t key_tile) const;
  /// Key tiles a query tile needs: those with a key visible to its last row.
  std::uint32_t visible_key_tiles(std::uint32_t query_tile) const;

 private:
  std::uint64_t k_base_, v_base_, o_base_;
};

}  // namespace attnguard
