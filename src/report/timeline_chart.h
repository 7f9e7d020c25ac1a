// When every unit was busy and when it waited: from the timeline.json of a run.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "src/report/html.h"

namespace attnguard {

/// The whole run, in slices if it has many events, and then also a stretch of it event by event.
/// UserError when the file is not what `attnguard run --timeline` writes.
std::vector<Figure> timeline_figures(const std::filesystem::path& file, const std::string& id);

}  // namespace attnguard
