// What one point of a sweep contributes.
#pragma once

#include <nlohmann/json.hpp>

#include "src/campaign/campaign.h"
#include "src/simulation/prepared.h"

namespace attnguard {

/// `row`: column -> number (null for an empty field), in column order: cycles, utilization, macs,
/// busy_cycles_<unit>, stall_cycles_<unit>_<reason>, bytes_<link>, those of cost, and for a
/// campaign coverage, interval and latency of every checker; with a recovery policy recovery.…, see
/// docs/outputs.md. For a campaign also `injections`, `audit` and, if the results are written but
/// not sound, `error` (see carried_error.h). Elaborates: at most once per process.
nlohmann::ordered_json run_point(const Prepared& prepared, const CampaignOptions& options);

}  // namespace attnguard
