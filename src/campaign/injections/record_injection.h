// An injection's runs once more, with what happened in which cycle.
#pragma once

#include <vector>

#include "src/campaign/session.h"
#include "src/waves/recorded_run.h"

namespace attnguard {

/// `golden`, `faulty` and, if `recovering`, the run in which its alarms interrupt.
std::vector<RecordedRun> record_injection(CampaignSession& session, const Injection& injection,
                                          bool recovering);

}  // namespace attnguard
