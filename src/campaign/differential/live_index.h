// The live block that holds a fault, for faults that were not drawn from one.
#pragma once

#include <vector>

#include "models/fault_injector/fault.h"
#include "models/fault_injector/fault_universe.h"

namespace attnguard {

class LiveIndex {
 public:
  /// `blocks` must outlive the index.
  LiveIndex(const FaultUniverse& universe, const std::vector<LiveBlock>& blocks);

  /// Null when the lowest flipped bit is not live: the fault is never read.
  /// The first call sorts the blocks by register: a sampled campaign never pays for that.
  const LiveBlock* find(const Fault& fault);

 private:
  struct Span {
    const LiveBlock* block;
    std::uint64_t start, end;  ///< cycles in which some instance of the block is live
  };
  void build();

  const FaultUniverse& universe_;
  const std::vector<LiveBlock>& blocks_;
  std::vector<std::vector<Span>> by_register_;
};

}  // namespace attnguard
