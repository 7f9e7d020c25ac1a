// What does not change from injection to injection.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "src/campaign/faults/plan.h"
#include "src/campaign/injections/verdict.h"
#include "src/simulation/combinations.h"
#include "src/simulation/simulation.h"

namespace attnguard {

/// A complete run with the faults armed; gives up after watchdog_cycles.
using Simulate =
    std::function<RunResult(const std::vector<Fault>& faults, std::uint64_t watchdog_cycles)>;

/// Of a campaign with a recovery policy.
struct RecoveryContext {
  std::vector<std::size_t> checkers;  ///< whose alarm interrupts
  RecoveryConfig config;
  Simulate simulate;  ///< a run in which alarms interrupt
};

struct CampaignContext {
  const FaultUniverse& universe;
  const CampaignPlan& plan;
  const RunResult& golden;
  std::vector<std::string> checkers;                  ///< configuration order
  std::vector<std::vector<std::string>> comparisons;  ///< per checker
  OutputLayout layout;
  double tolerance = 0;
  Members members = {};            ///< of the checkers that are combinations; empty if none is
  bool protected_buffers = false;  ///< some buffer has check bits
  /// Per checker: it hears of the decoders' errors; empty if none does.
  std::vector<bool> hears_decoders = {};
  std::optional<RecoveryContext> recovery = {};

  std::uint64_t watchdog_cycles() const { return attnguard::watchdog_cycles(golden.cycles); }
};

/// Whose state each register is, looked up once per campaign.
class Owners {
 public:
  explicit Owners(const CampaignContext& context) : checkers_(context.checkers.size()) {
    for (const RegisterClass& cls : context.universe.classes())
      for (std::size_t c = 0; c < checkers_; ++c) owners_.push_back(owner(context, cls, c));
  }
  FaultOwner operator()(RegisterId reg, std::size_t checker) const {
    return owners_[reg * checkers_ + checker];
  }

 private:
  /// What is a member's state is the combination's own; check bits belong to whoever hears of the
  /// decoders' errors.
  static FaultOwner owner(const CampaignContext& context, const RegisterClass& cls,
                          std::size_t checker) {
    if (cls.coded && cls.domain == Domain::safety_mechanism) {
      const bool hears = checker < context.hears_decoders.size() && context.hears_decoders[checker];
      return hears ? FaultOwner::this_checker : FaultOwner::other_checker;
    }
    if (checker < context.members.size())
      for (const std::size_t member : context.members[checker])
        if (owner_of(cls, context.checkers[member]) == FaultOwner::this_checker)
          return FaultOwner::this_checker;
    return owner_of(cls, context.checkers[checker]);
  }

  std::size_t checkers_;
  std::vector<FaultOwner> owners_;
};

}  // namespace attnguard
