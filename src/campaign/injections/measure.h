// What the full engine, a complete SystemC run, measures of an injection.
#pragma once

#include <cstdint>
#include <vector>

#include "src/campaign/context.h"
#include "src/campaign/injections/measurement.h"

namespace attnguard {

/// A run against the golden one.
Measurement measure(const CampaignContext& context, const RunResult& run);

/// With a recovery policy: if an alarm interrupts, the injection once more, by a complete run in
/// which it does.
void measure_recovery(const CampaignContext& context, const Injection& injection,
                      Measurement& measurement);

/// One injection by a complete run in this process; recovery by a second one.
Measurement measure_fully(const CampaignContext& context, const Simulate& simulate,
                          const Injection& injection);

/// Throws ModelError when a measurement contradicts itself or the plan: an output or alarm that
/// changed without cause, a sampled fault that was not injected.
void require_consistent(const CampaignContext& context, const Injection& injection,
                        const Measurement& measurement);

}  // namespace attnguard
