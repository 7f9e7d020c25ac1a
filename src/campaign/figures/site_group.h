// What one row of a table sums up: a site class, a stratum, or a total of the datapath.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/campaign/context.h"

namespace attnguard {

struct SiteGroup {
  std::string name;
  Domain domain = Domain::function;
  FaultClass fault_class = FaultClass::transient;
  std::uint64_t bits = 0, live_bit_cycles = 0;
  std::vector<RegisterId> classes;                      ///< registers in it
  std::optional<std::uint32_t> stratum = std::nullopt;  ///< the only one, of all registers

  bool holds(RegisterId reg) const {
    return std::find(classes.begin(), classes.end(), reg) != classes.end();
  }
  /// Whether a cell of Cells belongs to it.
  template <class Cell>
  bool operator()(const Cell& cell) const {
    return cell.fault_class == fault_class &&
           (stratum ? cell.stratum == *stratum : holds(cell.reg));
  }
};

/// One per site class of the plan.
std::vector<SiteGroup> site_classes(const CampaignContext& context, FaultClass fault_class);
/// total_logic (registers, links and lines), total_sram and total; of the function domain.
std::vector<SiteGroup> totals(const CampaignContext& context, FaultClass fault_class);
/// One per stratum that has faults of the class; those of a list are shown for every class listed.
std::vector<SiteGroup> strata(const CampaignContext& context, FaultClass fault_class);

}  // namespace attnguard
