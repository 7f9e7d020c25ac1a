// What a campaign injects: a list of faults, each a pure function of its number.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/fault_injector/fault.h"
#include "src/campaign/campaign_config.h"
#include "src/campaign/faults/fault_mix.h"
#include "src/campaign/faults/listed_faults.h"
#include "src/campaign/faults/population.h"
#include "src/campaign/faults/selection.h"
#include "src/config/origin.h"

namespace attnguard {

/// One run with faults.
struct Injection {
  std::uint64_t number = 0;          ///< row of injections.csv
  std::uint32_t stratum = 0;         ///< index into CampaignPlan::strata()
  Fault fault;                       ///< bits_flipped is already clipped to the register or lane
  std::optional<LiveBlock> block{};  ///< the one it was drawn from; not for lists and a census
  std::vector<Fault> also{};         ///< further faults of the same run
  std::uint32_t faults = 1;          ///< how many
  std::uint64_t first_cycle = 0;     ///< of the earliest

  Injection() = default;
  Injection(std::uint64_t row, std::uint32_t h, const Fault& alone)
      : number(row), stratum(h), fault(alone), first_cycle(alone.cycle) {}
  void add(const Fault& further) {
    also.push_back(further);
    ++faults;
    first_cycle = std::min(first_cycle, further.cycle);
  }
  std::vector<Fault> all() const {
    std::vector<Fault> list{fault};
    list.insert(list.end(), also.begin(), also.end());
    return list;
  }
  FaultModel model() const { return faults > 1 ? FaultModel::compound : fault.how.model; }
  FaultClass fault_class() const { return attnguard::fault_class(fault.how.model); }
};

/// Injections that weigh the same.
struct PlanStratum {
  std::string name;
  Domain domain = Domain::function;
  std::uint64_t live_bit_cycles = 0;  ///< size of its population
  std::uint64_t draws = 0;
  double weight = 1;  ///< live bit-cycles per draw; 1 for listed and exhaustive faults
};

/// A register class the campaign covers.
struct PlanClass {
  RegisterId reg = 0;
  std::uint64_t bits = 0;  ///< of the selected sites
  std::uint64_t live_bit_cycles =
      0;  ///< of the selected sites; of a link's transfers, transactions
};

class CampaignPlan {
 public:
  /// `blocks` and `golden_cycles` are those of the golden run; `access_cycle` is needed where a
  /// listed fault names an access. Throws UserError for a glob that matches nothing, for a fault
  /// outside the hardware or the run and for a mix that the selected sites cannot have.
  CampaignPlan(const CampaignConfig& config, std::uint64_t seed, const ConfigOrigin& origin,
               const FaultUniverse& universe, const std::vector<LiveBlock>& blocks,
               std::uint64_t golden_cycles, const AccessCycle& access_cycle = nullptr);

  std::uint64_t size() const { return size_; }
  /// Sizes it can be cut to, ascending; the last is the whole. What is drawn and its number do not
  /// depend on the cut: a look adds injections behind those of the look before.
  const std::vector<std::uint64_t>& looks() const { return looks_; }
  /// Keeps the first looks()[look] injections: draws and weights of the strata are of those alone.
  void cut(std::size_t look);
  Injection injection(std::uint64_t number) const;
  const std::vector<PlanStratum>& strata() const { return strata_; }
  const std::vector<PlanClass>& classes() const { return classes_; }
  /// Classes of faults among the injections, in the order of FaultClass.
  const std::vector<FaultClass>& fault_classes() const { return fault_classes_; }
  /// Of a sampled stratum.
  FaultClass fault_class(std::uint32_t stratum) const;
  /// The faults are the user's own list.
  bool listed() const { return !listed_.empty(); }
  /// Every fault of interest is injected, so that counts carry no sampling error.
  bool census() const { return census_; }
  /// Bytes held to draw from.
  std::size_t memory_bytes() const;

 private:
  /// The strata of one domain and one group of the mix.
  struct Share {
    Domain domain = Domain::function;
    std::size_t group = 0;
    std::size_t first_stratum = 0, strata = 0;
  };
  /// Consecutive injections of one share: injection j, which is draw n = j + `drawn` of the share,
  /// goes to stratum n mod H as its draw n / H.
  struct Range {
    std::uint64_t first = 0, size = 0;
    std::size_t share = 0;
    std::uint64_t drawn = 0;  ///< of the share before
  };

  void select(const ConfigOrigin& origin);
  void plan_census(const ConfigOrigin& origin);
  void plan_sampling(const ConfigOrigin& origin, const std::vector<LiveBlock>& blocks);
  void add_shares(Domain domain, std::vector<std::vector<Stratum>>& by_group);
  std::vector<std::uint64_t> share_sizes(std::uint64_t injections) const;
  void add_ranges();
  void merge_domains(std::vector<Stratum>& strata, const std::string& prefix) const;
  void balance_groups();
  Injection sampled(std::uint64_t number) const;
  Injection exhaustive(std::uint64_t number) const;

  const FaultUniverse& universe_;
  CampaignConfig config_;
  std::uint64_t seed_;
  std::uint64_t golden_cycles_;
  std::vector<SelectedClass> selected_;
  std::vector<MixGroup> groups_;
  std::vector<Share> shares_;  ///< function first
  std::vector<std::uint64_t> looks_;
  std::vector<Range> ranges_;           ///< by look, then share
  std::vector<Stratum> populations_;    ///< sampling: one per stratum
  std::vector<std::uint64_t> streams_;  ///< of random numbers, one per population
  std::vector<Stratum>
      companions_;  ///< where the further faults of a compound come from, by domain
  std::vector<PlanStratum> strata_;
  std::vector<PlanClass> classes_;
  std::vector<std::vector<Fault>> listed_;  ///< faults of each run
  std::uint64_t size_ = 0;
  std::vector<FaultClass> fault_classes_;
  bool census_ = false;
};

}  // namespace attnguard
