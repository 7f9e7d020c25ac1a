// A campaign that was run before, prepared once more from its folder.
#pragma once

#include <filesystem>
#include <string>

#include "src/simulation/prepared.h"

namespace attnguard {

/// From the config.json in `folder`. `out`: where results will go. UserError when that is no
/// folder of a campaign, or its configuration and tensors are no longer those of summary.json.
Prepared prepare_again(const std::filesystem::path& folder, const std::string& out);

}  // namespace attnguard
