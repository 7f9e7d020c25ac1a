// What fault-free runs say of every comparison: the sample that thresholds are made from.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/fabric/field.h"
#include "src/calibration/residuals.h"

namespace attnguard {

/// Which part of the sample: thresholds are made from one and judged by the other.
enum class Half : std::uint8_t { calibration, held_out };
inline constexpr std::array<Half, 2> kHalves{Half::calibration, Half::held_out};
template <>
struct EnumNames<Half> {
  static constexpr std::array<std::pair<Half, std::string_view>, 2> names{
      {{Half::calibration, "calibration"}, {Half::held_out, "held_out"}}};
};

/// Of one comparison of one checker.
struct CleanComparison {
  std::size_t checker = 0;  ///< in configuration order
  std::string name;
  std::array<RatioCounts, kHalves.size()> checks;  ///< [half]
  std::vector<double> largest;                     ///< [unit] ratio, rounded up like those counted
  /// Alarms at the configured threshold: checks, and units with at least one.
  std::uint64_t alarms = 0, alarmed_units = 0;
  /// The configured threshold as a factor of the scale, to 15 digits; empty where that is not the
  /// same in every check.
  std::optional<double> factor;

  std::uint64_t total() const { return checks[0].total() + checks[1].total(); }
  std::uint64_t above(double threshold) const {
    return checks[0].above(threshold) + checks[1].above(threshold);
  }
};

struct FaultFree {
  /// What is independent of what: inference, or kv_head where one inference is split.
  std::string unit = "inference";
  std::uint64_t units = 0;
  std::vector<CleanComparison> comparisons;  ///< by checker

  /// The first half of the units calibrates, with the odd one.
  std::uint64_t calibration_units() const { return (units + 1) / 2; }
  Half half(std::uint64_t unit_number) const {
    return unit_number < calibration_units() ? Half::calibration : Half::held_out;
  }
  std::uint64_t units_of(Half half) const {
    return half == Half::calibration ? calibration_units() : units - calibration_units();
  }
};

/// Text of distribution.csv and of maxima.csv; `checkers`: their names.
std::string distribution_csv(const FaultFree& sample, const std::vector<std::string>& checkers);
std::string maxima_csv(const FaultFree& sample, const std::vector<std::string>& checkers);

/// The sample in the folder of a calibration; its comparisons and their configured factors are
/// those of `like`. UserError that names file and line, or a comparison that is not there.
FaultFree read_fault_free(const std::filesystem::path& folder, const FaultFree& like,
                          const std::vector<std::string>& checkers);

}  // namespace attnguard
