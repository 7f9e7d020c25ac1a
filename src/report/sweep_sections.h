// The sections of a sweep.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "src/report/page.h"

namespace attnguard {

std::vector<Section> sweep_sections(const std::filesystem::path& folder, const std::string& id);

}  // namespace attnguard
