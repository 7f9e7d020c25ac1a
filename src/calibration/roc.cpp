#include "src/calibration/roc.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "src/campaign/figures/site_group.h"
#include "src/files/csv.h"
#include "src/files/csv_reader.h"

namespace attnguard {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kPointDigits = 2;  ///< of the factors at which a curve has points

/// By how much the thresholds must be multiplied for this ratio to reach its own.
double over(double ratio, double factor) { return ratio == 0 ? 0 : ratio / factor; }

/// The checkers whose comparisons decide for `checker`.
std::vector<std::size_t> deciders(const CampaignContext& context, std::size_t checker) {
  if (checker < context.members.size() && !context.members[checker].empty())
    return context.members[checker];
  return {checker};
}

void add_curves(const CampaignContext& context, const FaultFree& clean, Roc& roc) {
  for (std::size_t c = 0; c < context.checkers.size(); ++c) {
    RocCurve all{c, kAnyComparison, {}};
    bool complete = true;
    for (const std::size_t decider : deciders(context, c)) {
      const std::size_t before = all.comparisons.size();
      for (std::size_t i = 0; i < clean.comparisons.size(); ++i) {
        if (clean.comparisons[i].checker != decider) continue;
        complete &= clean.comparisons[i].factor.has_value();
        all.comparisons.emplace_back(i, clean.comparisons[i].factor.value_or(0));
      }
      complete &= all.comparisons.size() > before;  // memory_protection compares nothing
    }
    if (!complete) {
      roc.left_out.push_back(c);
      continue;
    }
    roc.curves.push_back(all);
    if (all.comparisons.size() == 1 || deciders(context, c) != std::vector<std::size_t>{c})
      continue;
    for (const auto& comparison : all.comparisons)
      roc.curves.push_back({c, clean.comparisons[comparison.first].name, {comparison}});
  }
}

/// Draws of one register class, stratum and fault class: they weigh the same. In the order in which
/// a coverage sums them.
using CellKey = std::tuple<RegisterId, std::uint32_t, FaultClass>;
struct Cell {
  std::vector<std::vector<double>> scores;  ///< [curve] of dangerous faults; ascending once sorted
};

class Injections {
 public:
  Injections(const std::filesystem::path& file, const CampaignContext& context,
             const std::vector<bool>& ignores_nonfinite, const FaultFree& clean, Roc& roc);

  const std::map<CellKey, Cell>& cells() const { return cells_; }

 private:
  void find_columns();
  void read_row();
  double ratio(std::size_t comparison) const;
  double score(const RocCurve& curve) const;
  double judged(const RocCurve& curve);

  struct Columns {
    std::size_t stratum, site_class, fault_class, domain, effect;
    std::vector<std::size_t> verdict;               ///< [checker]
    std::vector<std::size_t> ratio_max, nonfinite;  ///< [comparison]
  };

