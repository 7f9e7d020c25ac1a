// A fault-free run must finish.
#pragma once

#include <fmt/format.h>

#include "src/simulation/errors.h"
#include "src/simulation/simulation.h"

namespace attnguard {

/// Throws UnfinishedError (exit code 4) unless the run finished.
inline void require_finished(const RunResult& result) {
  if (result.completion == Completion::hang)
    throw UnfinishedError("the simulation did not finish: no progress");
  if (result.completion == Completion::crash)
    throw UnfinishedError(fmt::format("the simulation did not finish: cycle {}: {}",
                                      result.crash_cycle, result.crash_reason));
}

}  // namespace attnguard
