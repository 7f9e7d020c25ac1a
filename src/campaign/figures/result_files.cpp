#include "src/campaign/figures/result_files.h"

#include <sys/resource.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "src/campaign/faults/fault_list.h"
#include "src/campaign/figures/fmeda.h"
#include "src/campaign/figures/latency_curve.h"
#include "src/campaign/figures/row.h"
#include "src/config/or_null.h"
#include "src/files/output_file.h"
#include "src/processes/worker_pool.h"

namespace attnguard {
namespace {

using Json = nlohmann::ordered_json;

struct Resources {
  double cpu_s = 0;
  std::uint64_t peak_memory_bytes = 0;  ///< resident; pages that processes share count in each
};
// So far, of this process or of its workers that ended: CPU time of all, memory of the largest.
Resources resources(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return {seconds(usage.ru_utime) + seconds(usage.ru_stime),
          static_cast<std::uint64_t>(usage.ru_maxrss) * 1024};
}

Json checkers_json(const CampaignSummary& summary) {
  Json checkers = Json::object();
  for (const CheckerSummary& checker : summary.checkers)
    checkers[checker.name] = {{"detected", checker.detected},
                              {"undetected", checker.undetected},
                              {"safe_detected", checker.safe_detected},
                              {"benign", checker.benign},
                              {"not_applicable", checker.not_applicable},
                              {"coverage", or_null(checker.coverage)},
                              {"ci_low", or_null(checker.ci_low)},
                              {"ci_high", or_null(checker.ci_high)},
                              {"latency_cycles",
                               {{"p50", or_null(checker.latency_p50_cycles)},
                                {"p95", or_null(checker.latency_p95_cycles)},
                                {"p99", or_null(checker.latency_p99_cycles)},
                                {"max", or_null(checker.latency_max_cycles)}}}};
  return checkers;
}

Json stop_json(const StopConfig& rule, const Conducted& conducted) {
  Json looks = Json::array();
  for (const Look& look : conducted.looks) {
    const CoverageSoFar& seen = look.coverage;
    Json json = {{"injections", look.injections}, {"coverage", or_null(seen.coverage)}};
    json["ci_low"] = seen.interval ? Json(seen.interval->low) : Json();
    json["ci_high"] = seen.interval ? Json(seen.interval->high) : Json();
    looks.push_back(std::move(json));
  }
  return {{"checker", rule.checker},
          {"half_width", rule.half_width},
          {"looks", rule.looks},
          {"seen", std::move(looks)},
          {"met", conducted.met}};
}

Json fault_free_json(const CampaignContext& context, double confidence) {
  Json checkers = Json::object();
  for (std::size_t c = 0; c < context.checkers.size(); ++c) {
    const std::vector<Check>& checks = context.golden.checkers[c].checks;
    const auto alarms = static_cast<std::uint64_t>(std::count_if(
        checks.begin(), checks.end(), [](const Check& check) { return check.alarm; }));
    checkers[context.checkers[c]] = {
        {"checks", checks.size()},
        {"alarms", alarms},
        {"alarm_rate_ci_high", rate_upper_bound(alarms, checks.size(), confidence)}};
  }
  return checkers;
}

Json quantiles_json(const RecoveryQuantiles& cycles) {
  return {{"p50", or_null(cycles.p50)}, {"p99", or_null(cycles.p99)}, {"max", or_null(cycles.max)}};
}

Json recovery_json(const Prepared& prepared, const RecoverySummary& summary) {
  const RecoveryConfig& config = *prepared.config.recovery;
  Json outcomes = Json::object(), classes = Json::object();
  for (const auto& [outcome, name] : EnumNames<RecoveryOutcome>::names)
    if (outcome != RecoveryOutcome::none) outcomes[std::string(name)] = summary[outcome];
  for (const RecoveryFigures& figures : summary.classes) {
    const std::optional<Interval>& interval = figures.recovered.interval;
    classes[std::string(enum_name(figures.fault_class))] = {
        {"detected_sdc", figures.detected_sdc},
        {"recovered_sdc", figures.recovered_sdc},
        {"tolerable_sdc", figures.tolerable_sdc},
        {"share_recovered", or_null(figures.recovered.share)},
        {"ci_low", interval ? Json(interval->low) : Json(nullptr)},
        {"ci_high", interval ? Json(interval->high) : Json(nullptr)},
        {"extra_cycles", quantiles_json(figures.extra_cycles)},
        {"cycles_to_recover", quantiles_json(figures.cycles_to_recover)}};
  }
  return {{"policy", enum_name(config.policy)},
          {"retries", config.retries},
          {"abort_cycles", config.abort_cycles},
          {"outcomes", outcomes},
          {"fault_classes", classes}};
}

// Of a process that resolved `here` injections.
Json timing_json(const CampaignTiming& timing, std::uint64_t here, std::uint64_t full,
                 std::uint64_t differential) {
  const double rate = timing.wall_s > 0 ? static_cast<double>(here) / timing.wall_s : 0;
  const Resources self = resources(RUSAGE_SELF), workers = resources(RUSAGE_CHILDREN);
  return {{"wall_s", timing.wall_s},
          {"injections_per_s", rate},
          {"injections_per_s_per_worker", rate / timing.workers},
          {"workers", timing.workers},
          {"golden_wall_s", timing.golden_wall_s},
          {"cpu_s", self.cpu_s},
          {"worker_cpu_s", workers.cpu_s},
          {"peak_memory_bytes", self.peak_memory_bytes},
          {"worker_peak_memory_bytes", workers.peak_memory_bytes},
          {"engine_shares", {{"full", full}, {"differential", differential}}}};
}

}  // namespace

void write_results(const std::filesystem::path& folder, const Prepared& prepared,
                   const CampaignSession& session, const Conducted& conducted,
                   const CampaignSummary& summary, const CampaignTiming& timing) {
  const CampaignConfig& config = prepared.config.campaign;
  const AuditResult& audit = summary.audit;
  write_rows(folder / "injections.csv", session.context(), conducted.archive, timing.workers);
  write_text(folder / "coverage.csv",
             coverage_csv(summary.coverage, "site_class", config.confidence));
  write_text(folder / "strata.csv",
             coverage_csv(conducted.tally.stratum_rows(), "stratum", config.confidence));
  write_text(folder / "paired.csv", conducted.pairs.csv());
  write_text(folder / "error_size.csv", conducted.error_sizes.csv());
  write_text(folder / "latency.csv", latency_csv(session.context(), conducted.tally, config));
  if (config.safety)
    write_text(
        folder / "fmeda.csv",
        fmeda_csv(failure_modes(session.context(), conducted.tally, config,
                                prepared.config.accelerator.clock_mhz),
                  session.plan().census() ? std::nullopt : std::optional(config.confidence)));

  Json json = result_header(prepared);
  json["engine"] = enum_name(config.engine);
  json["injections"] = summary.injections;
  if (config.stop) json["stop"] = stop_json(*config.stop, conducted);
  json["effects"] = summary.effects;
  if (session.context().protected_buffers) {
    const CodeReads& reads = conducted.tally.code_reads();
    json["code_word_reads"] = {{"corrected", reads.corrected},
                               {"detected", reads.detected},
                               {"miscorrected", reads.miscorrected},
                               {"missed", reads.missed}};
  }
  json["checkers"] = checkers_json(summary);
  json["fault_free"] = fault_free_json(session.context(), config.confidence);
  if (summary.recovery) json["recovery"] = recovery_json(prepared, *summary.recovery);
  json["audit"] = {{"injections", audit.injections},
                   {"mismatches", audit.mismatches.size()},
                   {"mismatch_ci_high", rate_upper_bound(audit.mismatches.size(), audit.injections,
                                                         config.confidence)}};
  write_json(folder / "summary.json", json);

  Json times =
      timing_json(timing, summary.injections - conducted.kept, summary.full, summary.differential);
  times["audit_wall_s"] = audit.wall_s;
  write_json(folder / "timing.json", times);
  write_json(folder / "config.json", prepared.effective);
  if (!audit.mismatches.empty())
    write_text(folder / "audit.csv", audit_csv(session.context(), audit, enum_name(config.engine)));
}

void write_shard_results(const std::filesystem::path& folder, const Prepared& prepared,
                         const ConductedShard& conducted, const CampaignTiming& timing) {
  write_json(folder / "timing.json",
             timing_json(timing, conducted.injections - conducted.kept, conducted.full,
                         conducted.injections - conducted.full));
  write_json(folder / "config.json", prepared.effective);
}

void write_fault_list(const std::filesystem::path& file, const CampaignContext& context) {
  OutputFile list(file);
  list << fault_list_header();
  for (std::uint64_t number = 0; number < context.plan.size(); ++number)
    list << fault_list_rows(context.universe, context.plan.injection(number));
  list.finish();
}

// Making the text takes as long as counting and sorting together, so the workers share it.
void write_rows(const std::filesystem::path& file, const CampaignContext& context,
                const Archive& archive, std::uint32_t workers) {
  constexpr std::uint64_t kBlock = 8192;
  OutputFile table(file);
  table << injections_header(context);
  const auto text_of = [&](std::uint64_t block) {
    RowWriter rows(context);
    fmt::memory_buffer text;
    Record record;
    const std::uint64_t end = std::min(archive.size(), (block + 1) * kBlock);
    for (std::uint64_t number = block * kBlock; number < end; ++number) {
      archive.read(number, record);
      rows.append(record, text);
    }
    return WorkResult{fmt::to_string(text), false};
  };
  run_in_workers({workers, 1}, (archive.size() + kBlock - 1) / kBlock, "rows of block", text_of,
                 [&](std::uint64_t, const std::string& text) { table << text; });
  table.finish();
}

}  // namespace attnguard
