// Runs a check on every SIMD target this machine and compiler offer, the portable one included.
#pragma once

#include <cstdint>
#include <string>

#include "hwy/highway.h"

namespace attnguard {

/// Calls check(name of the target) with run-time dispatch pinned to each target in turn, then lets
/// it choose again.
template <class Check>
void for_each_simd_target(const Check& check) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    check(std::string(hwy::TargetName(target)));
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

/// The one that run-time dispatch chooses here.
inline std::string simd_target() {
  return hwy::TargetName(hwy::SupportedAndGeneratedTargets().front());
}

}  // namespace attnguard
