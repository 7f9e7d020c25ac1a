// Register ids for a second instance of a unit.
#pragma once

#include <string_view>

#include "models/fault_injector/fault_universe.h"

namespace attnguard {

/// The classes of `universe` before the first whose path begins with `prefix`: what is declared
/// next gets the same ids as there.
inline FaultUniverse universe_before(const FaultUniverse& universe, std::string_view prefix) {
  FaultUniverse before;
  for (const RegisterClass& cls : universe.classes()) {
    if (cls.path.compare(0, prefix.size(), prefix) == 0) break;
    before.declare(cls);
  }
  return before;
}

}  // namespace attnguard
