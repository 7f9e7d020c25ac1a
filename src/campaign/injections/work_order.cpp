#include "src/campaign/injections/work_order.h"

#include <algorithm>

namespace attnguard {
namespace {

// A process can map 65 530 files and some by default, and an archive maps every chunk.
constexpr std::uint64_t kChunksOfALargeGroup = 16384;

// Large enough that handing out and writing a chunk costs nothing, small enough that workers
// finish a group together and that little is lost with one.
std::uint64_t chunk_size(std::uint64_t injections, std::uint64_t least, std::uint64_t most) {
  return std::clamp(injections / 64, least, std::max(most, injections / kChunksOfALargeGroup));
}

}  // namespace

WorkOrder::WorkOrder(const CampaignPlan& plan, const InjectionEngine* engine, AuditSelection& audit,
                     bool by_query_tile, Sharding sharding, std::optional<std::uint32_t> only)
    : plan_(plan),
      engine_(engine),
      audit_(audit),
      by_query_tile_(by_query_tile),
      sharding_(sharding),
      only_(only),
      cut_(sharding.count()) {
  extend();
}

void WorkOrder::extend() {
  const std::uint32_t end = only_ ? *only_ + 1 : sharding_.count();
  for (std::uint32_t shard = only_.value_or(0); shard < end; ++shard) extend(shard);
  assigned_ = plan_.size();
}

void WorkOrder::extend(std::uint32_t shard) {
  std::vector<Items> groups(engine_ == nullptr ? 0 : engine_->groups());
  Items full;
  for (std::uint64_t round = assigned_ / sharding_.count();
       round * sharding_.count() < plan_.size(); ++round) {
    const std::uint64_t number = sharding_.number(round, shard);
    if (number < assigned_ || number >= plan_.size()) continue;
    const Injection injection = plan_.injection(number);
    const Assignment assignment =
        engine_ == nullptr ? Assignment{true, 0, 0} : engine_->assign(injection);
    (assignment.full ? full : groups.at(assignment.group))
        .push_back({assignment.query_tile, number});
    if (!assignment.full || engine_ == nullptr) audit_.offer(injection);
  }
  for (std::uint32_t group = 0; group < groups.size(); ++group) {
    if (by_query_tile_) sort_by_query_tile(groups[group].begin(), groups[group].end());
    cut(groups[group], shard, false, group, chunk_size(groups[group].size(), 100, 4000));
  }
  full_ += full.size();
  cut(full, shard, true, 0, chunk_size(full.size(), 16, 1000));
}

void WorkOrder::sort_by_query_tile(Items::iterator first, Items::iterator end) {
  std::stable_sort(first, end,
                   [](const Item& a, const Item& b) { return a.query_tile < b.query_tile; });
}

void WorkOrder::cut(Items& items, std::uint32_t shard, bool full, std::uint32_t group,
                    std::uint64_t size) {
  injections_ += items.size();
  for (auto first = items.begin(); first != items.end();) {
    const auto rest = static_cast<std::uint64_t>(items.end() - first);
    const auto end = first + static_cast<std::ptrdiff_t>(std::min(rest, size));
    // Within a chunk one query tile's golden state after the other: it then stays in the caches.
    if (!full) sort_by_query_tile(first, end);
    chunks_.push_back({full, group, {}, shard, cut_[shard].chunks, cut_[shard].injections});
    for (; first != end; ++first) chunks_.back().numbers.push_back(first->number);
    ++cut_[shard].chunks;
    cut_[shard].injections += chunks_.back().numbers.size();
  }
}

}  // namespace attnguard
