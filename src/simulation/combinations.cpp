#include "src/simulation/combinations.h"

#include <algorithm>
#include <set>

#include "models/checksum_unit/attnchecker.h"

namespace attnguard {
namespace {

/// Combinations on the way join, too.
void collect(const std::vector<CheckerConfig>& checkers, const AnyOfConfig& combination,
             std::vector<bool>& joined) {
  for (const std::string& member : combination.members)
    for (std::size_t c = 0; c < checkers.size(); ++c) {
      if (checkers[c].name != member || joined[c]) continue;
      joined[c] = true;
      if (const auto* inner = checkers[c].options.get_if<AnyOfConfig>())
        collect(checkers, *inner, joined);
    }
}

}  // namespace

Members members_of(const std::vector<CheckerConfig>& checkers) {
  Members members(checkers.size());
  for (std::size_t c = 0; c < checkers.size(); ++c) {
    const auto* combination = checkers[c].options.get_if<AnyOfConfig>();
    if (combination == nullptr) continue;
    std::vector<bool> joined(checkers.size());
    collect(checkers, *combination, joined);
    for (std::size_t m = 0; m < joined.size(); ++m)
      if (joined[m] && !is_combination(checkers[m])) members[c].push_back(m);
  }
  return members;
}

std::vector<std::size_t> lines_of(const std::vector<CheckerConfig>& checkers,
                                  const std::optional<std::vector<std::string>>& names) {
  const Members members = members_of(checkers);
  std::set<std::size_t> lines;
  for (std::size_t c = 0; c < checkers.size(); ++c) {
    if (names && std::count(names->begin(), names->end(), checkers[c].name) == 0) continue;
    if (members[c].empty())
      lines.insert(c);
    else
      lines.insert(members[c].begin(), members[c].end());
  }
  return {lines.begin(), lines.end()};
}

std::vector<std::size_t> recovering_lines(const std::vector<CheckerConfig>& checkers,
                                          const RecoveryConfig& recovery) {
  std::vector<std::size_t> lines = lines_of(checkers, recovery.checkers);
  if (recovery.policy == RecoveryPolicy::correct)
    lines.erase(std::remove_if(lines.begin(), lines.end(),
                               [&](std::size_t line) { return !corrects(checkers[line]); }),
                lines.end());
  return lines;
}

bool corrects(const CheckerConfig& checker) {
  return checker.options.get_if<AttnCheckerConfig>() != nullptr;
}

}  // namespace attnguard
