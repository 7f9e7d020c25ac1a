// Interleaved code words: what a protected buffer encodes and decodes at once.
//
// A group is `interleaving` code words in adjacent words of a line. Its bits, counted from bit 0 of
// its first word upwards, belong to them in turn: bit b to code word b mod interleaving. So do its
// check bits, which stand side by side in one register. Up to `interleaving` adjacent bits
// therefore hit as many code words, one bit each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "models/fabric/code_reads.h"
#include "models/sram_buffer/check_code.h"

namespace attnguard {

class CodeGroup {
 public:
  /// As CheckCode; interleaving × check bits are at most 64.
  CodeGroup(CodeKind kind, std::uint32_t data_bits, std::uint32_t interleaving)
      : code_(kind, data_bits), interleaving_(interleaving) {}

  /// Data of a group.
  std::uint32_t bytes() const { return code_.data_bits() * interleaving_ / 8; }
  std::uint32_t check_bits() const { return code_.check_bits() * interleaving_; }
  /// Check bits of `data`, bytes() long.
  std::uint64_t encode(const std::byte* data) const;
  /// Corrects `data` in place where it can. `written`: what was encoded, to tell a right
  /// correction from a wrong one.
  CodeReads decode(std::byte* data, std::uint64_t check, const std::byte* written) const;

 private:
  std::uint64_t data_of(const std::byte* data, std::uint32_t word) const;
  void put_data(std::byte* data, std::uint32_t word, std::uint64_t value) const;

  CheckCode code_;
  std::uint32_t interleaving_;
};

}  // namespace attnguard
