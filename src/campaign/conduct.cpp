#include "src/campaign/conduct.h"

#include <fmt/format.h>

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

}  // namespace

Conducted conduct(const CampaignContext& context, const CampaignConfig& config,
                  const Engines& engines, const ChunkStore& store, const ConductOptions& options) {
  AuditSelection selection(options.audit);
  const bool by_query_tile =
      engines.differential != nullptr && engines.differential->by_query_tile();
  const WorkOrder order(context.plan, engines.differential, selection, by_query_tile);
  const std::uint64_t all = context.plan.size();
  CoverageTally tally(context, config);
  FailedInjections failed;
  CampaignProgress progress{0, context.plan.size(), 0, tally};
  Injector injector(context, engines, order, store, options.workers, options.interrupted,
                    [&](const Record& record, bool kept) {
                      tally.add(record);
                      if (record.measurement.completion == Completion::failed)
                        failed[record.injection.number] = "";
                      ++progress.done;
                      progress.kept += kept;
                      if (options.progress) options.progress(progress);
                    });
  injector.run();
  for (const auto& [number, reason] : injector.reasons()) failed[number] = reason;

  const bool by_interval = engines.differential == nullptr && !options.audit;
  Archive archive(store, order);
  AuditResult audited = audit(context, engines.full, archive,
                              by_interval ? every_thousandth(all) : selection.numbers(),
                              engines.differential == nullptr, options.workers, [&] {
                                if (options.interrupted && options.interrupted())
                                  throw Interrupted(all, all);
                              });
  return {std::move(tally), std::move(archive), std::move(audited), std::move(failed),
          order.full(),     all - order.full(), progress.kept};
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
