// What the full engine, a complete SystemC run, measures of an injection.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "src/campaign/context.h"
#include "src/campaign/measurement.h"

namespace attnguard {

/// A complete run with the faults armed; gives up after watchdog_cycles.
using Simulate =
    std::function<RunResult(const std::vector<Fault>& faults, std::uint64_t watchdog_cycles)>;

/// A run against the golden one.
Measurement measure(const CampaignContext& context, const RunResult& run);

/// One injection by a complete run in this process.
Measurement measure_fully(const CampaignContext& context, const Simulate& simulate,
                          const Injection& injection);

/// Throws ModelError when a measurement contradicts itself or the plan: an output or alarm that
/// changed without cause, a sampled fault that was not injected.
void require_consistent(const CampaignContext& context, const Injection& injection,
                        const Measurement& measurement);

}  // namespace attnguard
