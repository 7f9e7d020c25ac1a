// What one point of a sweep contributes.
#pragma once

#include <nlohmann/json.hpp>

#include "src/campaign/campaign.h"
#include "src/simulation/prepared.h"

namespace attnguard {

/// `row`: column -> number (null for an empty field), in column order: cycles, utilization, macs,
/// busy_cycles_<unit>, stall_cycles_<unit>_<reason>, bytes_<link>, those of cost; see
/// docs/outputs.md. Elaborates and runs: at most once per process.
nlohmann::ordered_json fault_free_point(const Prepared& prepared);

/// `row`: the same of its golden run, and coverage, interval and latency of every checker; with a
/// recovery policy recovery.…. Also `injections`, `audit` and, if the results are written but not
/// sound, `error` (see carried_error.h).
nlohmann::ordered_json campaign_point(const Prepared& prepared, const CampaignSummary& summary);

}  // namespace attnguard