  CsvTable table_;
  const CampaignContext& context_;
  const std::vector<bool>& ignores_nonfinite_;
  const FaultFree& clean_;
  Roc& roc_;
  Columns columns_{};
  std::map<std::string, RegisterId, std::less<>> registers_;
  std::map<std::string, std::uint32_t, std::less<>> strata_;
  std::map<CellKey, Cell> cells_;
};

Injections::Injections(const std::filesystem::path& file, const CampaignContext& context,
                       const std::vector<bool>& ignores_nonfinite, const FaultFree& clean, Roc& roc)
    : table_(file, file.string()),
      context_(context),
      ignores_nonfinite_(ignores_nonfinite),
      clean_(clean),
      roc_(roc) {
  for (RegisterId reg = 0; reg < context.universe.classes().size(); ++reg)
    registers_.emplace(context.universe[reg].site_class(), reg);
  for (std::uint32_t h = 0; h < context.plan.strata().size(); ++h)
    strata_.emplace(context.plan.strata()[h].name, h);
  find_columns();
  for (; table_.next(); ++roc.rows) read_row();
  for (auto& [key, cell] : cells_)
    for (std::vector<double>& scores : cell.scores) std::sort(scores.begin(), scores.end());
}

void Injections::find_columns() {
  columns_.stratum = table_.column("stratum");
  columns_.site_class = table_.column("site_class");
  columns_.fault_class = table_.column("fault_class");
  columns_.domain = table_.column("domain");
  columns_.effect = table_.column("effect");
  for (const std::string& checker : context_.checkers)
    columns_.verdict.push_back(table_.column(checker + ".verdict"));
  for (const CleanComparison& comparison : clean_.comparisons) {
    const std::string name = context_.checkers[comparison.checker] + "." + comparison.name;
    columns_.ratio_max.push_back(table_.column(name + ".ratio_max"));
    columns_.nonfinite.push_back(table_.column(name + ".nonfinite"));
  }
}

void Injections::read_row() {
  if (table_[columns_.domain] != "function") return;
  const std::string& effect = table_[columns_.effect];
  if (effect == enum_name(Effect::not_injected) || effect == enum_name(Effect::sim_error)) return;
  const auto reg = registers_.find(table_[columns_.site_class]);
  if (reg == registers_.end()) table_.reject(columns_.site_class, "a site class of the campaign");
  const auto stratum = strata_.find(table_[columns_.stratum]);
  if (stratum == strata_.end()) table_.reject(columns_.stratum, "a stratum of the campaign");
  for (const auto& [fault_class, name] : EnumNames<FaultClass>::names) {
    if (name != table_[columns_.fault_class]) continue;
    Cell& cell = cells_[{reg->second, stratum->second, fault_class}];
    cell.scores.resize(roc_.curves.size());
    for (std::size_t c = 0; c < roc_.curves.size(); ++c) {
      const std::string& verdict = table_[columns_.verdict[roc_.curves[c].checker]];
      if (verdict == enum_name(Verdict::detected) || verdict == enum_name(Verdict::undetected))
        cell.scores[c].push_back(judged(roc_.curves[c]));
    }
    return;
  }
  table_.reject(columns_.fault_class, "a fault class");
}

double Injections::ratio(std::size_t comparison) const {
  const std::string& nonfinite = table_[columns_.nonfinite[comparison]];
  if (nonfinite == "1" && !ignores_nonfinite_[clean_.comparisons[comparison].checker])
    return kInfinity;
  const std::size_t column = columns_.ratio_max[comparison];
  return table_[column].empty() ? 0 : table_.number(column);
}

double Injections::score(const RocCurve& curve) const {
  double score = 0;
  for (const auto& [comparison, factor] : curve.comparisons)
    score = std::max(score, over(ratio(comparison), factor));
  return score;
}

/// The score, once it agrees with the verdict of the campaign, which is that at factor 1.
double Injections::judged(const RocCurve& curve) {
  constexpr double kRounding = 1e-12;  // of quotients that were made from the configured factor
  const double score = this->score(curve);
  const std::size_t column = columns_.verdict[curve.checker];
  const bool detected = table_[column] == enum_name(Verdict::detected);
  const bool whole = curve.comparison == kAnyComparison;
  if (whole && std::fabs(score - 1) <= kRounding) return detected ? std::nextafter(1.0, 2.0) : 1.0;
  if (detected) {
    if (whole && score <= 1)
      table_.reject(column, "undetected, as no ratio_max is above its threshold");
    return score;
  }
  if (score <= 1) return score;
  if (whole) ++roc_.ended_early[curve.checker];
  return 0;
}

/// What a curve's thresholds do to fault-free data.
class CleanSide {
 public:
  CleanSide(const FaultFree& clean, const RocCurve& curve) : clean_(clean), curve_(curve) {
    for (std::uint64_t unit = 0; unit < clean.units; ++unit) {
      double largest = 0;
      for (const auto& [comparison, factor] : curve.comparisons)
        largest = std::max(largest, over(clean.comparisons[comparison].largest[unit], factor));
      units_.push_back(largest);
    }
    std::sort(units_.begin(), units_.end());
    for (const auto& [comparison, factor] : curve.comparisons)
      checks_ += clean.comparisons[comparison].total();
  }

  /// Factors at which the number of alarms changes.
  void add_steps(std::set<double>& factors) const {
    for (const auto& [comparison, factor] : curve_.comparisons)
      for (const RatioCounts& counts : clean_.comparisons[comparison].checks)
        for (const auto& [ratio, count] : counts.counts()) {
          const double at = over(ratio, factor);
          if (at > 0 && std::isfinite(at)) factors.insert(rounded_up(at, kPointDigits));
        }
  }

  void count(RocPoint& point) const {
    point.checks = checks_;
    for (const auto& [comparison, factor] : curve_.comparisons)
      point.check_alarms += clean_.comparisons[comparison].above(point.factor * factor);
    point.unit_alarms = static_cast<std::uint64_t>(
        units_.end() - std::upper_bound(units_.begin(), units_.end(), point.factor));
  }

