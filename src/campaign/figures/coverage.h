// Counts of a campaign, and the coverage figures made from them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/campaign/campaign_config.h"
#include "src/campaign/figures/cells.h"
#include "src/campaign/figures/site_group.h"
#include "src/campaign/figures/statistics.h"
#include "src/campaign/injections/record.h"

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
  FaultClass fault_class = FaultClass::transient;
  double tolerance = 0;
  std::uint64_t bits = 0, live_bit_cycles = 0;
  double weight = 0;  ///< mean over the draws
  std::uint64_t injections = 0;
  VerdictCounts counts;
  /// Of dangerous function faults; empty without any, and for safety_mechanism rows. No interval
  /// for a census.
  std::optional<double> coverage;
  std::optional<Interval> interval;
  std::string_view method;  ///< as Estimate::method
  std::optional<std::uint64_t> p50, p95, p99, max, given_detected_p50;
};

/// The configured tolerance first, then 0, 0.001 and 0.01 as far as they differ from it.
std::vector<double> reported_tolerances(double configured);

/// What a running campaign can say of one checker: the coverage of its `total` row.
struct CoverageSoFar {
  std::optional<double> coverage;
  std::optional<Interval> interval;
};

/// Counts records of any order; every figure is made from integers, so the order cannot matter.
class CoverageTally {
 public:
  CoverageTally(const CampaignContext& context, const CampaignConfig& config);

  void add(const Record& record);
  /// Of all records.
  const CodeReads& code_reads() const { return code_reads_; }

  /// Per checker, fault class and tolerance: a row per site class, then total_logic, total_sram and
  /// total.
  std::vector<CoverageRow> class_rows() const;
  /// Per checker, at the configured tolerance: a row per stratum.
  std::vector<CoverageRow> stratum_rows() const;
  /// The `total` row of a checker at the configured tolerance, of the first fault class.
  CoverageRow total(std::size_t checker) const;
  CoverageSoFar so_far(std::size_t checker) const;
  /// A group at the configured tolerance.
  CoverageRow row(std::size_t checker, const SiteGroup& group) const {
    return row(checker, 0, group);
  }
  /// When the dangerous draws of a group were detected, at the configured tolerance; one entry per
  /// register class and stratum.
  std::vector<LatencyCounts> latencies(std::size_t checker, const SiteGroup& group) const {
    return latencies(checker, 0, group);
  }
  const std::array<std::uint64_t, EnumNames<Effect>::names.size()>& effects() const {
    return effects_;
  }

 private:
  using ToleranceSet = std::uint8_t;  ///< bit t: tolerances_[t]

  /// A dangerous injection that was detected, and at which tolerances it is dangerous.
  struct Latency {
    std::uint64_t cycles;
    ToleranceSet dangerous;
  };
  struct CheckerCounts {
    std::vector<VerdictCounts> verdicts;  ///< [tolerance]
    std::vector<Latency> latencies;
  };
  struct Counts {
    std::uint64_t injections = 0;
    std::vector<CheckerCounts> checkers;
  };

  static Counts no_counts(std::size_t checkers, std::size_t tolerances);
  /// (cycles, injections), by cycles.
  static std::vector<std::pair<std::uint64_t, std::uint64_t>> histogram(
      const std::vector<Latency>& latencies, std::size_t tolerance);
  /// Without latencies.
  CoverageRow counted_row(std::size_t checker, std::size_t tolerance, const SiteGroup& group) const;
  CoverageRow row(std::size_t checker, std::size_t tolerance, const SiteGroup& group) const;
  std::vector<LatencyCounts> latencies(std::size_t checker, std::size_t tolerance,
                                       const SiteGroup& group) const;
  SiteGroup total_of_first_class() const;

  const CampaignContext& context_;
  const CampaignConfig& config_;
  const Owners owners_;
  std::vector<double> tolerances_;
  Cells<Counts> cells_;
  CodeReads code_reads_;
  std::array<std::uint64_t, EnumNames<Effect>::names.size()> effects_{};
};

/// Text of coverage.csv; with the group column "stratum" instead of "site_class", of strata.csv.
std::string coverage_csv(const std::vector<CoverageRow>& rows, const std::string& group_column,
                         double confidence);

}  // namespace attnguard
