#include "src/campaign/faults/plan.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <stdexcept>

namespace attnguard {
namespace {

bool is_function(Domain domain) { return domain == Domain::function; }

// The instances named by a list of faults, as selected classes in declaration order.
std::vector<SelectedClass> select_listed(const FaultUniverse& universe,
                                         const std::vector<std::vector<Fault>>& runs) {
  std::map<RegisterId, SelectedClass> by_class;
  for (const std::vector<Fault>& faults : runs)
    for (const Fault& fault : faults) {
      SelectedClass& cls =
          by_class.try_emplace(fault.site.reg, SelectedClass{fault.site.reg, 0, {}}).first->second;
      cls.chosen.resize(universe[fault.site.reg].instances());
      if (!cls.chosen[fault.site.index]) ++cls.instances;
      cls.chosen[fault.site.index] = true;
    }
  std::vector<SelectedClass> selected;
  for (auto& [reg, cls] : by_class) {
    // All instances is the empty list; a link has lanes instead of instances and one site.
    if (cls.instances == cls.chosen.size()) cls.chosen.clear();
    selected.push_back(std::move(cls));
  }
  return selected;
}

std::vector<FaultClass> classes_of(const std::vector<std::vector<Fault>>& runs) {
  std::vector<FaultClass> present;
  for (const std::vector<Fault>& faults : runs)
    present.push_back(attnguard::fault_class(faults.front().how.model));
  return present;
}

void sort_unique(std::vector<FaultClass>& classes) {
  std::sort(classes.begin(), classes.end());
  classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
}

// Function classes first, each domain in declaration order.
template <class Items, class DomainOf>
std::size_t partition_by_domain(Items& items, DomainOf domain_of) {
  const auto middle = std::stable_partition(
      items.begin(), items.end(), [&](const auto& item) { return is_function(domain_of(item)); });
  return static_cast<std::size_t>(middle - items.begin());
}

}  // namespace

CampaignPlan::CampaignPlan(const CampaignConfig& config, std::uint64_t seed,
                           const ConfigOrigin& origin, const FaultUniverse& universe,
                           const std::vector<LiveBlock>& blocks, std::uint64_t golden_cycles,
                           const AccessCycle& access_cycle)
    : universe_(universe), config_(config), seed_(seed), golden_cycles_(golden_cycles) {
  if (config.models.empty()) origin.reject("/campaign/models", "[]", "at least one fault model");
  groups_ = mix_groups(config.models, origin);
  if (config.faults.empty()) {
    selected_ = select_sites(universe, config.sites, origin);
    if (selected_.empty()) origin.reject("/campaign/sites", "[]", "at least one glob");
    select(origin);
  } else {
    listed_ = listed_faults(config, origin, universe, golden_cycles, access_cycle);
    selected_ = select_listed(universe, listed_);
  }
  partition_by_domain(selected_,
                      [&](const SelectedClass& cls) { return universe[cls.reg].domain; });

  std::map<RegisterId, std::uint64_t> live;
  std::vector<SelectedClass> stored;
  for (const SelectedClass& cls : selected_) {
    if (universe[cls.reg].kind != StorageKind::transfer) stored.push_back(cls);
  }
  for (const Stratum& stratum : live_strata(universe, stored, blocks))
    live[stratum.reg()] += stratum.live_bit_cycles();
  for (const Stratum& stratum : transfer_strata(universe, selected_, blocks, false))
    if (universe[stratum.reg()].kind == StorageKind::transfer)
      live[stratum.reg()] += stratum.live_bit_cycles();
  for (const SelectedClass& cls : selected_)
    classes_.push_back({cls.reg, cls.instances * universe[cls.reg].site_bits(), live[cls.reg]});

  census_ = !config.faults.empty() || config.sampling == Sampling::exhaustive;
  if (census_) {
    plan_census(origin);
    looks_ = {size_};
  } else {
    plan_sampling(origin, blocks);
  }
  sort_unique(fault_classes_);
}

/// Only classes that some model of the mix acts on; every model must have one.
void CampaignPlan::select(const ConfigOrigin& origin) {
  for (const MixGroup& group : groups_) {
    const bool any = std::any_of(selected_.begin(), selected_.end(), [&](const SelectedClass& cls) {
      return has_population(universe_[cls.reg], group.population);
    });
    if (any) continue;
    const FaultModelConfig& model = config_.models[group.models.front()];
    origin.reject("/campaign/models/" + std::to_string(group.models.front()) + "/kind",
                  "\"" + std::string(enum_name(model.kind)) + "\"",
                  "a model that some selected site can have; it acts on " +
                      std::string(who_has(group.population)));
  }
  selected_.erase(std::remove_if(selected_.begin(), selected_.end(),
                                 [&](const SelectedClass& cls) {
                                   return std::none_of(groups_.begin(), groups_.end(),
                                                       [&](const MixGroup& group) {
                                                         return has_population(universe_[cls.reg],
                                                                               group.population);
                                                       });
                                 }),
                  selected_.end());
}

void CampaignPlan::plan_census(const ConfigOrigin& origin) {
  if (listed_.empty()) {
    const bool permanent = groups_.front().population == PopulationKind::permanent_bits;
    const bool flips = groups_.front().population == PopulationKind::live_bits &&
                       groups_.front().fault_class == FaultClass::transient &&
                       !groups_.front().compound;
    const bool scattered =
        std::any_of(config_.models.begin(), config_.models.end(),
                    [](const FaultModelConfig& model) { return model.scattered; });
    if (groups_.size() > 1 || scattered || !(permanent || flips))
      origin.reject("/campaign/sampling", "\"exhaustive\"",
                    "stratified or uniform with this mix; exhaustive takes bit_flip of adjacent "
                    "bits, or stuck_at_0 and stuck_at_1");
    fault_classes_.push_back(groups_.front().fault_class);
  } else {
    fault_classes_ = classes_of(listed_);
  }
  const std::uint64_t cycles =
      groups_.front().population == PopulationKind::permanent_bits ? 1 : golden_cycles_;
  for (const PlanClass& cls : classes_) {
    const RegisterClass& reg = universe_[cls.reg];
    const std::uint64_t draws =
        listed_.empty()
            ? cls.bits * cycles * config_.models.size()
            : static_cast<std::uint64_t>(std::count_if(listed_.begin(), listed_.end(),
                                                       [&](const std::vector<Fault>& faults) {
                                                         return faults.front().site.reg == cls.reg;
                                                       }));
    strata_.push_back({reg.site_class(), reg.domain, cls.live_bit_cycles, draws, 1});
    size_ += draws;
  }
}

/// One stratum per domain that has any.
void CampaignPlan::merge_domains(std::vector<Stratum>& strata, const std::string& prefix) const {
  std::vector<Stratum> merged;
  for (const Domain domain : {Domain::function, Domain::safety_mechanism}) {
    Stratum all(prefix + (is_function(domain) ? "function" : "safety_mechanism"), domain, 0);
    for (const Stratum& stratum : strata)
      if (stratum.domain() == domain) all.add(stratum);
    if (all.live_bit_cycles() > 0) merged.push_back(std::move(all));
  }
  strata = std::move(merged);
}

void CampaignPlan::plan_sampling(const ConfigOrigin& origin, const std::vector<LiveBlock>& blocks) {
  std::vector<std::vector<Stratum>> by_group;
  bool function = false;
  for (const MixGroup& group : groups_) {
    by_group.push_back(group_strata(group, universe_, selected_, blocks));
    if (config_.sampling == Sampling::uniform) merge_domains(by_group.back(), group.prefix);
    for (const Stratum& stratum : by_group.back()) function |= is_function(stratum.domain());
    if (group.compound) {
      companions_ = group_strata(group, universe_, selected_, blocks);
      merge_domains(companions_, "");
    }
    if (!by_group.back().empty()) continue;
    if (groups_.size() == 1)
      origin.reject("/campaign/sites", "sites", "at least one site that is live in the golden run");
    origin.reject("/campaign/models/" + std::to_string(group.models.front()) + "/kind",
                  "\"" + std::string(enum_name(config_.models[group.models.front()].kind)) + "\"",
                  "a model that some selected site has in the golden run");
  }
  if (config_.stop && !function)
    origin.reject("/campaign/stop", "given", "only where some selected site is of the datapath");
  add_shares(Domain::function, by_group);
  add_shares(Domain::safety_mechanism, by_group);
  if (config_.stop) looks_ = config_.stop->looks;
  looks_.push_back(config_.injections);
  add_ranges();
  cut(looks_.size() - 1);
}

void CampaignPlan::add_shares(Domain domain, std::vector<std::vector<Stratum>>& by_group) {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    Share share{domain, g, populations_.size(), 0};
    for (Stratum& stratum : by_group[g])
      if (stratum.domain() == domain) populations_.push_back(std::move(stratum));
    share.strata = populations_.size() - share.first_stratum;
    if (share.strata == 0) continue;
    for (std::size_t h = share.first_stratum; h < populations_.size(); ++h) {
      const Stratum& population = populations_[h];
      streams_.push_back(stable_hash((is_function(domain) ? "function/" : "safety_mechanism/") +
                                     population.name()));
      std::uint64_t live = population.live_bit_cycles();
      if (groups_[g].population == PopulationKind::permanent_bits)
        live *= groups_[g].models.size() > 1 ? 2 : 1;  // bits × polarities
      strata_.push_back({population.name(), domain, live, 0, 0});
    }
    shares_.push_back(share);
  }
}

