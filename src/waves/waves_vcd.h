// waves.vcd: what units, control lines and checkers did, for GTKWave.
//
// Units act ahead of simulated time, so a trace of the SystemC kernel would show them too early:
// the waves are those of the recorded cycles. Cycle c begins at c periods.
#pragma once

#include <filesystem>
#include <vector>

#include "src/waves/recorded_run.h"

namespace attnguard {

/// A top scope per run; with two or more also `difference`, where the second one (`faulty`) is not
/// as the first (`golden`). Throws std::runtime_error when it cannot be written.
void write_waves(const std::filesystem::path& file, const RecordedSystem& system,
                 const std::vector<RecordedRun>& runs);

}  // namespace attnguard
