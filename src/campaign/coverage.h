// Counts of a campaign, and the coverage figures made from them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/campaign/campaign_config.h"
#include "src/campaign/plan.h"
#include "src/campaign/record.h"
#include "src/campaign/statistics.h"

namespace attnguard {

/// Injections by verdict.
struct VerdictCounts {
  std::array<std::uint64_t, EnumNames<Verdict>::names.size()> by_verdict{};
  std::uint64_t nonfinite_alarms = 0;  ///< detected only because a value was NaN or infinite

  std::uint64_t operator[](Verdict verdict) const {
    return by_verdict[static_cast<std::size_t>(verdict)];
  }
  VerdictCounts& operator+=(const VerdictCounts& other);
};

/// One row of coverage.csv.
struct CoverageRow {
  std::string checker, site_class;  ///< or stratum, or total_logic, total_sram, total
  Domain domain = Domain::function;
  double tolerance = 0;
  std::uint64_t bits = 0, live_bit_cycles = 0;
  double weight = 0;  ///< mean over the draws
  std::uint64_t injections = 0;
  VerdictCounts counts;
  /// Of dangerous function faults; empty without any, and for safety_mechanism rows. No interval
  /// for a census.
  std::optional<double> coverage;
  std::optional<Interval> interval;
  std::string method;  ///< wilson, clopper_pearson, fay_feuer, census; empty without coverage
  std::optional<std::uint64_t> p50, p95, p99, max, given_detected_p50;
};

/// The configured tolerance first, then 0, 0.001 and 0.01 as far as they differ from it.
std::vector<double> reported_tolerances(double configured);

/// Counts records of any order; every figure is made from integers, so the order cannot matter.
class CoverageTally {
 public:
  CoverageTally(const CampaignContext& context, const CampaignConfig& config);

  void add(const Injection& injection, const InjectionRecord& record);

  /// Per checker and tolerance: a row per site class, then total_logic, total_sram and total.
  std::vector<CoverageRow> class_rows() const;
  /// Per checker, at the configured tolerance: a row per stratum.
  std::vector<CoverageRow> stratum_rows() const;
  /// The `total` row of a checker at the configured tolerance.
  CoverageRow total(std::size_t checker) const;
  const std::array<std::uint64_t, EnumNames<Effect>::names.size()>& effects() const {
    return effects_;
  }

 private:
  struct Counts {
    VerdictCounts verdicts;
    std::map<std::uint64_t, std::uint64_t>
        detected_after;  ///< latency in cycles → dangerous injections
  };
  struct Cell {
    std::uint64_t injections = 0;
    std::vector<Counts> counts;  ///< [tolerance][checker]
  };
  using Key = std::pair<RegisterId, std::uint32_t>;  ///< register class, stratum

  template <class Chosen>
  CoverageRow row(std::size_t checker, std::size_t tolerance, std::string name, Domain domain,
                  Chosen chosen) const;
  std::vector<CoverageRow> totals(std::size_t checker, std::size_t tolerance) const;

  const CampaignContext& context_;
  const CampaignConfig& config_;
  std::vector<double> tolerances_;
  std::map<Key, Cell> cells_;
  std::array<std::uint64_t, EnumNames<Effect>::names.size()> effects_{};
};

/// Text of coverage.csv; with the group column "stratum" instead of "site_class", of strata.csv.
std::string coverage_csv(const std::vector<CoverageRow>& rows, const std::string& group_column,
                         double confidence);

}  // namespace attnguard