/// Of a campaign of so many injections: shared between the domains as configured, and within one
/// among the groups that have a population there as the mix says. None grows by more than its part.
std::vector<std::uint64_t> CampaignPlan::share_sizes(std::uint64_t injections) const {
  std::vector<std::uint64_t> sizes;
  for (const Domain domain : {Domain::function, Domain::safety_mechanism}) {
    std::uint64_t weight = 0, other = 0;
    for (const Share& share : shares_)
      (share.domain == domain ? weight : other) += groups_[share.group].weight;
    std::uint64_t left = injections;
    if (other > 0) {
      const auto safety = static_cast<std::uint64_t>(
          std::floor(static_cast<double>(injections) * config_.safety_mechanism_share));
      left = is_function(domain) ? injections - safety : safety;
    }
    for (const Share& share : shares_) {
      if (share.domain != domain) continue;
      // What is left goes to the groups left: no draw is lost to rounding.
      const std::uint64_t own = groups_[share.group].weight;
      sizes.push_back(static_cast<std::uint64_t>(std::llround(
          static_cast<double>(left) * static_cast<double>(own) / static_cast<double>(weight))));
      left -= sizes.back();
      weight -= own;
    }
  }
  return sizes;
}

void CampaignPlan::add_ranges() {
  std::vector<std::uint64_t> before(shares_.size());
  for (const std::uint64_t look : looks_) {
    const std::vector<std::uint64_t> sizes = share_sizes(look);
    for (std::size_t s = 0; s < shares_.size(); ++s) {
      if (sizes[s] == before[s]) continue;
      if (sizes[s] < before[s]) throw std::logic_error("a share of the plan shrinks");
      ranges_.push_back({size_, sizes[s] - before[s], s, before[s]});
      size_ += ranges_.back().size;
      before[s] = sizes[s];
    }
  }
  for (std::size_t s = 0; s < shares_.size(); ++s)
    if (before[s] > 0) fault_classes_.push_back(groups_[shares_[s].group].fault_class);
}

