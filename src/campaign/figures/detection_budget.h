// The time within which a fault must be detected.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace attnguard {

/// Whole cycles in a time such as "10 us" or "5000 cycles" (units: cycles, ns, us, ms, s) at this
/// clock. Empty for any other text.
std::optional<std::uint64_t> budget_cycles(std::string_view text, double clock_mhz);

}  // namespace attnguard
