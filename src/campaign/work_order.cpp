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
                     bool by_query_tile)
    : plan_(plan), engine_(engine), audit_(audit), by_query_tile_(by_query_tile) {
  extend();
}

void WorkOrder::extend() {
  std::vector<Items> groups(engine_ == nullptr ? 0 : engine_->groups());
  Items full;
  for (; assigned_ < plan_.size(); ++assigned_) {
    const Injection injection = plan_.injection(assigned_);
    const Assignment assignment =
        engine_ == nullptr ? Assignment{true, 0, 0} : engine_->assign(injection);
    (assignment.full ? full : groups.at(assignment.group))
        .push_back({assignment.query_tile, assigned_});
    if (!assignment.full || engine_ == nullptr) audit_.offer(injection);
  }
  for (std::uint32_t group = 0; group < groups.size(); ++group) {
    if (by_query_tile_) sort_by_query_tile(groups[group].begin(), groups[group].end());
    cut(groups[group], false, group, chunk_size(groups[group].size(), 100, 4000));
  }
  full_ += full.size();
  cut(full, true, 0, chunk_size(full.size(), 16, 1000));
}

void WorkOrder::sort_by_query_tile(Items::iterator first, Items::iterator end) {
  std::stable_sort(first, end,
                   [](const Item& a, const Item& b) { return a.query_tile < b.query_tile; });
}

void WorkOrder::cut(Items& items, bool full, std::uint32_t group, std::uint64_t size) {
  for (auto first = items.begin(); first != items.end();) {
    const auto rest = static_cast<std::uint64_t>(items.end() - first);
    const auto end = first + static_cast<std::ptrdiff_t>(std::min(rest, size));
    // Within a chunk one query tile's golden state after the other: it then stays in the caches.
    if (!full) sort_by_query_tile(first, end);
    chunks_.push_back({full, group, {}});
    for (; first != end; ++first) chunks_.back().numbers.push_back(first->number);
  }
}

}  // namespace attnguard
