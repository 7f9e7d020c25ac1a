#include "src/campaign/campaign.h"

#include <chrono>
#include <fstream>
#include <stdexcept>

#include "src/campaign/injector.h"
#include "src/campaign/result_files.h"
#include "src/campaign/session.h"

namespace attnguard {
namespace {

CheckerSummary summarise(const CoverageRow& total) {
  CheckerSummary summary;
  summary.name = total.checker;
  summary.detected = total.counts[Verdict::detected];
  summary.undetected = total.counts[Verdict::undetected];
  summary.safe_detected = total.counts[Verdict::safe_detected];
  summary.benign = total.counts[Verdict::benign];
  summary.spurious_alarms = total.counts[Verdict::spurious_alarm];
  summary.not_applicable = total.counts[Verdict::not_applicable];
  summary.coverage = total.coverage;
  if (total.interval) {
    summary.ci_low = total.interval->low;
    summary.ci_high = total.interval->high;
  }
  summary.latency_p50_cycles = total.p50;
  summary.latency_p95_cycles = total.p95;
  summary.latency_p99_cycles = total.p99;
  summary.latency_max_cycles = total.max;
  return summary;
}

}  // namespace

CampaignSummary run_campaign(const Prepared& prepared, const CampaignOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  CampaignSession session(prepared);
  const CampaignContext& context = session.context();
  const std::uint32_t workers = worker_count(options.workers);
  CoverageTally tally(context, prepared.config.campaign);

  const std::filesystem::path csv_file = options.out / "injections.csv";
  std::ofstream csv;
  if (!options.out.empty()) {
    csv.open(csv_file, std::ios::binary);
    if (!csv.is_open()) throw std::runtime_error("cannot write " + csv_file.string());
    csv << injections_header(context);
  }
  const std::uint64_t audited = inject_all(
      context, session.resolve(), workers,
      [&](const Injection& injection, const InjectionRecord& record) {
        tally.add(injection, record);
        if (csv.is_open()) csv << record.row;
        if (options.progress) options.progress(injection.number + 1, session.plan().size());
      },
      session.simulate());
  if (csv.is_open() && !csv.flush()) throw std::runtime_error("cannot write " + csv_file.string());

  CampaignSummary summary;
  summary.injections = session.plan().size();
  for (std::size_t e = 0; e < tally.effects().size(); ++e)
    summary.effects[std::string(EnumNames<Effect>::names[e].second)] = tally.effects()[e];
  for (std::size_t c = 0; c < context.checkers.size(); ++c)
    summary.checkers.push_back(summarise(tally.total(c)));
  summary.coverage = tally.class_rows();
  for (const PlanStratum& stratum : session.plan().strata())
    summary.undrawn_strata += stratum.domain == Domain::function && stratum.draws == 0;
  summary.golden = session.golden();
  summary.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!options.out.empty())
    write_results(options.out, prepared, session, tally, summary, audited,
                  {summary.wall_s, session.golden_wall_s(), workers});
  return summary;
}

CampaignForecast forecast_campaign(const Prepared& prepared, const CampaignOptions& options) {
  const CampaignSession session(prepared);
  const CampaignPlan& plan = session.plan();
  return {plan.size(),
          plan.strata(),
          plan.census(),
          session.golden().cycles,
          session.golden_wall_s(),
          worker_count(options.workers),
          plan.memory_bytes()};
}

}  // namespace attnguard
