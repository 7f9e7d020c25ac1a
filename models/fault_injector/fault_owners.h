// Who arms the faults of a register class and knows what became of them.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "models/fault_injector/fault.h"
#include "models/fault_injector/fault_universe.h"

namespace attnguard {

class FaultOwners {
 public:
  explicit FaultOwners(const FaultUniverse& universe) : universe_(universe) {}

  /// Register classes declared since the last call belong to this owner.
  void own(std::function<void(const Fault&)> arm, std::function<FaultOutcome()> outcome) {
    owners_.resize(universe_.classes().size(), Owner{std::move(arm), std::move(outcome)});
  }
  /// The same for a unit that keeps its faults in a tap.
  template <class Unit>
  void own_tap(Unit& unit) {
    own([&unit](const Fault& fault) { unit.tap().add(fault); },
        [&unit]() { return unit.tap().outcome(); });
  }
  /// Classes [first, past_last), declared together with others.
  void own(RegisterId first, RegisterId past_last, const std::function<void(const Fault&)>& arm,
           const std::function<FaultOutcome()>& outcome) {
    if (owners_.size() < past_last) owners_.resize(past_last);
    for (RegisterId reg = first; reg < past_last; ++reg) owners_[reg] = {arm, outcome};
  }

  void arm(const Fault& fault) const { owners_[fault.site.reg].arm(fault); }
  /// Of the faults of the unit that owns this register, the first activated.
  FaultOutcome outcome(RegisterId reg) const { return owners_[reg].outcome(); }

 private:
  struct Owner {
    std::function<void(const Fault&)> arm;
    std::function<FaultOutcome()> outcome;
  };
  const FaultUniverse& universe_;
  std::vector<Owner> owners_;
};

}  // namespace attnguard
