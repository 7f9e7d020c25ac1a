// External memory: tensors stored tile by tile in the line order of the buffers, and the channel
// timing. Plain C++.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/accelerator/accelerator_config.h"
#include "models/accelerator/attention_job.h"
#include "models/accelerator/job_layout.h"

namespace attnguard {

class ExternalMemoryCore {
 public:
  ExternalMemoryCore(const ExternalMemoryConfig& config, const JobLayout& layout);

  /// Packs Q, K and V into tiles of lines (see JobLayout).
  void load(const AttentionJob& job);
  /// Start of a job: output memory cleared, channels idle.
  void reset();
  /// Requests that wait to be served are dropped.
  void abandon() { read_channel_free_ = 0; }

  std::byte* at(std::uint64_t address) { return bytes_.data() + address; }
  std::uint64_t size_bytes() const { return bytes_.size(); }
  bool holds(std::uint64_t address, std::uint64_t bytes) const {
    return address <= bytes_.size() && bytes <= bytes_.size() - address;
  }
  /// Operands that a misled write overwrites are there again after reset().
  void write(std::uint64_t address, const void* data, std::size_t bytes);

  /// A read of lines of `line_bytes`, requested at `cycle`: cycle of the first line; later lines
  /// follow every `interval` cycles. Requests are served in order.
  std::uint64_t serve_read(std::uint64_t cycle, std::uint64_t lines, std::uint32_t interval);

  /// [heads][tokens_q][head_dim] raw output bits.
  std::vector<std::uint32_t> output() const;

 private:
  const ExternalMemoryConfig& config_;
  const JobLayout& layout_;
  std::vector<std::byte> bytes_;
  std::vector<std::byte> operands_;  ///< as loaded, once one of them was overwritten
  std::uint64_t read_channel_free_ = 0;
};

}  // namespace attnguard
