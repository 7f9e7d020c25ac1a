#include "src/campaign/injections/audit_selection.h"

#include <algorithm>
#include <limits>

#include "src/campaign/faults/random_stream.h"

namespace attnguard {
namespace {

constexpr std::uint64_t kMostByDefault = 200;

}  // namespace

void AuditSelection::offer(const Injection& injection) {
  ++offered_;
  // Independent of what was drawn, whatever the seed.
  RandomStream random(0, stable_hash("audit"), injection.number);
  std::vector<Draw>& draws = by_class_[injection.fault.site.reg];
  draws.emplace_back(random.below(std::numeric_limits<std::uint64_t>::max()), injection.number);
  std::push_heap(draws.begin(), draws.end());
  if (draws.size() <= count_.value_or(kMostByDefault)) return;
  std::pop_heap(draws.begin(), draws.end());
  draws.pop_back();
}

std::vector<std::uint64_t> AuditSelection::numbers() const {
  const std::uint64_t by_default = std::min<std::uint64_t>(
      kMostByDefault, std::max<std::uint64_t>(offered_ / 500, 2 * by_class_.size()));
  const std::uint64_t wanted = std::min(offered_, count_.value_or(by_default));
  auto classes = by_class_;
  std::size_t most = 0;
  for (auto& [reg, draws] : classes) {
    std::sort(draws.begin(), draws.end());
    most = std::max(most, draws.size());
  }
  std::vector<std::uint64_t> numbers;
  // The first of every class, then the second of every class, and so on.
  for (std::size_t rank = 0; rank < most; ++rank)
    for (const auto& [reg, draws] : classes)
      if (rank < draws.size() && numbers.size() < wanted) numbers.push_back(draws[rank].second);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace attnguard
