// The name the user probably meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace attnguard {

/// The candidate with the smallest edit distance to `word`, if that is at most a third of its
/// length (at least 1); else "".
std::string nearest_match(std::string_view word, const std::vector<std::string>& candidates);

/// `did you mean "x"? allowed: a, b, c` or, without a near one, `allowed: a, b, c`.
std::string suggest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace attnguard
