// Which checkers an any_of consists of, and what follows from their results.
#pragma once

#include <cstddef>
#include <vector>

#include "models/checksum_unit/any_of.h"

namespace attnguard {

/// Of each configured checker: the indices of the checkers whose lines it joins, in ascending order
/// and without combinations among them; empty for a checker with a line of its own. Combinations
/// stand behind all others (read_checkers).
using Members = std::vector<std::vector<std::size_t>>;
Members members_of(const std::vector<CheckerConfig>& checkers);

}  // namespace attnguard
