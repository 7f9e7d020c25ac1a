#include "src/campaign/figures/paired.h"

#include "src/files/csv.h"

namespace attnguard {

PairTally::PairTally(const CampaignContext& context, const CampaignConfig& config)
    : context_(context),
      config_(config),
      cells_(context,
             {0, std::vector<std::uint64_t>(context.checkers.size()),
              std::vector<std::uint64_t>(context.checkers.size() * context.checkers.size())}),
      alarms_(context.checkers.size()) {}

void PairTally::add(const Record& record) {
  const auto& [injection, measurement] = record;
  if (context_.universe[injection.fault.site.reg].domain != Domain::function) return;
  const Effect effect = judge_effect(measurement, injection.first_cycle, context_.tolerance);
  Counts& counts = cells_.of(injection);  // also of a harmless fault: its stratum was drawn
  if (!dangerous(effect)) return;
  ++counts.dangerous;
  const std::size_t checkers = alarms_.size();
  for (std::size_t c = 0; c < checkers; ++c)
    alarms_[c] = measurement.checkers[c].alarm_cycle != kNever;
  for (std::size_t a = 0; a < checkers; ++a) {
    if (!alarms_[a]) continue;
    ++counts.detected[a];
    for (std::size_t b = 0; b < checkers; ++b) counts.only[a * checkers + b] += !alarms_[b];
  }
}

std::vector<PairedCounts> PairTally::counts(std::size_t a, std::size_t b,
                                            const SiteGroup& group) const {
  std::vector<PairedCounts> strata;
  const std::size_t checkers = alarms_.size();
  for (const auto* cell : cells_.chosen(group)) {
    const Counts& c = cell->counts;
    const std::uint64_t only_a = c.only[a * checkers + b], only_b = c.only[b * checkers + a];
    strata.push_back({context_.plan.strata()[cell->stratum].weight, c.detected[a] - only_a, only_a,
                      only_b, c.dangerous - c.detected[a] - only_b});
  }
  return strata;
}

std::string PairTally::row(std::size_t a, std::size_t b, const SiteGroup& group) const {
  const std::vector<PairedCounts> strata = counts(a, b, group);
  PairedCounts sum;
  for (const PairedCounts& s : strata) {
    sum.both += s.both;
    sum.only_a += s.only_a;
    sum.only_b += s.only_b;
    sum.neither += s.neither;
  }
  CsvLine line;
  line.add(context_.checkers[a]).add(context_.checkers[b]).add(group.name);
  line.add(enum_name(group.fault_class)).add(context_.tolerance);
  line.add(sum.both + sum.only_a + sum.only_b + sum.neither);
  line.add(sum.both).add(sum.only_a).add(sum.only_b).add(sum.neither);
  const auto difference = paired_difference(strata, config_.confidence);
  if (!difference) return line.skip(6).str();
  line.add(difference->difference);
  if (context_.plan.census()) return line.skip(5).str();
  line.add(difference->standard_error)
      .add(difference->interval.low)
      .add(difference->interval.high)
      .add(config_.confidence);
  return line.add(mcnemar(sum.only_a, sum.only_b)).str();
}

std::string PairTally::csv() const {
  CsvLine header;
  for (const char* column : {"checker_a", "checker_b", "stratum", "fault_class", "tolerance",
                             "dangerous", "both", "only_a", "only_b", "neither", "difference",
                             "standard_error", "ci_low", "ci_high", "confidence", "mcnemar_p"})
    header.add(column);
  std::string text = header.str();
  for (const FaultClass fault_class : context_.plan.fault_classes())
    for (std::size_t a = 0; a < context_.checkers.size(); ++a)
      for (std::size_t b = a + 1; b < context_.checkers.size(); ++b) {
        for (const SiteGroup& group : strata(context_, fault_class))
          if (group.domain == Domain::function) text += row(a, b, group);
        for (const SiteGroup& group : totals(context_, fault_class)) text += row(a, b, group);
      }
  return text;
}

}  // namespace attnguard
