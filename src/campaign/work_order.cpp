#include "src/campaign/work_order.h"

#include <algorithm>

namespace attnguard {
namespace {

// Large enough that handing out and writing a chunk costs nothing, small enough that workers
// finish a group together and that little is lost with one.
std::uint64_t chunk_size(std::uint64_t injections, std::uint64_t least, std::uint64_t most) {
  return std::clamp<std::uint64_t>(injections / 64, least, most);
}

}  // namespace

WorkOrder::WorkOrder(const CampaignPlan& plan, const InjectionEngine* engine, AuditSelection& audit,
                     bool by_query_tile) {
  std::vector<std::vector<Item>> groups(engine == nullptr ? 0 : engine->groups());
  std::vector<Item> full;
  for (std::uint64_t number = 0; number < plan.size(); ++number) {
    const Injection injection = plan.injection(number);
    const Assignment assignment =
        engine == nullptr ? Assignment{true, 0, 0} : engine->assign(injection);
    (assignment.full ? full : groups.at(assignment.group))
        .push_back({assignment.query_tile, number});
    if (!assignment.full || engine == nullptr) audit.offer(injection);
  }
  for (std::uint32_t group = 0; group < groups.size(); ++group) {
    if (by_query_tile)
      std::stable_sort(groups[group].begin(), groups[group].end(),
                       [](const Item& a, const Item& b) { return a.query_tile < b.query_tile; });
    cut(groups[group], false, group, chunk_size(groups[group].size(), 100, 4000));
  }
  full_ = full.size();
  cut(full, true, 0, chunk_size(full_, 16, 1000));
}

void WorkOrder::cut(const std::vector<Item>& items, bool full, std::uint32_t group,
                    std::uint64_t size) {
  for (std::size_t first = 0; first < items.size(); first += size) {
    chunks_.push_back({full, group, {}});
    for (std::size_t i = first; i < std::min<std::size_t>(items.size(), first + size); ++i)
      chunks_.back().numbers.push_back(items[i].number);
  }
}

}  // namespace attnguard
