// A fault in one register of the PE array, and the faults armed in a stepping array: when to stop
// for them, what they change, what became of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "models/fault_injector/fault.h"
#include "models/numerics/format.h"

namespace attnguard {

/// Registers of a PE: west, north, acc and drain of the output-stationary array; west, stationary,
/// preload and sum of the weight- and input-stationary one.
enum class ArrayRegister : std::uint8_t { west, north, acc, drain, stationary, preload, sum };

/// A fault in one register, which acts on its value after the update of `cycle`, or from then on.
struct ArrayFault {
  ArrayRegister which = ArrayRegister::acc;
  std::uint32_t row = 0;
  std::uint32_t col = 0;
  std::uint32_t mask = 0;  ///< bits above the width of the value's format are not live
  std::uint64_t cycle = 0;
  FaultBehaviour how{};
  std::uint32_t access = 0;  ///< of a probe
};

/// Of a register with `cols` elements per row of PEs.
ArrayFault array_fault(ArrayRegister which, const Fault& fault, std::uint32_t cols);

/// The cycles after whose update a register holds a value that is still read.
struct HeldCycles {
  std::uint64_t begin = 0, end = 0;

  bool contains(std::uint64_t cycle) const { return begin <= cycle && cycle < end; }
  /// The fault acts in one of them.
  bool meet(const ArrayFault& fault) const {
    if (!fault.how.persistent()) return contains(fault.cycle);
    return begin < end && fault.how.acts(fault.cycle, begin, end);
  }
};

/// std::logic_error unless the condition holds.
void require_array(bool holds, const char* what);

/// What a register holds after the update of a cycle, on behalf of a pass that will read it.
struct HeldValue {
  float* value = nullptr;
  Format format = Format::float32;
  std::uint64_t read_cycle = 0;  ///< the next read
  Place place;
};

class ArrayFaults {
 public:
  void arm(const ArrayFault& fault) { faults_.push_back({fault}); }
  void disarm() { faults_.clear(); }
  bool empty() const { return faults_.empty(); }

  /// A fault that strikes once waits for cycle `now` or later.
  bool pending(std::uint64_t now) const;
  /// The cycle after the next one in which a fault may act, at most `end`. Persistent faults act
  /// from cycle `busy` on, before which no register is held; without it, never.
  std::uint64_t next_stop(std::uint64_t now, std::optional<std::uint64_t> busy,
                          std::uint64_t end) const;
  /// What was done for later cycles than `cycle` never happens.
  void abandon(std::uint64_t cycle);
  /// The first activation, of a probe its access.
  FaultOutcome outcome() const;

  /// Whether meets(fault) is true of a fault that may still act.
  template <class Meets>
  bool any(const Meets& meets) const {
    return std::any_of(faults_.begin(), faults_.end(),
                       [&](const Armed& armed) { return !armed.spent && meets(armed.fault); });
  }

  /// Lets the faults act on what held(fault) → std::optional<HeldValue> names, after the update of
  /// `cycle`. A fault of bits that nothing holds changes nothing: they are never read.
  template <class Held>
  void apply(std::uint64_t cycle, const Held& held) {
    for (Armed& armed : faults_)
      if (acts(armed, cycle))
        if (const std::optional<HeldValue> target = held(armed.fault))
          strike(armed, cycle, *target);
  }

 private:
  struct Armed {
    ArrayFault fault;
    FaultOutcome outcome{};
    bool spent = false;                  ///< it has struck
    std::vector<std::uint64_t> reads{};  ///< of a probed register
  };
  static bool acts(const Armed& armed, std::uint64_t cycle);
  static void strike(Armed& armed, std::uint64_t cycle, const HeldValue& held);

  std::vector<Armed> faults_;
};

}  // namespace attnguard
