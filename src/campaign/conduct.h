// A campaign between its plan and its figures: every injection resolved, counted and audited.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "src/campaign/figures/coverage.h"
#include "src/campaign/figures/error_size.h"
#include "src/campaign/figures/paired.h"
#include "src/campaign/figures/recovery_tally.h"
#include "src/campaign/injections/audit.h"
#include "src/campaign/injections/injector.h"

namespace attnguard {

struct CampaignProgress {
  std::uint64_t done = 0, all = 0;  ///< injections
  std::uint64_t kept = 0;           ///< of those done, by an earlier process
  const CoverageTally& so_far;
};

struct ConductOptions {
  std::uint32_t workers = 1;
  std::optional<std::uint64_t> audit;  ///< injections to repeat; see AuditSelection
  std::function<void(const CampaignProgress&)> progress;  ///< may be empty
  std::function<bool()> interrupted;                      ///< may be empty
  Sharding sharding{};                                    ///< how the chunks of the store were cut
  /// Told of a chunk that the store lacks; may throw. Empty: it is resolved.
  std::function<void(const Chunk&)> missing{};
};

/// Injections on which workers died twice, and why; no reason if that was in an earlier process.
using FailedInjections = std::map<std::uint64_t, std::string>;

/// What the stop rule saw when so many injections were resolved.
struct Look {
  std::uint64_t injections = 0;
  CoverageSoFar coverage;
};

struct Conducted {
  CoverageTally tally;
  PairTally pairs;
  ErrorSizeTally error_sizes;
  RecoveryTally recovery;
  std::vector<Look> looks;  ///< empty without a stop rule
  bool met = false;         ///< the rule, at the last of them
  Archive archive;
  AuditResult audit;
  FailedInjections failed;
  std::uint64_t full = 0, differential = 0;  ///< injections by engine
  std::uint64_t kept = 0;                    ///< injections of an earlier process
};

/// Resolves `plan`, which `context` refers to, and cuts it to where the stop rule says. Throws
/// Interrupted when options.interrupted says so; what the store then holds need not be done again.
Conducted conduct(CampaignPlan& plan, const CampaignContext& context, const CampaignConfig& config,
                  const Engines& engines, const ChunkStore& store, const ConductOptions& options);

/// A part of a campaign.
struct ConductedShard {
  std::vector<Chunk> chunks;     ///< all in the store now
  std::uint64_t injections = 0;  ///< in them
  std::uint64_t full = 0;        ///< injections by complete runs
  std::uint64_t kept = 0;        ///< injections of an earlier process
  FailedInjections failed;
};

/// Resolves `shard` of options.sharding, with every look of the plan: when a stop rule is met shows
/// only where the shards come together, and so does the audit. Throws Interrupted as conduct().
ConductedShard conduct_shard(CampaignPlan& plan, const CampaignContext& context,
                             const CampaignConfig& config, const Engines& engines,
                             const ChunkStore& store, std::uint32_t shard,
                             const ConductOptions& options);

/// Throws ModelError that names the injections, if there are any.
void require_none_failed(const FailedInjections& failed);

}  // namespace attnguard