void CampaignPlan::cut(std::size_t look) {
  size_ = looks_[look];
  if (census_) return;
  const std::vector<std::uint64_t> sizes = share_sizes(size_);
  for (std::size_t s = 0; s < shares_.size(); ++s)
    for (std::size_t rank = 0; rank < shares_[s].strata; ++rank) {
      PlanStratum& stratum = strata_[shares_[s].first_stratum + rank];
      stratum.draws = (sizes[s] + shares_[s].strata - 1 - rank) / shares_[s].strata;
      stratum.weight = stratum.draws == 0 ? 0
                                          : static_cast<double>(stratum.live_bit_cycles) /
                                                static_cast<double>(stratum.draws);
    }
  balance_groups();
}

/// Groups of one fault class and domain stand in one total: there each weighs what the mix says,
/// however large its population is.
void CampaignPlan::balance_groups() {
  const auto drawn = [&](const Share& share) {  // weight of all its draws
    double sum = 0;
    for (std::size_t h = share.first_stratum; h < share.first_stratum + share.strata; ++h)
      sum += strata_[h].weight * static_cast<double>(strata_[h].draws);
    return sum;
  };
  std::map<std::pair<Domain, FaultClass>, std::vector<const Share*>> totals;
  for (const Share& share : shares_)
    totals[{share.domain, groups_[share.group].fault_class}].push_back(&share);
  for (const auto& [key, shares] : totals) {
    if (shares.size() == 1) continue;
    double all = 0, weights = 0;
    for (const Share* share : shares) {
      all += drawn(*share);
      weights += static_cast<double>(groups_[share->group].weight);
    }
    for (const Share* share : shares) {
      const double own = drawn(*share);
      if (own <= 0) continue;
      const double factor = all * static_cast<double>(groups_[share->group].weight) / weights / own;
      for (std::size_t h = share->first_stratum; h < share->first_stratum + share->strata; ++h)
        strata_[h].weight *= factor;
    }
  }
}

