// What a campaign injects: a list of faults, each a pure function of its number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/fault_injector/fault.h"
#include "src/campaign/campaign_config.h"
#include "src/campaign/population.h"
#include "src/campaign/selection.h"
#include "src/config/origin.h"

namespace attnguard {

struct Injection {
  std::uint64_t number = 0;   ///< row of injections.csv
  std::uint32_t stratum = 0;  ///< index into CampaignPlan::strata()
  FaultModel model = FaultModel::bit_flip;
  Fault fault;  ///< bits_flipped is already clipped to the register or lane
  std::optional<LiveBlock> block{};  ///< the one it was drawn from; not for lists and a census
};

/// Injections that weigh the same.
struct PlanStratum {
  std::string name;
  Domain domain = Domain::function;
  std::uint64_t live_bit_cycles = 0;
  std::uint64_t draws = 0;
  double weight = 1;  ///< live bit-cycles per draw; 1 for listed and exhaustive faults
};

/// A register class the campaign covers.
struct PlanClass {
  RegisterId reg = 0;
  std::uint64_t bits = 0;             ///< of the selected sites
  std::uint64_t live_bit_cycles = 0;  ///< of the selected sites
};

class CampaignPlan {
 public:
  /// `blocks` and `golden_cycles` are those of the golden run. Throws UserError for a glob that
  /// matches nothing and for a fault outside the hardware or the run.
  CampaignPlan(const CampaignConfig& config, std::uint64_t seed, const ConfigOrigin& origin,
               const FaultUniverse& universe, const std::vector<LiveBlock>& blocks,
               std::uint64_t golden_cycles);

  std::uint64_t size() const { return size_; }
  Injection injection(std::uint64_t number) const;
  const std::vector<PlanStratum>& strata() const { return strata_; }
  const std::vector<PlanClass>& classes() const { return classes_; }
  /// The faults are the user's own list.
  bool listed() const { return !listed_.empty(); }
  /// Every fault of interest is injected, so that counts carry no sampling error.
  bool census() const { return census_; }
  /// Bytes held to draw from.
  std::size_t memory_bytes() const;

 private:
  void plan_listed(const ConfigOrigin& origin, std::uint64_t golden_cycles);
  void plan_census();
  void plan_sampling(const ConfigOrigin& origin);
  Injection sampled(std::uint64_t number) const;
  Injection exhaustive(std::uint64_t number) const;
  void clip(Fault& fault) const;

  const FaultUniverse& universe_;
  CampaignConfig config_;
  std::uint64_t seed_;
  std::uint64_t golden_cycles_;
  std::vector<SelectedClass> selected_;
  std::vector<Stratum> populations_;  ///< sampling: one per stratum
  std::vector<std::uint64_t> streams_;  ///< of random numbers, one per population
  std::vector<PlanStratum> strata_;
  std::vector<PlanClass> classes_;
  std::vector<Fault> listed_;
  std::size_t function_strata_ = 0;  ///< the first ones; the others are safety_mechanism
  std::uint64_t function_size_ = 0, size_ = 0;
  bool census_ = false;
};

}  // namespace attnguard
