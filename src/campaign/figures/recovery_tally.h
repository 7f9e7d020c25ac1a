// Figures of a campaign with recovery: how often it worked and what it cost.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "src/campaign/campaign_config.h"
#include "src/campaign/figures/estimate.h"
#include "src/campaign/injections/record.h"

namespace attnguard {

/// In cycles, weighted like the latencies of coverage.csv; empty without injections.
struct RecoveryQuantiles {
  std::optional<std::int64_t> p50, p99, max;
};

/// Of the injections of one fault class in which an alarm interrupts.
struct RecoveryFigures {
  FaultClass fault_class = FaultClass::transient;
  std::uint64_t detected_sdc = 0, recovered_sdc = 0;  ///< of the datapath
  /// Of them: what is left of the error is within the tolerance, those recovered included.
  std::uint64_t tolerable_sdc = 0;
  Estimate recovered;                   ///< weighted share of those sdc
  RecoveryQuantiles extra_cycles;       ///< of the runs that finished
  RecoveryQuantiles cycles_to_recover;  ///< of those recovered
};

struct RecoverySummary {
  std::array<std::uint64_t, EnumNames<RecoveryOutcome>::names.size()> outcomes{};
  std::vector<RecoveryFigures> classes;

  std::uint64_t operator[](RecoveryOutcome outcome) const {
    return outcomes[static_cast<std::size_t>(outcome)];
  }
};

/// Counts records of any order; every figure is made from integers, so the order cannot matter.
class RecoveryTally {
 public:
  RecoveryTally(const CampaignContext& context, const CampaignConfig& config)
      : context_(context), config_(config) {}

  void add(const Record& record);
  RecoverySummary summary() const;

 private:
  using Histogram = std::map<std::int64_t, std::uint64_t>;  ///< cycles -> injections
  /// Of one stratum.
  struct Counts {
    std::uint64_t sdc = 0, sdc_recovered = 0, sdc_tolerable = 0;
    Histogram extra_cycles, cycles_to_recover;
  };
  using Strata = std::map<std::uint32_t, Counts>;
  RecoveryFigures figures(FaultClass fault_class, const Strata& strata) const;
  RecoveryQuantiles quantiles(const Strata& strata, Histogram Counts::*histogram) const;

  const CampaignContext& context_;
  const CampaignConfig& config_;
  decltype(RecoverySummary::outcomes) outcomes_{};
  std::map<FaultClass, Strata> counts_;
};

}  // namespace attnguard
