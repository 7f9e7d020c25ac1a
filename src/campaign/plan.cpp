#include "src/campaign/plan.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

namespace attnguard {
namespace {

bool is_function(Domain domain) { return domain == Domain::function; }

// The instances named by a list of faults, as selected classes in declaration order.
std::vector<SelectedClass> select_listed(const FaultUniverse& universe,
                                         const std::vector<Fault>& faults) {
  std::map<RegisterId, SelectedClass> by_class;
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
                           const std::vector<LiveBlock>& blocks, std::uint64_t golden_cycles)
    : universe_(universe), config_(config), seed_(seed), golden_cycles_(golden_cycles) {
  if (config.models.empty()) origin.reject("/campaign/models", "[]", "at least one fault model");
  if (config.faults.empty()) {
    selected_ = select_sites(universe, config.sites, origin);
  } else {
    plan_listed(origin, golden_cycles);
    selected_ = select_listed(universe, listed_);
  }
  if (selected_.empty()) origin.reject("/campaign/sites", "[]", "at least one glob");
  partition_by_domain(selected_,
                      [&](const SelectedClass& cls) { return universe[cls.reg].domain; });
  populations_ = live_strata(universe, selected_, blocks);

  std::map<RegisterId, std::uint64_t> live;
  for (const Stratum& stratum : populations_) live[stratum.reg()] += stratum.live_bit_cycles();
  for (const SelectedClass& cls : selected_)
    classes_.push_back({cls.reg, cls.instances * universe[cls.reg].site_bits(), live[cls.reg]});

  census_ = !config.faults.empty() || config.sampling == Sampling::exhaustive;
  if (!census_) {
    plan_sampling(origin);
  } else {
    populations_.clear();
    plan_census();
  }
}

void CampaignPlan::plan_census() {
  for (const PlanClass& cls : classes_) {
    const RegisterClass& reg = universe_[cls.reg];
    const std::uint64_t draws =
        listed_.empty() ? cls.bits * golden_cycles_ * config_.models.size()
                        : static_cast<std::uint64_t>(std::count_if(
                              listed_.begin(), listed_.end(),
                              [&](const Fault& fault) { return fault.site.reg == cls.reg; }));
    strata_.push_back({reg.site_class(), reg.domain, cls.live_bit_cycles, draws, 1});
    size_ += draws;
  }
}

void CampaignPlan::plan_listed(const ConfigOrigin& origin, std::uint64_t golden_cycles) {
  for (std::size_t i = 0; i < config_.faults.size(); ++i) {
    const TriggerConfig& trigger = config_.faults[i];
    const std::string at = "/campaign/faults/" + std::to_string(i);
    const std::optional<Site> site = universe_.find(trigger.site);
    if (!site)
      origin.reject(at + "/site", "\"" + trigger.site + "\"",
                    "a site; " + site_hint(universe_, trigger.site));
    const std::uint32_t width = universe_[site->reg].site_bits();
    if (trigger.bit >= width)
      origin.reject(at + "/bit", std::to_string(trigger.bit),
                    "a bit of the site, 0 to " + std::to_string(width - 1));
    if (trigger.cycle >= golden_cycles)
      origin.reject(at + "/cycle", std::to_string(trigger.cycle),
                    "a cycle of the run, 0 to " + std::to_string(golden_cycles - 1));
    listed_.push_back({*site, trigger.bit, trigger.bits, trigger.cycle});
    clip(listed_.back());
  }
}

void CampaignPlan::plan_sampling(const ConfigOrigin& origin) {
  if (config_.sampling == Sampling::uniform) {
    std::vector<Stratum> merged;
    for (const Domain domain : {Domain::function, Domain::safety_mechanism}) {
      Stratum all(is_function(domain) ? "function" : "safety_mechanism", domain, 0);
      for (const Stratum& stratum : populations_)
        if (stratum.domain() == domain) all.add(stratum);
      if (all.live_bit_cycles() > 0) merged.push_back(std::move(all));
    }
    populations_ = std::move(merged);
  }
  function_strata_ =
      partition_by_domain(populations_, [](const Stratum& stratum) { return stratum.domain(); });
  const std::size_t safety_strata = populations_.size() - function_strata_;
  if (populations_.empty())
    origin.reject("/campaign/sites", "sites", "at least one site that is live in the golden run");

  for (const Stratum& stratum : populations_)
    streams_.push_back(stable_hash(
        (is_function(stratum.domain()) ? "function/" : "safety_mechanism/") + stratum.name()));
  size_ = config_.injections;
  function_size_ = function_strata_ == 0 ? 0 : size_;
  if (function_strata_ > 0 && safety_strata > 0)
    function_size_ -= static_cast<std::uint64_t>(
        std::floor(static_cast<double>(size_) * config_.safety_mechanism_share));
  for (std::size_t h = 0; h < populations_.size(); ++h) {
    const bool function = h < function_strata_;
    const std::uint64_t domain_size = function ? function_size_ : size_ - function_size_;
    const std::uint64_t count = function ? function_strata_ : safety_strata;
    const std::uint64_t rank = function ? h : h - function_strata_;
    const std::uint64_t draws = (domain_size + count - 1 - rank) / count;
    const std::uint64_t live = populations_[h].live_bit_cycles();
    strata_.push_back({populations_[h].name(), populations_[h].domain(), live, draws,
                       draws == 0 ? 0 : static_cast<double>(live) / static_cast<double>(draws)});
  }
}

Injection CampaignPlan::injection(std::uint64_t number) const {
  if (!census_) return sampled(number);
  if (listed_.empty()) return exhaustive(number);
  Injection injection{number, 0, FaultModel::bit_flip, listed_[number], {}};
  while (classes_[injection.stratum].reg != injection.fault.site.reg) ++injection.stratum;
  return injection;
}

// Injection j of a domain goes to stratum j mod H as its draw j / H, whatever the other domain
// holds.
Injection CampaignPlan::sampled(std::uint64_t number) const {
  const bool function = number < function_size_;
  const std::uint64_t within = function ? number : number - function_size_;
  const std::uint64_t count = function ? function_strata_ : populations_.size() - function_strata_;
  const std::uint64_t h = within % count + (function ? 0 : function_strata_);
  const Stratum& population = populations_[h];
  RandomStream random(seed_, streams_[h], within / count);

  std::uint64_t total_weight = 0;
  for (const FaultModelConfig& model : config_.models) total_weight += model.weight;
  std::uint64_t ticket = random.below(total_weight);
  std::size_t m = 0;
  while (ticket >= config_.models[m].weight) ticket -= config_.models[m++].weight;

  Injection injection{number, static_cast<std::uint32_t>(h), config_.models[m].kind, {}, {}};
  injection.fault = population.draw(random, injection.block.emplace());
  injection.fault.bits_flipped = config_.models[m].bits;
  clip(injection.fault);
  return injection;
}

// Order: class, instance, bit, cycle, model.
Injection CampaignPlan::exhaustive(std::uint64_t number) const {
  std::uint64_t rest = number;
  std::uint32_t h = 0;
  while (rest >= strata_[h].draws) rest -= strata_[h++].draws;
  const FaultModelConfig& model = config_.models[rest % config_.models.size()];
  rest /= config_.models.size();
  Fault fault;
  fault.cycle = rest % golden_cycles_;
  rest /= golden_cycles_;
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
  clip(fault);
  return {number, h, model.kind, fault, {}};
}

void CampaignPlan::clip(Fault& fault) const {
  const std::uint32_t bits = universe_[fault.site.reg].bits;
  fault.bits_flipped = std::min(fault.bits_flipped, bits - fault.bit % bits);
}

std::size_t CampaignPlan::memory_bytes() const {
  std::size_t bytes = 0;
  for (const Stratum& stratum : populations_) bytes += stratum.memory_bytes();
  return bytes;
}

}  // namespace attnguard
