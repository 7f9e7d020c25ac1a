// One attention layer to run: shapes, mask and tensors.
#pragma once

#include <cstdint>
#include <vector>

#include "models/fabric/field.h"

namespace attnguard {

/// causal: key j is visible to query i when j <= i + tokens_k − tokens_q.
enum class Mask : std::uint8_t { none, causal };
template <>
struct EnumNames<Mask> {
  static constexpr std::array<std::pair<Mask, std::string_view>, 2> names{
      {{Mask::none, "none"}, {Mask::causal, "causal"}}};
};

struct AttentionShape {
  std::uint32_t heads = 1;
  std::uint32_t kv_heads = 1;  ///< divides heads; query head h reads kv head h / (heads / kv_heads)
  std::uint32_t tokens_q = 1;  ///< <= tokens_k
  std::uint32_t tokens_k = 1;
  std::uint32_t head_dim = 64;
  Mask mask = Mask::none;
  float scale = 0.0F;  ///< softmax scale, > 0
};

/// Values are exact images of the operand format.
struct AttentionJob {
  AttentionShape shape;
  std::vector<float> q;  ///< [heads][tokens_q][head_dim]
  std::vector<float> k;  ///< [kv_heads][tokens_k][head_dim]
  std::vector<float> v;  ///< [kv_heads][tokens_k][head_dim]
};

}  // namespace attnguard
