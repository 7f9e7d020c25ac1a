// What a checker must know of the accelerator and the job it watches.
#pragma once

#include "models/accelerator/job_layout.h"
#include "models/checksum_unit/checker.h"

namespace attnguard {

CheckerDimensions checker_dimensions(const AcceleratorConfig& config, const JobLayout& layout);

}  // namespace attnguard