 private:
  const FaultFree& clean_;
  const RocCurve& curve_;
  std::vector<double> units_;  ///< ascending
  std::uint64_t checks_ = 0;
};

/// The cells of one total, and what one curve makes of them.
class Group {
 public:
  Group(const std::map<CellKey, Cell>& cells, const CampaignContext& context,
        const SiteGroup& total, std::size_t curve)
      : context_(context) {
    for (const auto& [key, cell] : cells) {
      const auto& [reg, stratum, cls] = key;
      if (cls != total.fault_class || !total.holds(reg)) continue;
      cells_.push_back({context.plan.strata()[stratum].weight, &cell.scores[curve]});
    }
  }

  bool any_dangerous() const {
    return std::any_of(cells_.begin(), cells_.end(),
                       [](const auto& cell) { return !cell.second->empty(); });
  }
  void add_steps(std::set<double>& factors) const {
    for (const auto& cell : cells_)
      for (const double score : *cell.second)
        if (score > 0 && std::isfinite(score)) factors.insert(rounded_up(score, kPointDigits));
  }
  void count(const CampaignConfig& config, RocPoint& point) const {
    std::vector<WeightedCounts> strata;
    for (const auto& [weight, scores] : cells_) {
      const auto detected = static_cast<std::uint64_t>(
          scores->end() - std::upper_bound(scores->begin(), scores->end(), point.factor));
      strata.push_back({weight, detected, scores->size() - detected});
      point.detected += detected;
      point.undetected += scores->size() - detected;
    }
    point.estimate = estimate(strata, context_.plan.census(), config);
  }

 private:
  const CampaignContext& context_;
  std::vector<std::pair<double, const std::vector<double>*>> cells_;  ///< (weight, scores)
};

}  // namespace

std::vector<bool> ignores_nonfinite(const Prepared& prepared) {
  std::vector<bool> ignores;
  for (const CheckerConfig& checker : prepared.config.checkers)
    ignores.push_back(prepared.effective["checkers"][checker.name].value("nonfinite", "") ==
                      enum_name(NonfiniteRule::ignore));
  return ignores;
}

Roc make_roc(const std::filesystem::path& injections, const CampaignContext& context,
             const CampaignConfig& config, const std::vector<bool>& ignores_nonfinite,
             const FaultFree& clean) {
  Roc roc;
  roc.ended_early.resize(context.checkers.size());
  add_curves(context, clean, roc);
  const Injections rows(injections, context, ignores_nonfinite, clean, roc);
  for (std::size_t c = 0; c < roc.curves.size(); ++c) {
    const CleanSide clean_side(clean, roc.curves[c]);
    for (const FaultClass fault_class : context.plan.fault_classes())
      for (const SiteGroup& total : totals(context, fault_class)) {
        const Group group(rows.cells(), context, total, c);
        if (!group.any_dangerous()) continue;
        std::set<double> factors{0, 1};
        group.add_steps(factors);
        clean_side.add_steps(factors);
        for (const double factor : factors) {
          RocPoint point;
          point.curve = c;
          point.fault_class = fault_class;
          point.site_class = total.name;
          point.factor = factor;
          group.count(config, point);
          clean_side.count(point);
          roc.points.push_back(std::move(point));
        }
      }
  }
  return roc;
}

std::string roc_csv(const Roc& roc, const CampaignContext& context, const FaultFree& clean,
                    double confidence) {
  const auto add_rate = [&](CsvLine& line, std::uint64_t alarms, std::uint64_t trials) {
    line.add(trials).add(alarms);
    line.add(static_cast<double>(alarms) / static_cast<double>(trials));
    line.add(rate_upper_bound(alarms, trials, confidence));
  };
  std::string text =
      CsvLine()
          .add_fields(
              "checker,comparison,fault_class,site_class,factor,threshold,detected,"
              "undetected,coverage,ci_low,ci_high,confidence,ci_method,checks,check_alarms,"
              "check_alarm_rate,check_alarm_rate_ci_high,unit,units,unit_alarms,"
              "unit_alarm_rate,unit_alarm_rate_ci_high")
          .str();
  for (const RocPoint& point : roc.points) {
    const RocCurve& curve = roc.curves[point.curve];
    CsvLine line;
    line.add(context.checkers[curve.checker]).add(curve.comparison);
    line.add(enum_name(point.fault_class)).add(point.site_class).add(point.factor);
    if (curve.comparisons.size() == 1)
      line.add(point.factor * curve.comparisons.front().second);
    else
      line.skip();
    line.add(point.detected).add(point.undetected);
    add_estimate(line, point.estimate, confidence);
    add_rate(line, point.check_alarms, point.checks);
    line.add(clean.unit);
    add_rate(line, point.unit_alarms, clean.units);
    text += line.str();
  }
  return text;
}

}  // namespace attnguard
