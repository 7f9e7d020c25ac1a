#include "src/campaign/figures/coverage.h"

#include <algorithm>

#include "src/campaign/figures/estimate.h"
#include "src/files/csv.h"

namespace attnguard {
namespace {

// The effect the same run has at another tolerance.
Effect effect_at(Effect effect, const OutputDifference& difference, double tolerance) {
  if (effect != Effect::sdc && effect != Effect::tolerable) return effect;
  return beyond(difference.max_row_error, difference.nonfinite, tolerance) ? Effect::sdc
                                                                           : Effect::tolerable;
}

}  // namespace

VerdictCounts& VerdictCounts::operator+=(const VerdictCounts& other) {
  for (std::size_t i = 0; i < by_verdict.size(); ++i) by_verdict[i] += other.by_verdict[i];
  nonfinite_alarms += other.nonfinite_alarms;
  return *this;
}

std::vector<double> reported_tolerances(double configured) {
  std::vector<double> tolerances{configured};
  for (const double fixed : {0.0, 0.001, 0.01})
    if (fixed != configured) tolerances.push_back(fixed);
  return tolerances;
}

CoverageTally::Counts CoverageTally::no_counts(std::size_t checkers, std::size_t tolerances) {
  CheckerCounts none;
  none.verdicts.resize(tolerances);
  return {0, std::vector<CheckerCounts>(checkers, none)};
}

CoverageTally::CoverageTally(const CampaignContext& context, const CampaignConfig& config)
    : context_(context),
      config_(config),
      owners_(context),
      tolerances_(reported_tolerances(context.tolerance)),
      cells_(context, no_counts(context.checkers.size(), tolerances_.size())) {}

void CoverageTally::add(const Record& record) {
  const auto& [injection, measurement] = record;
  const Effect effect = judge_effect(measurement, injection.first_cycle, context_.tolerance);
  ++effects_[static_cast<std::size_t>(effect)];
  code_reads_ += measurement.code_reads;
  if (effect == Effect::not_injected || effect == Effect::sim_error) return;
  Counts& cell = cells_.of(injection);
  ++cell.injections;
  for (std::size_t c = 0; c < context_.checkers.size(); ++c) {
    const CheckerMeasurement& checker = measurement.checkers[c];
    const bool alarm = checker.alarm_cycle != kNever;
    CheckerCounts& counts = cell.checkers[c];
    ToleranceSet detected = 0;
    for (std::size_t t = 0; t < tolerances_.size(); ++t) {
      const Effect at = effect_at(effect, measurement.difference, tolerances_[t]);
      const Verdict verdict = judge(owners_(injection.fault.site.reg, c), at, alarm);
      ++counts.verdicts[t].by_verdict[static_cast<std::size_t>(verdict)];
      if (verdict != Verdict::detected) continue;
      counts.verdicts[t].nonfinite_alarms += checker.alarm_is_nonfinite;
      detected |= static_cast<ToleranceSet>(1U << t);
    }
    if (detected != 0)
      counts.latencies.push_back({checker.alarm_cycle - injection.first_cycle, detected});
  }
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> CoverageTally::histogram(
    const std::vector<Latency>& latencies, std::size_t tolerance) {
  std::vector<std::uint64_t> cycles;
  for (const Latency& latency : latencies)
    if ((latency.dangerous >> tolerance & 1U) != 0) cycles.push_back(latency.cycles);
  std::sort(cycles.begin(), cycles.end());
  std::vector<std::pair<std::uint64_t, std::uint64_t>> histogram;
  for (const std::uint64_t value : cycles) {
    if (histogram.empty() || histogram.back().first != value) histogram.emplace_back(value, 0);
    ++histogram.back().second;
  }
  return histogram;
}

CoverageRow CoverageTally::counted_row(std::size_t checker, std::size_t tolerance,
                                       const SiteGroup& group) const {
  CoverageRow row;
  row.checker = context_.checkers[checker];
  row.site_class = group.name;
  row.domain = group.domain;
  row.fault_class = group.fault_class;
  row.tolerance = tolerances_[tolerance];
  row.bits = group.bits;
  row.live_bit_cycles = group.live_bit_cycles;
  std::vector<WeightedCounts> strata;
  double weight = 0;
  for (const auto* cell : cells_.chosen(group)) {
    const VerdictCounts& counts = cell->counts.checkers[checker].verdicts[tolerance];
    const double w = context_.plan.strata()[cell->stratum].weight;
    row.injections += cell->counts.injections;
    row.counts += counts;
    weight += w * static_cast<double>(cell->counts.injections);
    strata.push_back({w, counts[Verdict::detected], counts[Verdict::undetected]});
  }
  if (row.injections > 0) row.weight = weight / static_cast<double>(row.injections);
  if (group.domain != Domain::function) return row;
  const Estimate coverage = estimate(strata, context_.plan.census(), config_);
  row.coverage = coverage.share;
  row.interval = coverage.interval;
  row.method = coverage.method;
  return row;
}

CoverageRow CoverageTally::row(std::size_t checker, std::size_t tolerance,
                               const SiteGroup& group) const {
  CoverageRow row = counted_row(checker, tolerance, group);
  if (!row.coverage) return row;
  const LatencyDistribution distribution(latencies(checker, tolerance, group));
  row.p50 = distribution.quantile(0.50, false);
  row.p95 = distribution.quantile(0.95, false);
  row.p99 = distribution.quantile(0.99, false);
  row.max = distribution.quantile(1, true);
  row.given_detected_p50 = distribution.quantile(0.50, true);
  return row;
}

std::vector<LatencyCounts> CoverageTally::latencies(std::size_t checker, std::size_t tolerance,
                                                    const SiteGroup& group) const {
  std::vector<LatencyCounts> latencies;
  for (const auto* cell : cells_.chosen(group)) {
    const CheckerCounts& counts = cell->counts.checkers[checker];
    const VerdictCounts& verdicts = counts.verdicts[tolerance];
    latencies.push_back({context_.plan.strata()[cell->stratum].weight,
                         verdicts[Verdict::detected] + verdicts[Verdict::undetected],
                         histogram(counts.latencies, tolerance)});
  }
  return latencies;
}

SiteGroup CoverageTally::total_of_first_class() const {
  return totals(context_, context_.plan.fault_classes().front()).back();
}

CoverageRow CoverageTally::total(std::size_t checker) const {
  return row(checker, 0, total_of_first_class());
}

CoverageSoFar CoverageTally::so_far(std::size_t checker) const {
  const CoverageRow row = counted_row(checker, 0, total_of_first_class());
  return {row.coverage, row.interval};
}

std::vector<CoverageRow> CoverageTally::class_rows() const {
  std::vector<CoverageRow> rows;
  for (std::size_t c = 0; c < context_.checkers.size(); ++c)
    for (const FaultClass fault_class : context_.plan.fault_classes())
      for (std::size_t t = 0; t < tolerances_.size(); ++t) {
        for (const SiteGroup& group : site_classes(context_, fault_class))
          rows.push_back(row(c, t, group));
        for (const SiteGroup& group : totals(context_, fault_class))
          rows.push_back(row(c, t, group));
      }
  return rows;
}

std::vector<CoverageRow> CoverageTally::stratum_rows() const {
  std::vector<CoverageRow> rows;
  for (std::size_t c = 0; c < context_.checkers.size(); ++c)
    for (const FaultClass fault_class : context_.plan.fault_classes())
      for (const SiteGroup& group : strata(context_, fault_class)) rows.push_back(row(c, 0, group));
  return rows;
}

std::string coverage_csv(const std::vector<CoverageRow>& rows, const std::string& group_column,
                         double confidence) {
  CsvLine header;
  header.add("checker").add(group_column);
  for (const char* column : {"domain",
                             "fault_class",
                             "tolerance",
                             "bits",
                             "live_bit_cycles",
                             "weight",
                             "injections",
                             "detected",
                             "undetected",
                             "safe_detected",
                             "spurious_alarms",
                             "benign",
                             "not_applicable",
                             "nonfinite_alarms",
                             "coverage",
                             "ci_low",
                             "ci_high",
                             "confidence",
                             "ci_method",
                             "latency_p50_cycles",
                             "latency_p95_cycles",
                             "latency_p99_cycles",
                             "latency_max_cycles",
                             "latency_given_detected_p50_cycles"})
    header.add(column);
  std::string text = header.str();
  for (const CoverageRow& row : rows) {
    CsvLine line;
    line.add(row.checker)
        .add(row.site_class)
        .add(row.domain == Domain::function ? "function" : "safety_mechanism");
    line.add(enum_name(row.fault_class)).add(row.tolerance);
    // A stratum holds some bits of many registers: its size is its live bit-cycles.
    line.add(row.bits > 0 ? std::optional(row.bits) : std::nullopt);
    line.add(row.live_bit_cycles).add(row.weight).add(row.injections);
    for (const Verdict verdict :
         {Verdict::detected, Verdict::undetected, Verdict::safe_detected, Verdict::spurious_alarm,
          Verdict::benign, Verdict::not_applicable})
      line.add(row.counts[verdict]);
    line.add(row.counts.nonfinite_alarms);
    add_estimate(line, {row.coverage, row.interval, row.method}, confidence);
    line.add(row.p50).add(row.p95).add(row.p99).add(row.max).add(row.given_detected_p50);
    text += line.str();
  }
  return text;
}

}  // namespace attnguard
