// From a checker's configuration to the checker.
#pragma once

#include <memory>

#include "models/checksum_unit/checker.h"
#include "models/checksum_unit/checker_config.h"

namespace attnguard {

/// Every member of `dims` must be set.
std::unique_ptr<Checker> make_checker(const CheckerConfig& config, const CheckerDimensions& dims);

}  // namespace attnguard
