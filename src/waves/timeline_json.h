// timeline.json: what units did, as Chrome trace events; https://ui.perfetto.dev opens it.
#pragma once

#include <filesystem>
#include <vector>

#include "src/waves/recorded_run.h"

namespace attnguard {

/// One process per run; a thread per unit, one for faults and alarms; counters for control lines.
/// Throws std::runtime_error when it cannot be written.
void write_timeline(const std::filesystem::path& file, const RecordedSystem& system,
                    const std::vector<RecordedRun>& runs);

}  // namespace attnguard
