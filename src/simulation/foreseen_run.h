// The run with a fault of a done line whose end the golden run tells.
#pragma once

#include <optional>

#include "models/sequencer/done_fault.h"
#include "src/simulation/simulation.h"

namespace attnguard {

/// What differs from the golden run, so that a comparison with it comes out as after a complete
/// run: no checks, no commits but that of a stale tile, no statistics, no reason of a crash.
RunResult foreseen_run(const RunResult& golden, const Schedule& schedule, const DoneFault& fault,
                       const AttentionShape& shape);

}  // namespace attnguard
