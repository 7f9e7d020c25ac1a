// A report: one HTML page about results of run, campaign and sweep.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace attnguard {

/// The page about `folders`, at least one; several are also compared. Deterministic. UserError for
/// a folder that holds no result or one that cannot be read.
std::string report_page(const std::vector<std::filesystem::path>& folders);

}  // namespace attnguard
