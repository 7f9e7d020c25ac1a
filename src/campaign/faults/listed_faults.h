// Exact faults of a configuration or a fault list, checked against the hardware.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "models/fault_injector/fault.h"
#include "src/campaign/campaign_config.h"
#include "src/config/origin.h"

namespace attnguard {

/// Cycle in which the fault-free run makes the access that a probe stands for; empty if it never
/// does.
using AccessCycle = std::function<std::optional<std::uint64_t>(const Fault& probe)>;

/// The faults of each run. UserError for a site, bit, cycle or access that does not exist and for a
/// model that the site cannot have.
std::vector<std::vector<Fault>> listed_faults(const CampaignConfig& config,
                                              const ConfigOrigin& origin,
                                              const FaultUniverse& universe,
                                              std::uint64_t golden_cycles,
                                              const AccessCycle& access_cycle);

}  // namespace attnguard
