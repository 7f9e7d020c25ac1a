// Which checkers an any_of consists of, and what follows from their results.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "models/checksum_unit/any_of.h"
#include "models/sequencer/recovery_config.h"

namespace attnguard {

/// Of each configured checker: the indices of the checkers whose lines it joins, in ascending order
/// and without combinations among them; empty for a checker with a line of its own. Combinations
/// stand behind all others (read_checkers).
using Members = std::vector<std::vector<std::size_t>>;
Members members_of(const std::vector<CheckerConfig>& checkers);

/// The checkers with a line of their own among the named ones and the members of the named
/// combinations, ascending; all without names.
std::vector<std::size_t> lines_of(const std::vector<CheckerConfig>& checkers,
                                  const std::optional<std::vector<std::string>>& names);
/// Those of them whose alarm interrupts; with the policy `correct`, those that correct.
std::vector<std::size_t> recovering_lines(const std::vector<CheckerConfig>& checkers,
                                          const RecoveryConfig& recovery);
/// Whether a checker locates errors and says what to write instead.
bool corrects(const CheckerConfig& checker);

}  // namespace attnguard
