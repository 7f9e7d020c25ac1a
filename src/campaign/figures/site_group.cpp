#include "src/campaign/figures/site_group.h"

#include <tuple>

namespace attnguard {

std::vector<SiteGroup> site_classes(const CampaignContext& context, FaultClass fault_class) {
  std::vector<SiteGroup> groups;
  for (const PlanClass& cls : context.plan.classes()) {
    const RegisterClass& reg = context.universe[cls.reg];
    groups.push_back(
        {reg.site_class(), reg.domain, fault_class, cls.bits, cls.live_bit_cycles, {cls.reg}});
  }
  return groups;
}

std::vector<SiteGroup> totals(const CampaignContext& context, FaultClass fault_class) {
  std::vector<SiteGroup> groups;
  for (const auto& [name, logic, sram] :
       {std::tuple{"total_logic", true, false}, std::tuple{"total_sram", false, true},
        std::tuple{"total", true, true}}) {
    SiteGroup& group = groups.emplace_back();
    group.name = name;
    group.fault_class = fault_class;
    for (const PlanClass& cls : context.plan.classes()) {
      const RegisterClass& reg = context.universe[cls.reg];
      if (reg.domain != Domain::function || !(reg.kind == StorageKind::sram ? sram : logic))
        continue;
      group.bits += cls.bits;
      group.live_bit_cycles += cls.live_bit_cycles;
      group.classes.push_back(cls.reg);
    }
  }
  return groups;
}

std::vector<SiteGroup> strata(const CampaignContext& context, FaultClass fault_class) {
  std::vector<SiteGroup> groups;
  const std::vector<PlanStratum>& all = context.plan.strata();
  for (std::uint32_t h = 0; h < all.size(); ++h) {
    // A sampled stratum has one class.
    if (!context.plan.census() && context.plan.fault_class(h) != fault_class) continue;
    groups.push_back({all[h].name, all[h].domain, fault_class, 0, all[h].live_bit_cycles, {}, h});
  }
  return groups;
}

}  // namespace attnguard
