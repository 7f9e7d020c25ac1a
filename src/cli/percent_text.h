// A share with its interval as tables on the terminal show it.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>

#include "src/campaign/figures/statistics.h"

namespace attnguard {

/// In percent: "84.2 [ 64.3,  90.4]"; without brackets if there is no interval, "-" without a
/// share.
inline std::string percent_text(const std::optional<double>& share,
                                const std::optional<Interval>& interval) {
  if (!share) return "-";
  if (!interval) return fmt::format("{:.1f}", 100 * *share);
  return fmt::format("{:.1f} [{:5.1f}, {:5.1f}]", 100 * *share, 100 * interval->low,
                     100 * interval->high);
}

}  // namespace attnguard
