// Where a unit's cycles went.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace attnguard {

/// One counter per cause: busy + all stalls = total cycles of the run (checked at its end).
struct UnitStats {
  std::uint64_t busy_cycles = 0;
  std::map<std::string, std::uint64_t> stall_cycles;

  std::uint64_t total() const {
    std::uint64_t sum = busy_cycles;
    for (const auto& [reason, cycles] : stall_cycles) sum += cycles;
    return sum;
  }
};

}  // namespace attnguard
