// A run as text, so that two runs of different processes can be compared and a difference read.
#pragma once

#include <string>

#include "src/simulation/simulation.h"

namespace attnguard {

/// The armed fault's outcome on one line.
std::string fault_text(const FaultOutcome& fault);

/// Everything a run reports, one item per line; output and checks as SHA-256 of their bits. Of a
/// run that did not finish: what counts then (completion, alarms, fault).
std::string run_text(const RunResult& run);

/// What a fault-free run counted for the cost model.
std::string counts_text(const RunResult& run);

}  // namespace attnguard
