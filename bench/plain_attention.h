// The accelerator's arithmetic as a plain program: the same kernels, tiles and order, no SystemC,
// no time, no checkers. The speed bar of the simulator, and a bit oracle for its output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/accelerator/accelerator_config.h"
#include "models/accelerator/attention_job.h"
#include "models/numerics/lane_tile.h"

namespace attnguard {

/// Packs the operands once; compute() may be called as often as wanted.
class PlainAttention {
 public:
  /// `rows` × `cols`: queries × keys of a tile. Values of `job` must be exact in formats.operand.
  PlainAttention(const AttentionJob& job, std::uint32_t rows, std::uint32_t cols,
                 const FormatsConfig& formats, Exp2Kind exp2);

  /// [heads][tokens_q][head_dim], rounded to the output format.
  const std::vector<float>& compute();

 private:
  void query_tile(std::size_t head, std::size_t tile);
  void key_tile(std::size_t head, std::size_t query_tile, std::size_t key_tile);
  /// Keys query `row` of the head may see.
  std::size_t visible_keys(std::size_t row) const;

  AttentionShape shape_;
  FormatsConfig formats_;
  Exp2Kind exp2_;
  std::size_t rows_, cols_, stride_, query_tiles_, key_tiles_;
  LaneTile q_;  ///< [head][query tile][d × stride], lane = query
  LaneTile k_;  ///< [kv head][key tile][d × cols]
  LaneTile v_;  ///< [kv head][key][d]
  // State of the query tile at work.
  std::vector<std::int32_t> visible_;                      ///< [stride]
  LaneTile max_old_, max_new_, alpha_, sum_, reciprocal_;  ///< [stride]
  LaneTile score_, probability_;                           ///< [cols × stride]
  LaneTile partial_, accumulator_;                         ///< [d × stride]
  std::vector<float> output_;
};

/// Packs and computes.
std::vector<float> plain_attention(const AttentionJob& job, std::uint32_t rows, std::uint32_t cols,
                                   const FormatsConfig& formats,
                                   Exp2Kind exp2 = Exp2Kind::polynomial);

}  // namespace attnguard
