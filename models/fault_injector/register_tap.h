// The tap on a unit's declared registers.
//
// Units process a tile at a time, so a fault is applied when its register is next accessed: every
// access names its cycle, accesses to one register come in time order, and a pending flip of cycle
// t takes effect at the first access after t. A read then sees it (activated); a write removes it
// (not activated). A fault that forces bits acts on what stands in the register in every cycle it
// is active: on a value written at w and read at r if it is active in w .. r − 1; what it has
// forced stays until it is overwritten. Disarmed, a unit pays one test of pending() per tile.
#pragma once

#include <bitset>
#include <cstdint>
#include <cstring>
#include <vector>

#include "models/fault_injector/fault.h"
#include "models/numerics/format.h"

namespace attnguard {

/// Rows of a tile.
using RowSet = std::bitset<128>;

/// A fault that waits to act, or goes on acting.
struct ArmedFault {
  Fault fault;
  FaultOutcome outcome{};
  bool spent = false;                  ///< it will not act any more
  std::uint64_t since = 0;             ///< persistent: latest access to the register
  std::vector<std::uint64_t> reads{};  ///< probe: cycles of all reads

  bool at(RegisterId reg, std::uint32_t index) const {
    return fault.site.reg == reg && fault.site.index == index;
  }
  /// It strikes once; else see FaultBehaviour::persistent.
  bool once() const { return !fault.how.persistent(); }
  void activate(std::uint64_t cycle, std::uint64_t before, std::uint64_t after,
                const Place& place) {
    if (once()) spent = true;
    const FaultOutcome now{true, cycle, before, after, place};
    outcome = outcome.earlier(now);
  }
  /// A read of a probed site.
  void count(std::uint64_t cycle) { reads.push_back(cycle); }
  /// The work that held its register is abandoned in `cycle`: all that was accessed is overwritten
  /// in the update of that cycle, and what units had already done for later cycles never happens.
  void abandon(std::uint64_t cycle);
  /// Of a probe: its access, if there were as many.
  FaultOutcome result() const;
};

class RegisterTap {
 public:
  /// Arms the tap with this fault alone; forgets every earlier one.
  void arm(const Fault& fault) {
    disarm();
    add(fault);
  }
  /// One more fault in the same run.
  void add(const Fault& fault) {
    armed_.push_back({fault});
    pending_ = true;
  }
  void disarm() {
    armed_.clear();
    pending_ = false;
  }

  /// A fault of this unit waits to be applied, or is applied again and again.
  bool pending() const { return pending_; }
  /// A pending fault takes effect before `cycle`: processing that ends before it need not look.
  bool pending_before(std::uint64_t cycle) const {
    if (!pending_) return false;
    for (const ArmedFault& armed : armed_)
      if (!armed.spent && armed.fault.cycle < cycle) return true;
    return false;
  }
  /// See ArmedFault::abandon.
  void abandon(std::uint64_t cycle) {
    for (ArmedFault& armed : armed_) armed.abandon(cycle);
    update_pending();
  }
  /// In the order armed.
  std::vector<ArmedFault>& armed() { return armed_; }
  const std::vector<ArmedFault>& armed() const { return armed_; }
  /// Of all faults, the first activated.
  FaultOutcome outcome() const;

  /// The register is read at `cycle`; changes `raw`, of `width` bits, in place if a fault is due.
  /// True if it did.
  bool read(RegisterId reg, std::uint32_t index, std::uint64_t cycle, std::uint64_t& raw,
            const Place& place, std::uint32_t width = 64) {
    if (!pending_) return false;
    bool changed = false;
    for (ArmedFault& armed : armed_) {
      if (armed.spent || !armed.at(reg, index)) continue;
      changed |= apply(armed, cycle, raw, place, width);
    }
    update_pending();
    return changed;
  }
  /// The same for a value held in `format` (bfloat16, float16 or float32).
  bool read(RegisterId reg, std::uint32_t index, std::uint64_t cycle, float& value,
            const Place& place, Format format = Format::float32) {
    if (!watches(reg, index)) return false;
    std::uint64_t raw = encode(format, value);
    if (!read(reg, index, cycle, raw, place, bits_of(format))) return false;
    value = decode(format, static_cast<std::uint32_t>(raw));
    return true;
  }
  /// The register is overwritten at `cycle`: a flip that nobody read vanishes.
  void write(RegisterId reg, std::uint32_t index, std::uint64_t cycle) {
    if (!pending_) return;
    for (ArmedFault& armed : armed_) {
      if (armed.spent || !armed.at(reg, index)) continue;
      if (armed.once())
        armed.spent = armed.fault.cycle < cycle;
      else
        armed.since = cycle;
    }
    update_pending();
  }

  /// For models that apply their faults themselves: after some of armed() were spent.
  void update_pending() {
    pending_ = false;
    for (const ArmedFault& armed : armed_) pending_ |= !armed.spent;
  }

 private:
  bool watches(RegisterId reg, std::uint32_t index) const {
    if (!pending_) return false;
    for (const ArmedFault& armed : armed_)
      if (!armed.spent && armed.at(reg, index)) return true;
    return false;
  }
  static bool apply(ArmedFault& armed, std::uint64_t cycle, std::uint64_t& raw, const Place& place,
                    std::uint32_t width);

  bool pending_ = false;  // first: the only member a disarmed unit touches
  std::vector<ArmedFault> armed_;
};

}  // namespace attnguard
