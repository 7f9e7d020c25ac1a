// Thresholds for requested false-alarm rates, made from one half of a fault-free sample and judged
// by the other.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "src/calibration/fault_free.h"
#include "src/calibration/tolerance_limit.h"
#include "src/config/config.h"

namespace attnguard {

/// One row of thresholds.csv: a comparison and what a false alarm is counted per. Of a whole
/// checker, with every threshold as settings() says, `comparison` is "any" and nothing is proposed.
struct ThresholdRow {
  std::size_t checker = 0;
  std::string comparison;
  std::string per;  ///< check, or the unit of the sample
  double rate = 0, confidence = 0;
  /// Of the calibration half; empty for `any` and for a comparison whose threshold is no factor of
  /// its scale.
  std::optional<std::uint64_t> sample;
  std::uint64_t needed = 0;  ///< sample that supports the rate
  ToleranceLimit limit;
  /// Factor of the scale; empty too if clean residuals are not finite.
  std::optional<double> threshold;
  std::optional<double> configured;     ///< likewise
  std::uint64_t configured_alarms = 0;  ///< in both halves, at the configured thresholds
  std::uint64_t held_out = 0;
  std::optional<std::uint64_t> held_out_alarms;  ///< at the threshold proposed
};

/// One key of the configuration: `key`, dotted, below the checker.
struct ThresholdSetting {
  std::size_t checker = 0;
  std::string key;
  nlohmann::ordered_json value;
};

class Thresholds {
 public:
  /// The rate per inference of a checker is shared equally by the comparisons whose thresholds can
  /// be set, and by the units of an inference; so is what its confidence leaves (Bonferroni).
  Thresholds(const FaultFree& sample, const Config& config);

  const std::vector<ThresholdRow>& rows() const { return rows_; }
  /// What to set for both rates to hold: of two thresholds for one key the higher.
  const std::vector<ThresholdSetting>& settings() const { return settings_; }
  /// The same as a piece of a configuration: {"checkers": {"<name>": {…}}}.
  nlohmann::ordered_json fragment() const;
  /// Every row's rate is supported by its sample.
  bool supported() const;

 private:
  /// The rate asked per inference, shared by its units and by `sharers` comparisons of one checker;
  /// 1, which asks for nothing, is not divided.
  double rate_per_unit(double sharers) const;
  void propose(const CleanComparison& comparison, std::size_t settable);
  void set(std::size_t checker, const ThresholdKey& key, double threshold);
  void judge_checker(std::size_t checker);

  const FaultFree& sample_;
  const Config& config_;
  /// [comparison] The threshold it then has; empty if that is not known.
  std::vector<std::optional<double>> set_;
  std::vector<ThresholdRow> rows_;
  std::vector<ThresholdSetting> settings_;
};

/// Text of thresholds.csv.
std::string thresholds_csv(const std::vector<ThresholdRow>& rows, const Config& config);

}  // namespace attnguard
