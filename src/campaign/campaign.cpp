#include "src/campaign/campaign.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "src/campaign/differential/make_engine.h"
#include "src/campaign/figures/result_files.h"
#include "src/campaign/identity.h"
#include "src/campaign/open_campaign.h"
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

// Seconds per injection, from those of the first group among some that are spread over the plan.
double time_sample(const CampaignContext& context, DifferentialEngine& engine,
                   double complete_run_s) {
  const CampaignPlan& plan = context.plan;
  constexpr std::uint64_t kSample = 400;
  engine.load(0);
  Measurement measurement;
  std::uint64_t timed = 0, full = 0;
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < std::min(kSample, plan.size()); ++i) {
    const Injection injection = plan.injection(i * plan.size() / std::min(kSample, plan.size()));
    const Assignment assignment = engine.assign(injection);
    full += assignment.full;
    if (assignment.full || assignment.group != 0) continue;
    engine.measure(injection, measurement);
    measure_recovery(context, injection, measurement);
    ++timed;
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  const double differential_s = timed > 0 ? taken.count() / static_cast<double>(timed) : 0;
  const double full_share =
      static_cast<double>(full) / static_cast<double>(std::min(kSample, plan.size()));
  return full_share * complete_run_s + (1 - full_share) * differential_s;
}

}  // namespace

CampaignSummary summarise(const CampaignSession& session, const Conducted& conducted) {
  const CoverageTally& tally = conducted.tally;
  CampaignSummary summary;
  summary.injections = session.plan().size();
  summary.planned = session.plan().looks().back();
  summary.stop_met = conducted.met;
  for (std::size_t e = 0; e < tally.effects().size(); ++e)
    summary.effects[std::string(EnumNames<Effect>::names[e].second)] = tally.effects()[e];
  for (std::size_t c = 0; c < session.context().checkers.size(); ++c)
    summary.checkers.push_back(summarise(tally.total(c)));
  summary.coverage = tally.class_rows();
  for (const PlanStratum& stratum : session.plan().strata())
    summary.undrawn_strata += stratum.domain == Domain::function && stratum.draws == 0;
  if (session.context().recovery) summary.recovery = conducted.recovery.summary();
  summary.golden = session.golden();
  summary.full = conducted.full;
  summary.differential = conducted.differential;
  summary.audit = conducted.audit;
  summary.failed = conducted.failed;
  return summary;
}

CampaignSummary run_campaign(const Prepared& prepared, const CampaignOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  OpenCampaign campaign(prepared, options, campaign_identity(prepared));
  CampaignSession& session = campaign.session;
  campaign.how.audit = options.audit;
  const Conducted conducted =
      conduct(session.plan(), session.context(), prepared.config.campaign,
              {session.simulate(), campaign.engine.get()}, *campaign.store, campaign.how);

  CampaignSummary summary = summarise(session, conducted);
  summary.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() -
                   summary.audit.wall_s;
  campaign.folder.publish([&](const std::filesystem::path& results) {
    write_results(results, prepared, session, conducted, summary,
                  {summary.wall_s, session.golden_wall_s(), campaign.how.workers});
    if (options.write_faults) write_fault_list(results / "faults.csv", session.context());
  });
  return summary;
}

void require_sound(const CampaignSummary& summary) {
  require_no_mismatch(summary.audit);
  require_none_failed(summary.failed);
}

CampaignForecast forecast_campaign(const Prepared& prepared, const CampaignOptions& options) {
  CampaignSession session(prepared);
  const CampaignPlan& plan = session.plan();
  CampaignForecast forecast;
  forecast.injections = plan.size();
  forecast.looks = plan.looks();
  forecast.strata = plan.strata();
  forecast.census = plan.census();
  forecast.golden_cycles = session.golden().cycles;
  forecast.golden_wall_s = session.golden_wall_s();
  forecast.workers = worker_count(options.workers);
  forecast.memory_bytes = plan.memory_bytes();
  // With recovery at most every injection is run once more.
  const double complete_run_s = forecast.golden_wall_s * (session.context().recovery ? 2 : 1);
  double seconds_each = complete_run_s;
  if (const auto engine = make_engine(prepared, session, options.memory_bytes)) {
    forecast.golden_memory = {engine->golden_bytes(), options.memory_bytes};
    seconds_each = time_sample(session.context(), *engine, complete_run_s);
  }
  forecast.expected_s =
      forecast.golden_wall_s + seconds_each * static_cast<double>(plan.size()) / forecast.workers;
  return forecast;
}

}  // namespace attnguard
