// What a checker catches against what it costs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/report/html.h"

namespace attnguard {

/// One checker, on one accelerator.
struct Offer {
  std::string name;                                  ///< told apart by colour and shape
  std::string detail;                                ///< more of its name for a table; may be empty
  nlohmann::ordered_json coverage, ci_low, ci_high;  ///< shares; null if unknown
  nlohmann::ordered_json area_pct, energy_pct;       ///< of the accelerator; null if unknown
};

/// Offers without coverage or without a price are in the table alone. An empty table without
/// offers.
Figure pareto_figure(const std::vector<Offer>& offers, const std::string& id);

}  // namespace attnguard
