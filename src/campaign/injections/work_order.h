// In which order a campaign resolves its injections: cut into chunks of work that need the same
// golden state.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "src/campaign/faults/plan.h"
#include "src/campaign/faults/sharding.h"
#include "src/campaign/injections/audit_selection.h"
#include "src/campaign/injections/injection_engine.h"

namespace attnguard {

/// Injections that are resolved by one engine, with one golden state, and kept in one file.
struct Chunk {
  bool full = false;
  std::uint32_t group = 0;
  std::vector<std::uint64_t> numbers;  ///< of the injections
  std::uint32_t shard = 0;             ///< it belongs to
  std::size_t index = 0;               ///< among the chunks of the shard
  std::uint64_t before = 0;            ///< injections in those before it
};

class WorkOrder {
 public:
  /// Without an engine every injection needs a complete run. `audit` is offered what the engine
  /// resolves; everything without one. `by_query_tile`: within a group, injections of one query
  /// tile stand together. Of several shards all, one after another, or `only` one. Plan, engine and
  /// audit must outlive it.
  WorkOrder(const CampaignPlan& plan, const InjectionEngine* engine, AuditSelection& audit,
            bool by_query_tile = false, Sharding sharding = Sharding(),
            std::optional<std::uint32_t> only = std::nullopt);

  /// Assigns what the plan holds beyond what has been assigned. The chunks are a function of the
  /// plan's looks and the assignments alone, so that a resumed campaign finds its own again.
  void extend();

  /// By look, then shard, then group, complete runs last.
  const std::vector<Chunk>& chunks() const { return chunks_; }
  /// Injections in them.
  std::uint64_t injections() const { return injections_; }
  /// Injections that need a complete run.
  std::uint64_t full() const { return full_; }

 private:
  struct Item {
    std::uint32_t query_tile;
    std::uint64_t number;
  };
  using Items = std::vector<Item>;
  static void sort_by_query_tile(Items::iterator first, Items::iterator end);
  void extend(std::uint32_t shard);
  void cut(Items& items, std::uint32_t shard, bool full, std::uint32_t group, std::uint64_t size);

  const CampaignPlan& plan_;
  const InjectionEngine* engine_;
  AuditSelection& audit_;
  const bool by_query_tile_;
  const Sharding sharding_;
  const std::optional<std::uint32_t> only_;
  std::vector<Chunk> chunks_;
  struct Cut {
    std::size_t chunks = 0;
    std::uint64_t injections = 0;
  };
  std::vector<Cut> cut_;        ///< [shard], so far
  std::uint64_t assigned_ = 0;  ///< numbers below it, of these shards
  std::uint64_t injections_ = 0, full_ = 0;
};

}  // namespace attnguard
