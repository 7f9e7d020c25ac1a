// The run with a fault of a done line whose end the golden run tells.
#pragma once

#include "models/sequencer/done_fault.h"
#include "src/simulation/simulation.h"

namespace attnguard {

/// See Simulation::foreseen_run.
RunResult foreseen_run(const RunResult& golden, const Schedule& schedule, const DoneFault& fault,
                       const AttentionShape& shape);

}  // namespace attnguard
