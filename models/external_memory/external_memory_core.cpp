#include "models/external_memory/external_memory_core.h"

#include <algorithm>
#include <cstring>

namespace attnguard {
namespace {

template <class Word>
std::uint32_t* widen(const std::byte* from, std::uint32_t count, std::uint32_t* to) {
  for (std::uint32_t i = 0; i < count; ++i) {
    Word word;
    std::memcpy(&word, from + std::size_t{i} * sizeof word, sizeof word);
    *to++ = word;
  }
  return to;
}

}  // namespace

ExternalMemoryCore::ExternalMemoryCore(const ExternalMemoryConfig& config, const JobLayout& layout)
    : config_(config), layout_(layout), bytes_(layout.total_bytes()) {}

void ExternalMemoryCore::load(const AttentionJob& job) {
  operands_.clear();
  const AttentionShape& shape = layout_.shape;
  const std::uint32_t d = shape.head_dim;
  const std::uint32_t element = layout_.operand_bytes;
  const Format format = layout_.operand;
  const auto put = [&](std::uint64_t address, float value) {
    const std::uint32_t raw = encode(format, value);
    std::memcpy(at(address), &raw, element);
  };
  for (std::uint32_t head = 0; head < shape.heads; ++head)
    for (std::uint32_t token = 0; token < shape.tokens_q; ++token) {
      const std::uint64_t tile = layout_.q_address(head, token / layout_.rows);
      const float* row = job.q.data() + (std::size_t{head} * shape.tokens_q + token) * d;
      for (std::uint32_t k = 0; k < d; ++k)
        put(tile + (std::uint64_t{k} * layout_.rows + token % layout_.rows) * element, row[k]);
    }
  for (std::uint32_t head = 0; head < shape.kv_heads; ++head)
    for (std::uint32_t token = 0; token < shape.tokens_k; ++token) {
      const std::uint32_t tile = token / layout_.cols;
      const std::uint32_t key = token % layout_.cols;
      const std::uint32_t keys = layout_.cols_of(tile);
      const std::size_t row = (std::size_t{head} * shape.tokens_k + token) * d;
      for (std::uint32_t c = 0; c < d; ++c) {
        put(layout_.k_address(head, tile) + (std::uint64_t{c} * layout_.cols + key) * element,
            job.k[row + c]);
        const std::uint64_t line = std::uint64_t{c / layout_.cols} * keys + key;
        put(layout_.v_address(head, tile) + (line * layout_.cols + c % layout_.cols) * element,
            job.v[row + c]);
      }
    }
}

void ExternalMemoryCore::write(std::uint64_t address, const void* data, std::size_t bytes) {
  if (address < layout_.output_base() && operands_.empty())
    operands_.assign(bytes_.begin(),
                     bytes_.begin() + static_cast<std::ptrdiff_t>(layout_.output_base()));
  std::memcpy(at(address), data, bytes);
}

void ExternalMemoryCore::reset() {
  std::copy(operands_.begin(), operands_.end(), bytes_.begin());
  operands_.clear();
  std::fill(bytes_.begin() + static_cast<std::ptrdiff_t>(layout_.output_base()), bytes_.end(),
            std::byte{0});
  read_channel_free_ = 0;
}

std::uint64_t ExternalMemoryCore::serve_read(std::uint64_t cycle, std::uint64_t lines,
                                             std::uint32_t interval) {
  const std::uint64_t first = std::max(cycle + config_.latency_cycles, read_channel_free_);
  read_channel_free_ = first + lines * interval;
  return first;
}

std::vector<std::uint32_t> ExternalMemoryCore::output() const {
  const AttentionShape& shape = layout_.shape;
  std::vector<std::uint32_t> values(std::size_t{shape.heads} * shape.tokens_q * shape.head_dim);
  std::uint32_t* next = values.data();
  for (std::uint32_t head = 0; head < shape.heads; ++head)
    for (std::uint32_t token = 0; token < shape.tokens_q; ++token) {
      const std::uint32_t tile = token / layout_.rows, rows = layout_.rows_of(tile);
      for (std::uint32_t pass = 0; pass < layout_.passes; ++pass) {
        const std::byte* line = bytes_.data() + layout_.o_address(head, tile) +
                                (std::uint64_t{pass} * rows + token % layout_.rows) * layout_.cols *
                                    layout_.output_bytes;
        const std::uint32_t cols =
            pass + 1 == layout_.passes ? layout_.last_pass_cols : layout_.cols;
        next = layout_.output_bytes == 2 ? widen<std::uint16_t>(line, cols, next)
                                         : widen<std::uint32_t>(line, cols, next);
      }
    }
  return values;
}

}  // namespace attnguard
