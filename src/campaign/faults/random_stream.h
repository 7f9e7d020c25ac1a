// The randomness of one draw: a pure function of (seed, stream, draw).
#pragma once

#include <Random123/philox.h>

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>

namespace attnguard {

/// FNV-1a, 64 bits: the same on every machine.
constexpr std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

/// Philox4x32-10 with the seed as key and (stream, draw, block) as counter. draw < 2^32.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::uint64_t stream, std::uint64_t draw)
      : key_{{low(seed), high(seed)}}, counter_{{0, low(draw), low(stream), high(stream)}} {}

  /// Uniform in [0, bound), without bias; bound > 0.
  std::uint64_t below(std::uint64_t bound) {
    // The largest multiple of bound that fits: what lies above would favour small remainders.
    const std::uint64_t excess = (std::numeric_limits<std::uint64_t>::max() % bound + 1) % bound;
    std::uint64_t value = next();
    while (value > std::numeric_limits<std::uint64_t>::max() - excess) value = next();
    return value % bound;
  }

 private:
  static std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
  static std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32U); }

  std::uint64_t next() {
    if (used_ == 2) {
      block_ = r123::Philox4x32()(counter_, key_);
      ++counter_.v[0];
      used_ = 0;
    }
    const std::uint64_t value = std::uint64_t{block_.v[2 * used_]} << 32U | block_.v[2 * used_ + 1];
    ++used_;
    return value;
  }

  r123::Philox4x32::key_type key_;
  r123::Philox4x32::ctr_type counter_;
  r123::Philox4x32::ctr_type block_{};
  unsigned used_ = 2;
};

}  // namespace attnguard
