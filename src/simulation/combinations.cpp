#include "src/simulation/combinations.h"

#include <algorithm>

namespace attnguard {
namespace {

void collect(const std::vector<CheckerConfig>& checkers, const AnyOfConfig& combination,
             std::vector<bool>& joined) {
  for (const std::string& member : combination.members)
    for (std::size_t c = 0; c < checkers.size(); ++c) {
      if (checkers[c].name != member) continue;
      if (const auto* inner = checkers[c].options.get_if<AnyOfConfig>())
        collect(checkers, *inner, joined);
      else
        joined[c] = true;
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
      if (joined[m]) members[c].push_back(m);
  }
  return members;
}

}  // namespace attnguard
