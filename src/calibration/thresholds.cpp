#include "src/calibration/thresholds.h"

#include <algorithm>
#include <cmath>

#include "src/campaign/figures/statistics.h"
#include "src/config/writer.h"
#include "src/files/csv.h"
#include "src/simulation/combinations.h"

namespace attnguard {
namespace {

constexpr auto kCalibration = static_cast<std::size_t>(Half::calibration);
constexpr auto kHeldOut = static_cast<std::size_t>(Half::held_out);
constexpr const char* kAny = "any";

std::uint64_t count_above(const std::vector<double>& values, std::uint64_t first,
                          std::uint64_t last, double threshold) {
  return static_cast<std::uint64_t>(
      std::count_if(values.begin() + static_cast<std::ptrdiff_t>(first),
                    values.begin() + static_cast<std::ptrdiff_t>(last),
                    [&](double value) { return value > threshold; }));
}

}  // namespace

Thresholds::Thresholds(const FaultFree& sample, const Config& config)
    : sample_(sample), config_(config) {
  for (std::size_t c = 0; c < config.checkers.size(); ++c) {
    const CheckerOptions& options = config.checkers[c].options;
    std::size_t settable = 0;
    for (const CleanComparison& comparison : sample.comparisons)
      if (comparison.checker == c && options.threshold_key(comparison.name)) ++settable;
    for (const CleanComparison& comparison : sample.comparisons)
      if (comparison.checker == c) propose(comparison, std::max<std::size_t>(settable, 1));
    judge_checker(c);
  }
}

double Thresholds::rate_per_unit(double sharers) const {
  const double asked = config_.calibration.rate_per_inference;
  if (asked >= 1) return 1;
  return asked / (sample_.unit == "inference" ? 1 : static_cast<double>(sample_.units)) / sharers;
}

void Thresholds::propose(const CleanComparison& comparison, std::size_t settable) {
  const CalibrationConfig& asked = config_.calibration;
  const std::uint64_t units = sample_.calibration_units();
  ThresholdRow check, unit;
  for (ThresholdRow* row : {&check, &unit}) {
    row->checker = comparison.checker;
    row->comparison = comparison.name;
    row->configured = comparison.factor;
  }
  check.per = "check";
  check.rate = asked.rate_per_check;
  check.confidence = asked.confidence;
  check.held_out = comparison.checks[kHeldOut].total();
  check.configured_alarms = comparison.alarms;
  unit.per = sample_.unit;
  const auto sharers = static_cast<double>(settable);
  unit.rate = rate_per_unit(sharers);
  unit.confidence = 1 - (1 - asked.confidence) / sharers;
  unit.held_out = sample_.units_of(Half::held_out);
  unit.configured_alarms = comparison.alarmed_units;

  std::optional<double> chosen;
  if (comparison.factor) {
    check.sample = comparison.checks[kCalibration].total();
    unit.sample = units;
    RatioCounts largest;
    for (std::uint64_t u = 0; u < units; ++u) largest.add(comparison.largest[u]);
    for (ThresholdRow* row : {&check, &unit}) {
      row->limit = tolerance_limit(*row->sample, row->rate, row->confidence);
      row->needed = sample_needed(row->rate, row->confidence);
      const RatioCounts& counts = row == &check ? comparison.checks[kCalibration] : largest;
      const double threshold = counts.threshold(row->limit.exceeding);
      if (!std::isfinite(threshold)) {
        row->limit.supported = false;
        continue;
      }
      row->threshold = threshold;
      row->held_out_alarms = row == &check
                                 ? comparison.checks[kHeldOut].above(threshold)
                                 : count_above(comparison.largest, units, sample_.units, threshold);
      chosen = std::max(chosen.value_or(0), threshold);
    }
  }
  rows_.push_back(check);
  rows_.push_back(unit);
  const auto key = config_.checkers[comparison.checker].options.threshold_key(comparison.name);
  set_.push_back(key ? chosen : comparison.factor);
  if (key && chosen) set(comparison.checker, *key, *chosen);
}

void Thresholds::set(std::size_t checker, const ThresholdKey& key, double threshold) {
  const double value = std::max(threshold, 1e-300);  // 0 would select the default
  for (ThresholdSetting& setting : settings_)
    if (setting.checker == checker && setting.key == key.value) {
      // Comparisons that share a key share its value.
      setting.value = std::max(setting.value.get<double>(), value);
      for (std::size_t i = 0; i < set_.size(); ++i)
        if (sample_.comparisons[i].checker == checker && set_[i])
          set_[i] = setting.value.get<double>();
      return;
    }
  Json configured = write_checkers({config_.checkers[checker]}).front();
  if (!key.rule.empty() && at_dotted(configured, key.rule_key) != key.rule)
    settings_.push_back({checker, key.rule_key, key.rule});
  settings_.push_back({checker, key.value, value});
}

void Thresholds::judge_checker(std::size_t checker) {
  const std::vector<std::size_t> members = members_of(config_.checkers)[checker];
  std::vector<std::size_t> judged;
  for (std::size_t i = 0; i < sample_.comparisons.size() && i < set_.size(); ++i) {
    const std::size_t owner = sample_.comparisons[i].checker;
    const bool mine =
        members.empty() ? owner == checker : std::count(members.begin(), members.end(), owner) > 0;
    if (!mine) continue;
    if (!set_[i]) return;  // it keeps a threshold that this sample cannot judge
    judged.push_back(i);
  }
  ThresholdRow check, unit;
  check.per = "check";
  check.rate = config_.calibration.rate_per_check;
  unit.per = sample_.unit;
  unit.rate = rate_per_unit(1);
  unit.held_out = sample_.units_of(Half::held_out);
  check.held_out_alarms = unit.held_out_alarms = 0;
  for (ThresholdRow* row : {&check, &unit}) {
    row->checker = checker;
    row->comparison = kAny;
    row->confidence = config_.calibration.confidence;
    row->limit.supported = true;
  }
  for (const std::size_t i : judged) {
    check.held_out += sample_.comparisons[i].checks[kHeldOut].total();
    *check.held_out_alarms += sample_.comparisons[i].checks[kHeldOut].above(*set_[i]);
    check.configured_alarms += sample_.comparisons[i].alarms;
  }
  for (std::uint64_t u = sample_.calibration_units(); u < sample_.units; ++u)
    *unit.held_out_alarms += std::any_of(judged.begin(), judged.end(), [&](std::size_t i) {
      return sample_.comparisons[i].largest[u] > *set_[i];
    });
  rows_.push_back(check);
  rows_.push_back(unit);
}

nlohmann::ordered_json Thresholds::fragment() const {
  Json json = {{"checkers", Json::object()}};
  for (const ThresholdSetting& setting : settings_)
    at_dotted(json["checkers"][config_.checkers[setting.checker].name], setting.key) =
        setting.value;
  return json;
}

bool Thresholds::supported() const {
  return std::all_of(rows_.begin(), rows_.end(),
                     [](const ThresholdRow& row) { return !row.sample || row.limit.supported; });
}

std::string thresholds_csv(const std::vector<ThresholdRow>& rows, const Config& config) {
  std::string text = CsvLine()
                         .add_fields(
                             "checker,comparison,per,rate,confidence,sample,sample_needed,"
                             "supported,exceeding,rate_ci_high,threshold,configured,"
                             "configured_alarms,held_out,held_out_alarms,"
                             "held_out_rate,held_out_rate_ci_high")
                         .str();
  for (const ThresholdRow& row : rows) {
    CsvLine line;
    line.add(config.checkers[row.checker].name).add(row.comparison).add(row.per);
    line.add(row.rate).add(row.confidence).add(row.sample);
    if (row.sample)
      line.add(row.needed)
          .add(row.limit.supported)
          .add(row.limit.exceeding)
          .add(row.limit.rate_ci_high);
    else
      line.skip(4);
    line.add(row.threshold).add(row.configured);
    if (row.comparison == kAny)
      line.skip();
    else
      line.add(row.configured_alarms);
    line.add(row.held_out).add(row.held_out_alarms);
    if (row.held_out_alarms && row.held_out > 0)
      line.add(static_cast<double>(*row.held_out_alarms) / static_cast<double>(row.held_out))
          .add(rate_upper_bound(*row.held_out_alarms, row.held_out, row.confidence));
    else
      line.skip(2);
    text += line.str();
  }
  return text;
}

}  // namespace attnguard