Injection CampaignPlan::injection(std::uint64_t number) const {
  if (!census_) return sampled(number);
  if (listed_.empty()) return exhaustive(number);
  Injection injection(number, 0, listed_[number].front());
  for (std::size_t n = 1; n < listed_[number].size(); ++n) injection.add(listed_[number][n]);
  while (classes_[injection.stratum].reg != injection.fault.site.reg) ++injection.stratum;
  return injection;
}

FaultClass CampaignPlan::fault_class(std::uint32_t stratum) const {
  auto share = shares_.begin();
  while (stratum >= share->first_stratum + share->strata) ++share;
  return groups_[share->group].fault_class;
}

Injection CampaignPlan::sampled(std::uint64_t number) const {
  auto range = ranges_.begin();
  while (number >= range->first + range->size) ++range;
  const Share& share = shares_[range->share];
  const MixGroup& group = groups_[share.group];
  const std::uint64_t draw = range->drawn + number - range->first;
  const std::uint64_t h = share.first_stratum + draw % share.strata;
  const Stratum& population = populations_[h];
  RandomStream random(seed_, streams_[h], draw / share.strata);

  std::uint64_t ticket = random.below(group.weight);
  auto m = group.models.begin();
  while (ticket >= config_.models[*m].weight) ticket -= config_.models[*m++].weight;
  const FaultModelConfig& model = config_.models[*m];

  LiveBlock block;
  Injection injection(number, static_cast<std::uint32_t>(h), population.draw(random, block));
  take_model(model, universe_, random, injection.fault);
  if (group.fault_class == FaultClass::permanent) injection.fault.cycle = 0;
  injection.block = block;
  injection.first_cycle = injection.fault.cycle;
  if (!group.compound) return injection;
  for (std::uint32_t n = 1; n < model.count.value_or(2); ++n) {
    const auto companions = std::find_if(
        companions_.begin(), companions_.end(),
        [&](const Stratum& stratum) { return stratum.domain() == population.domain(); });
    Fault further = companions->draw(random, block);
    take_model(model, universe_, random, further);
    injection.add(further);
  }
  return injection;
}

// Order: class, instance, bit, cycle, model; of permanent faults no cycle.
Injection CampaignPlan::exhaustive(std::uint64_t number) const {
  std::uint64_t rest = number;
  std::uint32_t h = 0;
  while (rest >= strata_[h].draws) rest -= strata_[h++].draws;
  const FaultModelConfig& model = config_.models[rest % config_.models.size()];
  rest /= config_.models.size();
  Fault fault;
  fault.how = behaviour(model.kind, model.parameters);
  if (attnguard::fault_class(model.kind) != FaultClass::permanent) {
    fault.cycle = rest % golden_cycles_;
    rest /= golden_cycles_;
  }
  const SelectedClass& cls = selected_[h];
  fault.site.reg = cls.reg;
  fault.bits_flipped = model.bits;
  const std::uint32_t width = universe_[cls.reg].site_bits();
  fault.bit = static_cast<std::uint32_t>(rest % width);
  rest /= width;  // now the rank of the instance among the selected ones
  if (cls.chosen.empty()) {
    fault.site.index = static_cast<std::uint32_t>(rest);
  } else {
    while (!cls.chosen[fault.site.index] || rest-- > 0) ++fault.site.index;
  }
  clip(universe_, fault);
  return {number, h, fault};
}

std::size_t CampaignPlan::memory_bytes() const {
  std::size_t bytes = 0;
  for (const Stratum& stratum : populations_) bytes += stratum.memory_bytes();
  for (const Stratum& stratum : companions_) bytes += stratum.memory_bytes();
  return bytes;
}

}  // namespace attnguard
