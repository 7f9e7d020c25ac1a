// Which injections of a campaign each of several machines resolves.
//
// Of `count` consecutive injections every shard gets one; at which of them it begins, a hash says
// for every round. Consecutive injections go round the strata: in step with them a shard would get
// the same strata, cheap or dear, every time. A shard finds its own injections without looking at
// those of the others.
#pragma once

#include <cstdint>

#include "src/campaign/faults/random_stream.h"

namespace attnguard {

class Sharding {
 public:
  explicit Sharding(std::uint32_t count = 1) : count_(count) {}

  std::uint32_t count() const { return count_; }
  /// The injection that `shard` (0 .. count − 1) gets of those from round × count on.
  std::uint64_t number(std::uint64_t round, std::uint32_t shard) const {
    return round * count_ + (shard + offset(round)) % count_;
  }
  /// Which shard that is.
  std::uint32_t shard(std::uint64_t number) const {
    return static_cast<std::uint32_t>((number % count_ + count_ - offset(number / count_)) %
                                      count_);
  }

 private:
  std::uint64_t offset(std::uint64_t round) const {
    return count_ == 1 ? 0 : RandomStream(0, stable_hash("shard"), round).below(count_);
  }

  std::uint32_t count_;
};

}  // namespace attnguard
