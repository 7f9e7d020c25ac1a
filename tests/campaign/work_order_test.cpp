// In which order injections are resolved, and which of them are audited.
#include "src/campaign/injections/work_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "tests/support/scripted_campaign.h"

namespace attnguard {
namespace {

CampaignConfig sampled(std::uint64_t injections) {
  CampaignConfig config;
  config.injections = injections;
  return config;
}

struct Ordered {
  explicit Ordered(std::uint64_t injections, std::optional<std::uint64_t> audited = {})
      : campaign(sampled(injections)), selection(audited) {}
  WorkOrder order(bool by_query_tile = false) {
    return WorkOrder(campaign.plan, &engine, selection, by_query_tile);
  }
  std::map<RegisterId, std::uint64_t> audited_by_class() const {
    std::map<RegisterId, std::uint64_t> classes;
    for (const std::uint64_t number : selection.numbers())
      ++classes[campaign.plan.injection(number).fault.site.reg];
    return classes;
  }

  ScriptedCampaign campaign;
  ScriptedEngine engine{campaign};
  AuditSelection selection;
};

TEST(WorkOrder, HoldsEveryInjectionOnceInAChunkOfItsEngineAndGroup) {
  Ordered t(20000);
  const WorkOrder order = t.order();
  std::set<std::uint64_t> seen;
  std::uint64_t full = 0;
  bool full_begun = false;
  std::uint32_t group = 0;
  for (const Chunk& chunk : order.chunks()) {
    EXPECT_TRUE(std::is_sorted(
        chunk.numbers.begin(), chunk.numbers.end(),
        [&](std::uint64_t a, std::uint64_t b) {
          const auto place = [&](std::uint64_t number) {
            return chunk.full ? 0 : t.engine.assign(t.campaign.plan.injection(number)).query_tile;
          };
          return std::pair(place(a), a) < std::pair(place(b), b);
        }))
        << "one query tile's golden state after the other";
    EXPECT_GE(chunk.full, full_begun) << "complete runs last";
    full_begun = chunk.full;
    EXPECT_TRUE(chunk.full || chunk.group >= group) << "a group's chunks stand together";
    group = std::max(group, chunk.group);
    for (const std::uint64_t number : chunk.numbers) {
      EXPECT_TRUE(seen.insert(number).second);
      const Assignment assignment = t.engine.assign(t.campaign.plan.injection(number));
      EXPECT_EQ(assignment.full, chunk.full);
      EXPECT_EQ(assignment.group, chunk.group);
      full += assignment.full;
    }
  }
  EXPECT_EQ(seen.size(), 20000U);
  EXPECT_EQ(*seen.rbegin(), 19999U);
  EXPECT_EQ(order.full(), full);
  EXPECT_GT(full, 0U);
  EXPECT_GT(order.chunks().size(), 64U);
}

TEST(WorkOrder, CanPutInjectionsOfAQueryTileTogether) {
  Ordered t(5000);
  std::uint32_t group = 0, tile = 0;
  const WorkOrder order = t.order(true);
  for (const Chunk& chunk : order.chunks()) {
    if (chunk.full) continue;
    if (chunk.group != group) tile = 0;
    group = chunk.group;
    for (const std::uint64_t number : chunk.numbers) {
      const Assignment assignment = t.engine.assign(t.campaign.plan.injection(number));
      EXPECT_GE(assignment.query_tile, tile);
      tile = assignment.query_tile;
    }
  }
  EXPECT_EQ(tile, 2U);
}

TEST(WorkOrder, DealsEveryInjectionToOneShardAndToAllOfThemAlike) {
  constexpr std::uint32_t kShards = 7;
  Ordered t(20000), whole(20000);
  const WorkOrder all(t.campaign.plan, &t.engine, t.selection, false, Sharding(kShards));
  whole.order();
  EXPECT_EQ(t.selection.numbers(), whole.selection.numbers()) << "the audit is the same";
  std::set<std::uint64_t> seen;
  std::map<std::uint32_t, std::map<std::uint32_t, std::uint64_t>> strata;  // [shard][stratum]
  auto chunk = all.chunks().begin();
  for (std::uint32_t shard = 0; shard < kShards; ++shard) {
    AuditSelection none(0);
    const WorkOrder one(t.campaign.plan, &t.engine, none, false, Sharding(kShards), shard);
    std::uint64_t injections = 0;
    for (std::size_t i = 0; i < one.chunks().size(); ++i, ++chunk) {
      EXPECT_EQ(one.chunks()[i].numbers, chunk->numbers);
      EXPECT_EQ(std::pair(chunk->shard, chunk->index), std::pair(shard, i));
      injections += chunk->numbers.size();
      for (const std::uint64_t number : chunk->numbers) {
        EXPECT_TRUE(seen.insert(number).second);
        EXPECT_EQ(Sharding(kShards).shard(number), shard);
        ++strata[shard][t.campaign.plan.injection(number).stratum];
      }
    }
    EXPECT_EQ(one.injections(), injections);
    EXPECT_NEAR(static_cast<double>(injections), 20000.0 / kShards, 1);
  }
  EXPECT_EQ(chunk, all.chunks().end());
  EXPECT_EQ(seen.size(), 20000U);
  // Were shards in step with the strata, some would get none of a stratum.
  for (const auto& [shard, counts] : strata) {
    EXPECT_EQ(counts.size(), t.campaign.plan.strata().size());
    for (const auto& [stratum, count] : counts) {
      const double mean =
          static_cast<double>(t.campaign.plan.strata()[stratum].draws) / double{kShards};
      EXPECT_NEAR(static_cast<double>(count), mean, 6 * std::sqrt(mean)) << shard;
    }
  }
}

TEST(WorkOrder, OfAShardGrowsWithTheLooks) {
  CampaignConfig config = sampled(1000);
  config.stop = StopConfig{"a", 0.01, {300, 650}};
  ScriptedCampaign campaign(config);
  ScriptedEngine engine(campaign);
  AuditSelection none(0);
  std::set<std::uint64_t> seen;
  for (std::uint32_t shard = 0; shard < 4; ++shard) {
    campaign.plan.cut(0);
    WorkOrder order(campaign.plan, &engine, none, false, Sharding(4), shard);
    for (std::size_t look = 0;; order.extend()) {
      for (const Chunk& chunk : order.chunks())
        for (const std::uint64_t number : chunk.numbers) EXPECT_LT(number, campaign.plan.size());
      if (++look == campaign.plan.looks().size()) break;
      campaign.plan.cut(look);
    }
    for (const Chunk& chunk : order.chunks())
      for (const std::uint64_t number : chunk.numbers) EXPECT_TRUE(seen.insert(number).second);
  }
  EXPECT_EQ(seen.size(), 1000U);
}

TEST(AuditSelection, TakesOnlyWhatTheEngineResolvesAndAlwaysTheSame) {
  Ordered a(20000), b(20000);
  a.order();
  b.order(true);
  EXPECT_EQ(a.selection.numbers(), b.selection.numbers());
  for (const std::uint64_t number : a.selection.numbers())
    EXPECT_FALSE(a.engine.assign(a.campaign.plan.injection(number)).full);
}

TEST(AuditSelection, IsOneIn500WithTwoPerClassAndAtMostTwoHundred) {
  Ordered few(400), some(20000), many(200000);
  few.order();
  many.order();
  const std::uint64_t offered = 20000 - some.order().full();
  EXPECT_EQ(few.audited_by_class().size(), 5U);  // acc, sum, word, data, total; lines are full
  for (const auto& [reg, count] : few.audited_by_class()) EXPECT_EQ(count, 2U);
  EXPECT_EQ(some.selection.numbers().size(), offered / 500);
  EXPECT_EQ(many.selection.numbers().size(), 200U);
}

TEST(AuditSelection, TakesAsManyAsAskedSpreadOverTheClassesOrAll) {
  Ordered none(2000, 0), seven(2000, 7), all(2000, 1000000);
  for (Ordered* t : {&none, &seven}) t->order();
  const WorkOrder order = all.order();
  EXPECT_TRUE(none.selection.numbers().empty());
  EXPECT_EQ(seven.selection.numbers().size(), 7U);
  for (const auto& [reg, count] : seven.audited_by_class()) EXPECT_LE(count, 2U);
  EXPECT_EQ(seven.audited_by_class().size(), 5U);
  EXPECT_EQ(all.selection.numbers().size(), 2000 - order.full());
}

}  // namespace
}  // namespace attnguard
