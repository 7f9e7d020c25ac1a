// The tap on a unit's declared registers.
//
// Units process a tile at a time, so a flip is applied when the register is next accessed: every
// access names its cycle, accesses to one register come in time order, and a pending flip of cycle
// t takes effect at the first access after t. A read then sees it (activated); a write removes it
// (not activated). Disarmed, a unit pays one test of pending() per tile.
#pragma once

#include <cstdint>
#include <cstring>

#include "models/fault_injector/fault.h"
#include "models/numerics/format.h"

namespace attnguard {

class RegisterTap {
 public:
  /// Arms the tap; forgets the previous outcome.
  void arm(const Fault& fault) {
    fault_ = fault;
    outcome_ = {};
    pending_ = true;
  }
  void disarm() {
    outcome_ = {};
    pending_ = false;
  }

  /// A fault of this unit waits to be applied.
  bool pending() const { return pending_; }
  /// The pending fault takes effect before `cycle`: processing that ends before it need not look.
  bool pending_before(std::uint64_t cycle) const { return pending_ && fault_.cycle < cycle; }
  const Fault& fault() const { return fault_; }
  const FaultOutcome& outcome() const { return outcome_; }

  /// The register is read at `cycle`; flips `raw` in place if the fault is due. True if it was.
  bool read(RegisterId reg, std::uint32_t index, std::uint64_t cycle, std::uint64_t& raw,
            const Place& place) {
    if (!due(reg, index, cycle)) return false;
    activate(cycle, raw, raw ^ fault_.mask(), place);
    raw = outcome_.value_after;
    return true;
  }
  /// The same for a value held in `format` (bfloat16, float16 or float32).
  bool read(RegisterId reg, std::uint32_t index, std::uint64_t cycle, float& value,
            const Place& place, Format format = Format::float32) {
    if (!due(reg, index, cycle)) return false;
    std::uint64_t raw = encode(format, value);
    if (!read(reg, index, cycle, raw, place)) return false;
    value = decode(format, static_cast<std::uint32_t>(raw));
    return true;
  }
  /// The register is overwritten at `cycle`: a flip that nobody read vanishes.
  void write(RegisterId reg, std::uint32_t index, std::uint64_t cycle) {
    if (due(reg, index, cycle)) pending_ = false;
  }

  bool due(RegisterId reg, std::uint32_t index, std::uint64_t cycle) const {
    return pending_ && fault_.site.reg == reg && fault_.site.index == index && fault_.cycle < cycle;
  }
  /// For models that apply the flip themselves (stepping array, links).
  void activate(std::uint64_t cycle, std::uint64_t before, std::uint64_t after,
                const Place& place) {
    pending_ = false;
    outcome_ = {true, cycle, before, after, place};
  }

 private:
  bool pending_ = false;  // first: the only member a disarmed unit touches
  Fault fault_;
  FaultOutcome outcome_;
};

}  // namespace attnguard
