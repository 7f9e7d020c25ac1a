#include "src/campaign/injections/audit.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <set>

#include "src/campaign/campaign_config.h"
#include "src/campaign/figures/row.h"
#include "src/processes/worker_pool.h"
#include "src/simulation/errors.h"

namespace attnguard {

AuditResult audit(const CampaignContext& context, const Simulate& simulate, const Archive& archive,
                  const std::vector<std::uint64_t>& numbers, bool same_engine,
                  std::uint32_t workers, const std::function<void()>& tick) {
  const auto start = std::chrono::steady_clock::now();
  RowWriter rows(context);
  PoolOptions pool{workers, 1, {}, tick};
  // Whoever died once may have been killed; twice, of a run that the first engine survived, is
  // another result.
  std::set<std::uint64_t> failed;
  pool.failed = [&](std::uint64_t item, const std::string& reason) {
    return failed.insert(item).second ? std::nullopt : std::optional(reason + "\r\n");
  };
  AuditResult result;
  Record record;
  run_in_workers(
      pool, numbers.size(), "audit",
      [&](std::uint64_t item) {
        const Injection injection = context.plan.injection(numbers[item]);
        // What an engine gave is repeated in a process that has run nothing else.
        return WorkResult{rows.row({injection, measure_fully(context, simulate, injection)}),
                          same_engine};
      },
      [&](std::uint64_t item, const std::string& repeated) {
        archive.read(numbers[item], record);
        if (record.measurement.completion == Completion::failed) return;
        ++result.injections;
        const std::string row = rows.row(record);
        if (row != repeated) result.mismatches.push_back({numbers[item], row, repeated});
      });
  result.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

std::string audit_csv(const CampaignContext& context, const AuditResult& result,
                      std::string_view engine) {
  std::string text = "engine," + injections_header(context);
  for (const AuditMismatch& mismatch : result.mismatches)
    text +=
        fmt::format("{},{}{},{}", engine, mismatch.row, enum_name(Engine::full), mismatch.repeated);
  return text;
}

void require_no_mismatch(const AuditResult& result) {
  if (result.mismatches.empty()) return;
  const AuditMismatch& first = result.mismatches.front();
  throw AuditError(fmt::format(
      "injection {} gave another row when repeated:\n  {}  {}{} of {} repeated injections differ",
      first.number, first.row, first.repeated, result.mismatches.size(), result.injections));
}

}  // namespace attnguard
