#include "src/campaign/conduct.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/simulation/errors.h"

namespace attnguard {
namespace {

constexpr std::uint64_t kAuditInterval = 1000;

// Complete runs are the reference: repeating some tells whether a process remembers its past.
std::vector<std::uint64_t> every_thousandth(std::uint64_t injections) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t number = 0; number < injections; number += kAuditInterval)
    numbers.push_back(number);
  return numbers;
}

bool by_query_tile(const Engines& engines) {
  return engines.differential != nullptr && engines.differential->by_query_tile();
}

}  // namespace

Conducted conduct(CampaignPlan& plan, const CampaignContext& context, const CampaignConfig& config,
                  const Engines& engines, const ChunkStore& store, const ConductOptions& options) {
  plan.cut(0);
  AuditSelection selection(options.audit);
  WorkOrder order(plan, engines.differential, selection, by_query_tile(engines), options.sharding);
  CoverageTally tally(context, config);
  PairTally pairs(context, config);
  ErrorSizeTally error_sizes(context, config);
  RecoveryTally recovery(context, config);
  FailedInjections failed;
  CampaignProgress progress{0, plan.size(), 0, tally};
  Injector injector(
      context, engines, order, store, options.workers, options.interrupted,
      [&](const Record& record, bool kept) {
        tally.add(record);
        pairs.add(record);
        error_sizes.add(record);
        recovery.add(record);
        if (record.measurement.completion == Completion::failed)
          failed[record.injection.number] = "";
        ++progress.done;
        progress.kept += kept;
        if (options.progress) options.progress(progress);
      },
      options.missing);
  std::vector<Look> looks;
  bool met = false;
  for (std::size_t look = 0;;) {
    injector.run();
    if (config.stop) {
      const auto checker =
          std::find(context.checkers.begin(), context.checkers.end(), config.stop->checker);
      looks.push_back({plan.size(),
                       tally.so_far(static_cast<std::size_t>(checker - context.checkers.begin()))});
      met = narrow_enough(looks.back().coverage.interval, config.stop->half_width);
    }
    if (met || ++look == plan.looks().size()) break;
    plan.cut(look);
    order.extend();
    progress.all = plan.size();
  }
  for (const auto& [number, reason] : injector.reasons()) failed[number] = reason;
  const std::uint64_t all = plan.size();

  const bool by_interval = engines.differential == nullptr && !options.audit;
  Archive archive(store, order);
  AuditResult audited = audit(context, engines.full, archive,
                              by_interval ? every_thousandth(all) : selection.numbers(),
                              engines.differential == nullptr, options.workers, [&] {
                                if (options.interrupted && options.interrupted())
                                  throw Interrupted(all, all);
                              });
  return {std::move(tally),    std::move(pairs),   std::move(error_sizes),
          std::move(recovery), std::move(looks),   met,
          std::move(archive),  std::move(audited), std::move(failed),
          order.full(),        all - order.full(), progress.kept};
}

ConductedShard conduct_shard(CampaignPlan& plan, const CampaignContext& context,
                             const CampaignConfig& config, const Engines& engines,
                             const ChunkStore& store, std::uint32_t shard,
                             const ConductOptions& options) {
  plan.cut(0);
  AuditSelection none(0);
  WorkOrder order(plan, engines.differential, none, by_query_tile(engines), options.sharding,
                  shard);
  for (std::size_t look = 1; look < plan.looks().size(); ++look) {
    plan.cut(look);
    order.extend();
  }
  ConductedShard conducted{order.chunks(), order.injections(), order.full(), 0, {}};
  CoverageTally tally(context, config);
  CampaignProgress progress{0, order.injections(), 0, tally};
  Injector injector(context, engines, order, store, options.workers, options.interrupted,
                    [&](const Record& record, bool kept) {
                      tally.add(record);
                      if (record.measurement.completion == Completion::failed)
                        conducted.failed[record.injection.number] = "";
                      ++progress.done;
                      progress.kept += kept;
                      if (options.progress) options.progress(progress);
                    });
  injector.run();
  for (const auto& [number, reason] : injector.reasons()) conducted.failed[number] = reason;
  conducted.kept = progress.kept;
  return conducted;
}

void require_none_failed(const FailedInjections& failed) {
  if (failed.empty()) return;
  std::string text;
  for (const auto& [number, reason] : failed)
    text += fmt::format("{}injection {} failed twice{}{}", text.empty() ? "" : "\n  ", number,
                        reason.empty() ? "" : ": ", reason);
  throw ModelError(text);
}

}  // namespace attnguard
