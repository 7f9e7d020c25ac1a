#include "src/campaign/coverage.h"

#include <algorithm>
#include <tuple>

#include "src/campaign/csv.h"

namespace attnguard {
namespace {

// The effect the same run has at another tolerance.
Effect effect_at(Effect effect, const OutputDifference& difference, double tolerance) {
  if (effect != Effect::sdc && effect != Effect::tolerable) return effect;
  return beyond(difference.max_row_error, difference.nonfinite, tolerance) ? Effect::sdc
                                                                           : Effect::tolerable;
}

constexpr std::size_t kFaultClasses = EnumNames<FaultClass>::names.size();

// An equal weight makes the pooled counts a plain proportion.
bool same_weight(const std::vector<WeightedCounts>& strata) {
  return std::all_of(strata.begin(), strata.end(),
                     [&](const WeightedCounts& s) { return s.weight == strata.front().weight; });
}

}  // namespace

CoverageEstimate estimate_coverage(const std::vector<WeightedCounts>& strata, bool census,
                                   const CampaignConfig& config) {
  CoverageEstimate estimate;
  estimate.coverage = weighted_coverage(strata);
  if (!estimate.coverage) return estimate;
  if (census) {
    estimate.method = "census";
  } else if (!same_weight(strata)) {
    estimate.method = "fay_feuer";
    estimate.interval = fay_feuer(strata, config.confidence);
  } else {
    std::uint64_t detected = 0, dangerous = 0;
    for (const WeightedCounts& s : strata) {
      detected += s.detected;
      dangerous += s.detected + s.undetected;
    }
    estimate.method = enum_name(config.interval);
    estimate.interval = config.interval == IntervalMethod::wilson
                            ? wilson(detected, dangerous, config.confidence)
                            : clopper_pearson(detected, dangerous, config.confidence);
  }
  return estimate;
}

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

CoverageTally::CoverageTally(const CampaignContext& context, const CampaignConfig& config)
    : context_(context),
      config_(config),
      owners_(context),
      tolerances_(reported_tolerances(context.tolerance)),
      cell_of_(context.universe.classes().size() * context.plan.strata().size() * kFaultClasses,
               -1) {}

CoverageTally::Cell& CoverageTally::cell(const Injection& injection) {
  const RegisterId reg = injection.fault.site.reg;
  const FaultClass fault_class = injection.fault_class();
  std::int32_t& index =
      cell_of_[(reg * context_.plan.strata().size() + injection.stratum) * kFaultClasses +
               static_cast<std::size_t>(fault_class)];
  if (index < 0) {
    index = static_cast<std::int32_t>(cells_.size());
    cells_.push_back({reg, injection.stratum, fault_class, 0, {}});
    cells_.back().counts.resize(context_.checkers.size());
    for (Counts& counts : cells_.back().counts) counts.verdicts.resize(tolerances_.size());
  }
  return cells_[static_cast<std::size_t>(index)];
}

void CoverageTally::add(const Record& record) {
  const auto& [injection, measurement] = record;
  const Effect effect = judge_effect(measurement, injection.first_cycle, context_.tolerance);
  ++effects_[static_cast<std::size_t>(effect)];
  if (effect == Effect::not_injected || effect == Effect::sim_error) return;
  Cell& cell = this->cell(injection);
  ++cell.injections;
  for (std::size_t c = 0; c < context_.checkers.size(); ++c) {
    const CheckerMeasurement& checker = measurement.checkers[c];
    const bool alarm = checker.alarm_cycle != kNever;
    Counts& counts = cell.counts[c];
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

// By register class, then stratum: sums of doubles must not depend on who came first.
template <class Chosen>
std::vector<const CoverageTally::Cell*> CoverageTally::chosen_cells(Chosen chosen) const {
  std::vector<const Cell*> cells;
  for (const std::int32_t index : cell_of_)
    if (index >= 0 && chosen(cells_[static_cast<std::size_t>(index)]))
      cells.push_back(&cells_[static_cast<std::size_t>(index)]);
  return cells;
}

// Sums the cells for which chosen(cell) holds; without latencies.
template <class Chosen>
CoverageRow CoverageTally::counted_row(std::size_t checker, std::size_t tolerance, std::string name,
                                       Domain domain, Chosen chosen) const {
  CoverageRow row;
  row.checker = context_.checkers[checker];
  row.site_class = std::move(name);
  row.domain = domain;
  row.tolerance = tolerances_[tolerance];
  std::vector<WeightedCounts> strata;
  double weight = 0;
  for (const Cell* cell : chosen_cells(chosen)) {
    const VerdictCounts& counts = cell->counts[checker].verdicts[tolerance];
    const double w = context_.plan.strata()[cell->stratum].weight;
    row.injections += cell->injections;
    row.counts += counts;
    weight += w * static_cast<double>(cell->injections);
    strata.push_back({w, counts[Verdict::detected], counts[Verdict::undetected]});
  }
  if (row.injections > 0) row.weight = weight / static_cast<double>(row.injections);
  if (domain != Domain::function) return row;

  const CoverageEstimate estimate = estimate_coverage(strata, context_.plan.census(), config_);
  row.coverage = estimate.coverage;
  row.interval = estimate.interval;
  row.method = estimate.method;
  return row;
}

template <class Chosen>
CoverageRow CoverageTally::row(std::size_t checker, std::size_t tolerance, std::string name,
                               Domain domain, Chosen chosen) const {
  CoverageRow row = counted_row(checker, tolerance, std::move(name), domain, chosen);
  if (!row.coverage) return row;
  std::vector<LatencyCounts> latencies;
  for (const Cell* cell : chosen_cells(chosen)) {
    const Counts& counts = cell->counts[checker];
    const VerdictCounts& verdicts = counts.verdicts[tolerance];
    latencies.push_back({context_.plan.strata()[cell->stratum].weight,
                         verdicts[Verdict::detected] + verdicts[Verdict::undetected],
                         histogram(counts.latencies, tolerance)});
  }
  const LatencyDistribution distribution(latencies);
  row.p50 = distribution.quantile(0.50, false);
  row.p95 = distribution.quantile(0.95, false);
  row.p99 = distribution.quantile(0.99, false);
  row.max = distribution.quantile(1, true);
  row.given_detected_p50 = distribution.quantile(0.50, true);
  return row;
}

bool CoverageTally::in_total(RegisterId reg, bool logic, bool sram) const {
  const RegisterClass& cls = context_.universe[reg];
  return cls.domain == Domain::function && (cls.kind == StorageKind::sram ? sram : logic);
}

std::vector<CoverageRow> CoverageTally::totals(std::size_t checker, std::size_t tolerance,
                                               FaultClass fault_class) const {
  std::vector<CoverageRow> rows;
  for (const auto& [name, logic, sram] :
       {std::tuple{"total_logic", true, false}, std::tuple{"total_sram", false, true},
        std::tuple{"total", true, true}}) {
    rows.push_back(row(checker, tolerance, name, Domain::function,
                       [&, logic = logic, sram = sram](const Cell& cell) {
                         return cell.fault_class == fault_class && in_total(cell.reg, logic, sram);
                       }));
    rows.back().fault_class = fault_class;
    for (const PlanClass& cls : context_.plan.classes()) {
      if (!in_total(cls.reg, logic, sram)) continue;
      rows.back().bits += cls.bits;
      rows.back().live_bit_cycles += cls.live_bit_cycles;
    }
  }
  return rows;
}

CoverageRow CoverageTally::total(std::size_t checker) const {
  return totals(checker, 0, context_.plan.fault_classes().front()).back();
}

CoverageSoFar CoverageTally::so_far(std::size_t checker) const {
  const FaultClass first = context_.plan.fault_classes().front();
  const CoverageRow row = counted_row(checker, 0, "total", Domain::function, [&](const Cell& cell) {
    return cell.fault_class == first && in_total(cell.reg, true, true);
  });
  return {row.coverage, row.interval};
}

std::vector<CoverageRow> CoverageTally::class_rows() const {
  std::vector<CoverageRow> rows;
  for (std::size_t c = 0; c < context_.checkers.size(); ++c)
    for (const FaultClass fault_class : context_.plan.fault_classes())
      for (std::size_t t = 0; t < tolerances_.size(); ++t) {
        for (const PlanClass& cls : context_.plan.classes()) {
          const RegisterClass& reg = context_.universe[cls.reg];
          rows.push_back(row(c, t, reg.site_class(), reg.domain, [&](const Cell& cell) {
            return cell.reg == cls.reg && cell.fault_class == fault_class;
          }));
          rows.back().fault_class = fault_class;
          rows.back().bits = cls.bits;
          rows.back().live_bit_cycles = cls.live_bit_cycles;
        }
        for (CoverageRow& total : totals(c, t, fault_class)) rows.push_back(std::move(total));
      }
  return rows;
}

std::vector<CoverageRow> CoverageTally::stratum_rows() const {
  std::vector<CoverageRow> rows;
  const std::vector<PlanStratum>& strata = context_.plan.strata();
  for (std::size_t c = 0; c < context_.checkers.size(); ++c)
    for (const FaultClass fault_class : context_.plan.fault_classes())
      for (std::uint32_t h = 0; h < strata.size(); ++h) {
        // A sampled stratum has one class; those of a list are shown for every class listed.
        if (!context_.plan.census() && context_.plan.fault_class(h) != fault_class) continue;
        rows.push_back(row(c, 0, strata[h].name, strata[h].domain, [&](const Cell& cell) {
          return cell.stratum == h && cell.fault_class == fault_class;
        }));
        rows.back().fault_class = fault_class;
        rows.back().live_bit_cycles = strata[h].live_bit_cycles;
      }
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
    line.add(row.counts.nonfinite_alarms).add(row.coverage);
    if (row.interval) {
      line.add(row.interval->low).add(row.interval->high).add(confidence);
    } else {
      line.skip(3);
    }
    line.add(row.method)
        .add(row.p50)
        .add(row.p95)
        .add(row.p99)
        .add(row.max)
        .add(row.given_detected_p50);
    text += line.str();
  }
  return text;
}

}  // namespace attnguard
