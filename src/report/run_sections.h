// The sections of a run.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "src/report/chart.h"
#include "src/report/page.h"

namespace attnguard {

/// `run`: the run.json in `folder`.
std::vector<Section> run_sections(const std::filesystem::path& folder, const Json& run,
                                  const std::string& id);

}  // namespace attnguard
