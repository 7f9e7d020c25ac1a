// What one point of a sweep contributes to sweep.csv.
#pragma once

#include <nlohmann/json.hpp>

#include "src/simulation/prepared.h"

namespace attnguard {

/// Column -> number (null for an empty field), in column order: cycles, utilization, macs,
/// busy_cycles_<unit>, stall_cycles_<unit>_<reason>, bytes_<link>, those of cost, and for a
/// campaign <checker>.coverage, .ci_low, .ci_high and .latency_p50_cycles; with a recovery policy
/// recovery.…, see docs/outputs.md. Elaborates: at most once per process.
nlohmann::ordered_json sweep_row(const Prepared& prepared);

}  // namespace attnguard
