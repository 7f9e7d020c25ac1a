// The common start of every campaign command: elaboration, golden run, plan.
#pragma once

#include <cstdint>
#include <optional>

#include "src/campaign/faults/plan.h"
#include "src/campaign/injections/measure.h"
#include "src/simulation/prepared.h"
#include "src/simulation/simulation.h"

namespace attnguard {

/// Holds the simulation in the state after its golden run, from which workers are forked.
class CampaignSession {
 public:
  /// UserError for a wrong site or trigger and for a checker that alarms in the golden run;
  /// UnfinishedError.
  explicit CampaignSession(const Prepared& prepared);

  const Simulation& simulation() const { return simulation_; }
  Simulation& simulation() { return simulation_; }
  const RunResult& golden() const { return golden_; }
  double golden_wall_s() const { return golden_wall_s_; }
  const CampaignPlan& plan() const { return plan_; }
  CampaignPlan& plan() { return plan_; }
  const CampaignContext& context() const { return context_; }
  Simulate simulate();

 private:
  RunResult run_golden(const Prepared& prepared);
  std::optional<RecoveryContext> recovery(const Prepared& prepared);
  std::optional<std::uint64_t> access_cycle(const Fault& probe);

  Simulation simulation_;
  double golden_wall_s_ = 0;
  RunResult golden_;
  CampaignPlan plan_;
  CampaignContext context_;
};

/// The workers asked for, or one per core.
std::uint32_t worker_count(std::uint32_t asked);

}  // namespace attnguard
