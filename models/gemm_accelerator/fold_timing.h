// When each fold of a matrix product starts, and when the last one ends, as the fold policy says.
// Plain C++.
#pragma once

#include <algorithm>
#include <cstdint>

#include "models/accelerator/accelerator_config.h"
#include "models/systolic_array/gemm_core.h"

namespace attnguard {

class FoldTiming {
 public:
  FoldTiming(FoldPolicy policy, const GemmCore& core) : policy_(policy), core_(core) {}

  /// Sets the fold's cycles; `before`: the fold before it as it went, null for the first.
  void schedule(GemmFold& fold, const GemmFold* before) const {
    if (policy_ == FoldPolicy::overlapped && before != nullptr) {
      fold.preload = core_.earliest_preload(*before);
      fold.start = core_.earliest_start(fold, *before);
      return;
    }
    fold.preload = before == nullptr ? 0 : end(*before);
    const std::uint32_t preload = core_.preload_cycles();
    fold.start =
        fold.preload + (policy_ == FoldPolicy::overlapped ? std::min(preload, fold.k) : preload);
  }

  /// The first cycle that the policy no longer counts as the fold's.
  std::uint64_t end(const GemmFold& fold) const {
    // serial_occupied: operand 0 of the first PE to the value of the last one on the result link,
    // the write, and the cycle in which the controller sees it.
    if (policy_ == FoldPolicy::serial_occupied) return fold.start + fold.k + fold.m + fold.n + 3;
    return fold.start + core_.serial_cycles(fold) - core_.preload_cycles();
  }

 private:
  FoldPolicy policy_;
  const GemmCore& core_;
};

}  // namespace attnguard
