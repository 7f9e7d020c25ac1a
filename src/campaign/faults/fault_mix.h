// The fault mix: which models are drawn together, from which population, and what a draw becomes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/campaign/campaign_config.h"
#include "src/campaign/faults/population.h"
#include "src/config/origin.h"

namespace attnguard {

/// What a fault of some model is drawn from.
enum class PopulationKind : std::uint8_t {
  live_bits,       ///< live bits × cycles
  additions,       ///< bits × additions whose result is read
  permanent_bits,  ///< bits × polarities
  transfers,       ///< transactions of the links
  addresses,       ///< address bits × transactions
};

/// Models that share a population, and so their strata.
struct MixGroup {
  PopulationKind population = PopulationKind::live_bits;
  FaultClass fault_class = FaultClass::transient;
  bool compound = false;
  std::string prefix;               ///< of the names of its strata; none for plain bit flips
  std::vector<std::size_t> models;  ///< indices into campaign.models
  std::uint64_t weight = 0;         ///< of all of them
};

/// In the order in which the mix names them. Throws UserError for a key that its model does not use
/// and for one that it lacks.
std::vector<MixGroup> mix_groups(const std::vector<FaultModelConfig>& models,
                                 const ConfigOrigin& origin);
/// Whether the class belongs to the population.
bool has_population(const RegisterClass& cls, PopulationKind population);
/// Who that are, for messages.
std::string_view who_has(PopulationKind population);
PopulationKind population_of(FaultModel model);
/// It has no number of bits to choose.
bool takes_one_bit(FaultModel model);
/// Strata of the selected classes in the group's population.
std::vector<Stratum> group_strata(const MixGroup& group, const FaultUniverse& universe,
                                  const std::vector<SelectedClass>& selected,
                                  const std::vector<LiveBlock>& blocks);
/// Turns a drawn bit and cycle into a fault of the model. Bits are clipped to the register or lane.
void take_model(const FaultModelConfig& model, const FaultUniverse& universe, RandomStream& random,
                Fault& fault);
/// Adjacent bits past the end of the register or lane are left out; a pattern has none.
void clip(const FaultUniverse& universe, Fault& fault);

/// Whether `parameters` fit the model: calls reject(key, value, allowed) for each that does not.
/// `kind_key`: what the user calls the model's key.
template <class Reject>
void check_parameters(FaultModel kind, const FaultParameters& parameters,
                      const std::string& kind_key, Reject reject);
/// The behaviour they describe.
FaultBehaviour behaviour(FaultModel kind, const FaultParameters& parameters);

template <class Reject>
void check_parameters(FaultModel kind, const FaultParameters& p, const std::string& kind_key,
                      Reject reject) {
  const auto only = [&](const char* key, bool given, FaultModel with) {
    const std::string model = kind_key + " " + std::string(enum_name(with));
    if (given && kind != with) reject(key, "given", "only with " + model);
    if (!given && kind == with) reject(key, "missing", "required with " + model);
  };
  only("value", p.value.has_value(), FaultModel::intermittent);
  only("period_cycles", p.period_cycles.has_value(), FaultModel::intermittent);
  only("duty_cycles", p.duty_cycles.has_value(), FaultModel::intermittent);
  only("carry", p.carry.has_value(), FaultModel::carry);
  only("delay_cycles", p.delay_cycles.has_value(), FaultModel::delay);
  if (p.duty_cycles && p.period_cycles && *p.duty_cycles > *p.period_cycles)
    reject("duty_cycles", std::to_string(*p.duty_cycles),
           "at most period_cycles, " + std::to_string(*p.period_cycles));
}

}  // namespace attnguard
