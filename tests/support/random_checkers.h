// Checkers of any configuration, for tests that want every option met sooner or later.
#pragma once

#include <cstdint>
#include <vector>

#include "models/checksum_unit/checker_config.h"
#include "tests/support/float_samples.h"

namespace attnguard {

/// flash_abft, matmul_abft and two of the other kinds in turn. Thresholds are wide enough for clean
/// data of deviation 1.5.
/// Behind them count / 2 combinations, the later ones of the first.
std::vector<CheckerConfig> random_checkers(FloatSamples& samples, std::uint32_t count);

/// One of every kind with its defaults.
std::vector<CheckerConfig> every_kind();

}  // namespace attnguard
