// Runs the injections of a plan in worker processes and repeats some of them as an audit.
#pragma once

#include <cstdint>
#include <functional>

#include "src/campaign/plan.h"
#include "src/campaign/record.h"

namespace attnguard {

/// A complete run with the fault armed; gives up after watchdog_cycles.
using Simulate = std::function<RunResult(const Fault& fault, std::uint64_t watchdog_cycles)>;

/// One injection in this process.
InjectionRecord inject(const CampaignContext& context, const Simulate& simulate,
                       std::uint64_t number);

/// Calls done(injection, record) in order of injection. One injection in a thousand (0, 1000, ...)
/// is repeated by a process that has run no other; AuditError names both rows if they differ.
/// ModelError for a sampled fault that was not injected and for a run that fails twice. Returns the
/// number of injections audited. `audit`: how a repetition is run, where not as the first time.
std::uint64_t inject_all(const CampaignContext& context, const Simulate& simulate,
                         std::uint32_t workers,
                         const std::function<void(const Injection&, const InjectionRecord&)>& done,
                         const Simulate& audit = {});

}  // namespace attnguard
