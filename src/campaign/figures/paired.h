// Every two checkers on the same dangerous faults.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/campaign/campaign_config.h"
#include "src/campaign/figures/cells.h"
#include "src/campaign/figures/paired_difference.h"
#include "src/campaign/figures/site_group.h"
#include "src/campaign/injections/record.h"

namespace attnguard {

/// Counts records of any order, at the configured tolerance.
class PairTally {
 public:
  PairTally(const CampaignContext& context, const CampaignConfig& config);

  void add(const Record& record);

  /// Of the dangerous faults of a group, one entry per register class and stratum.
  std::vector<PairedCounts> counts(std::size_t a, std::size_t b, const SiteGroup& group) const;
  /// Text of paired.csv: per fault class and pair a row per stratum of the datapath, then the
  /// totals.
  std::string csv() const;

 private:
  struct Counts {
    std::uint64_t dangerous = 0;
    std::vector<std::uint64_t> detected;  ///< [checker]
    std::vector<std::uint64_t> only;      ///< [a × checkers + b]: detected by a and not by b
  };

  std::string row(std::size_t a, std::size_t b, const SiteGroup& group) const;

  const CampaignContext& context_;
  const CampaignConfig& config_;
  Cells<Counts> cells_;
  std::vector<bool> alarms_;  ///< [checker]; of the record that is added
};

}  // namespace attnguard
