#include "src/campaign/faults/fault_mix.h"

#include <algorithm>
#include <bitset>

namespace attnguard {
namespace {

std::string prefix_of(PopulationKind population, FaultClass fault_class, bool compound) {
  if (compound) return "compound/";
  switch (population) {
    case PopulationKind::additions:
      return "carry/";
    case PopulationKind::permanent_bits:
      return "permanent/";
    case PopulationKind::addresses:
      return "address/";
    case PopulationKind::live_bits:
    case PopulationKind::transfers:
      break;
  }
  return fault_class == FaultClass::intermittent ? "intermittent/" : "";
}

// n − 1 further bits of the register or lane, none twice.
void scatter(std::uint32_t bits, std::uint32_t width, RandomStream& random, Fault& fault) {
  const std::uint32_t lane = fault.bit / width * width;
  std::uint64_t mask = std::uint64_t{1} << (fault.bit - lane);
  for (std::uint32_t n = 1; n < std::min(bits, width); ++n) {
    std::uint64_t rank = random.below(width - n);  // among the bits that are not yet taken
    std::uint32_t bit = 0;
    while ((mask >> bit & 1U) != 0 || rank-- > 0) ++bit;
    mask |= std::uint64_t{1} << bit;
  }
  std::uint32_t lowest = 0;
  while ((mask >> lowest & 1U) == 0) ++lowest;
  fault.bit = lane + lowest;
  fault.bits_flipped = std::min(bits, width);
  fault.pattern = mask >> lowest;
}

}  // namespace

bool takes_one_bit(FaultModel model) {
  return model == FaultModel::carry || population_of(model) == PopulationKind::transfers;
}

PopulationKind population_of(FaultModel model) {
  switch (model) {
    case FaultModel::carry:
      return PopulationKind::additions;
    case FaultModel::stuck_at_0:
    case FaultModel::stuck_at_1:
      return PopulationKind::permanent_bits;
    case FaultModel::address:
      return PopulationKind::addresses;
    case FaultModel::drop:
    case FaultModel::duplicate:
    case FaultModel::delay:
    case FaultModel::error_response:
      return PopulationKind::transfers;
    default:
      return PopulationKind::live_bits;
  }
}

bool has_population(const RegisterClass& cls, PopulationKind population) {
  const bool transfer = cls.kind == StorageKind::transfer;
  switch (population) {
    case PopulationKind::additions:
      return cls.adder != Adder::none;
    case PopulationKind::transfers:
      return transfer;
    case PopulationKind::addresses:
      return transfer && cls.address_bits > 0;
    case PopulationKind::live_bits:
    case PopulationKind::permanent_bits:
      break;
  }
  return !transfer;
}

std::string_view who_has(PopulationKind population) {
  switch (population) {
    case PopulationKind::additions:
      return "registers that hold a sum: *.acc*, *.sum* and sums of checkers";
    case PopulationKind::transfers:
      return "link.*.transfer";
    case PopulationKind::addresses:
      return "link.*.transfer of a link whose target decodes addresses";
    case PopulationKind::live_bits:
    case PopulationKind::permanent_bits:
      break;
  }
  return "every site but link.*.transfer";
}

std::vector<MixGroup> mix_groups(const std::vector<FaultModelConfig>& models,
                                 const ConfigOrigin& origin) {
  std::vector<MixGroup> groups;
  for (std::size_t m = 0; m < models.size(); ++m) {
    const FaultModelConfig& model = models[m];
    const auto reject = [&](const std::string& key, const std::string& value,
                            const std::string& allowed) {
      origin.reject("/campaign/models/" + std::to_string(m) + "/" + key, value, allowed);
    };
    check_parameters(model.kind, model.parameters, "kind", reject);
    const bool compound = model.kind == FaultModel::compound;
    if (model.count && !compound) reject("count", "given", "only with kind compound");
    if (takes_one_bit(model.kind) && model.bits != 1)
      reject("bits", std::to_string(model.bits),
             "1 with kind " + std::string(enum_name(model.kind)));
    if (model.scattered && model.bits == 1)
      reject("scattered", "true", "false, or more than one of `bits`");
    MixGroup group;
    group.population = population_of(model.kind);
    group.fault_class = fault_class(model.kind);
    group.compound = compound;
    group.prefix = prefix_of(group.population, group.fault_class, compound);
    auto found = std::find_if(groups.begin(), groups.end(), [&](const MixGroup& other) {
      return other.population == group.population && other.fault_class == group.fault_class &&
             other.compound == group.compound;
    });
    if (found == groups.end()) found = groups.insert(groups.end(), group);
    found->models.push_back(m);
    found->weight += model.weight;
  }
  return groups;
}

std::vector<Stratum> group_strata(const MixGroup& group, const FaultUniverse& universe,
                                  const std::vector<SelectedClass>& selected,
                                  const std::vector<LiveBlock>& blocks) {
  std::vector<SelectedClass> members;
  for (const SelectedClass& cls : selected)
    if (has_population(universe[cls.reg], group.population)) members.push_back(cls);
  std::vector<Stratum> strata;
  switch (group.population) {
    case PopulationKind::live_bits:
      strata = live_strata(universe, members, blocks);
      break;
    case PopulationKind::additions:
      strata = addition_strata(universe, members, blocks);
      break;
    case PopulationKind::permanent_bits:
      strata = permanent_strata(universe, members);
      break;
    case PopulationKind::transfers:
    case PopulationKind::addresses:
      strata =
          transfer_strata(universe, members, blocks, group.population == PopulationKind::addresses);
      break;
  }
  for (Stratum& stratum : strata) stratum.rename(group.prefix + stratum.name());
  return strata;
}

FaultBehaviour behaviour(FaultModel kind, const FaultParameters& parameters) {
  FaultBehaviour how;
  how.model = kind == FaultModel::compound ? FaultModel::bit_flip : kind;
  how.value = parameters.value.value_or(1) != 0;
  how.missing = parameters.carry == CarryError::missing;
  how.period_cycles = parameters.period_cycles.value_or(1);
  how.duty_cycles = parameters.duty_cycles.value_or(1);
  return how;
}

void take_model(const FaultModelConfig& model, const FaultUniverse& universe, RandomStream& random,
                Fault& fault) {
  fault.how = behaviour(model.kind, model.parameters);
  fault.delay_cycles = model.parameters.delay_cycles.value_or(0);
  fault.bits_flipped = model.bits;
  if (model.scattered)
    scatter(model.bits, universe[fault.site.reg].bits, random, fault);
  else
    clip(universe, fault);
}

void clip(const FaultUniverse& universe, Fault& fault) {
  const std::uint32_t bits = universe[fault.site.reg].bits;
  const std::uint32_t room = bits - fault.bit % bits;
  if (fault.pattern == 0) {
    fault.bits_flipped = std::min(fault.bits_flipped, room);
    return;
  }
  fault.bits_flipped = static_cast<std::uint32_t>(std::bitset<64>(fault.pattern).count());
}

}  // namespace attnguard
