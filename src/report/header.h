// What was simulated, with what, and how to do it again: the same for every kind of result.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "src/report/chart.h"

namespace attnguard {

/// From the header that run.json, summary.json and sweep.json share.
std::string header_paragraph(const Json& header);

/// The commands, and the effective configuration. `commands`: of this kind of result, with what
/// each does.
std::string reproduction(const Json& header, const Json& config,
                         const std::vector<std::pair<std::string, std::string>>& commands);

}  // namespace attnguard
