// What the parts of a configuration must have in common with its workload.
#pragma once

#include "src/config/config.h"
#include "src/config/origin.h"

namespace attnguard {

/// The workload's own keys, and accelerator, checkers and recovery against its kind. Throws
/// UserError.
void check_workload(const Config& config, const ConfigOrigin& origin);

}  // namespace attnguard
