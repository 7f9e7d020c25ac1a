// What does not change from injection to injection.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/campaign/plan.h"
#include "src/campaign/verdict.h"
#include "src/simulation/simulation.h"

namespace attnguard {

struct CampaignContext {
  const FaultUniverse& universe;
  const CampaignPlan& plan;
  const RunResult& golden;
  std::vector<std::string> checkers;                  ///< configuration order
  std::vector<std::vector<std::string>> comparisons;  ///< per checker
  OutputLayout layout;
  double tolerance = 0;

  std::uint64_t watchdog_cycles() const { return 4 * golden.cycles + 10000; }
};

/// Whose state each register is, looked up once per campaign.
class Owners {
 public:
  explicit Owners(const CampaignContext& context) : checkers_(context.checkers.size()) {
    for (const RegisterClass& cls : context.universe.classes())
      for (const std::string& checker : context.checkers) owners_.push_back(owner_of(cls, checker));
  }
  FaultOwner operator()(RegisterId reg, std::size_t checker) const {
    return owners_[reg * checkers_ + checker];
  }

 private:
  std::size_t checkers_;
  std::vector<FaultOwner> owners_;
};

}  // namespace attnguard
