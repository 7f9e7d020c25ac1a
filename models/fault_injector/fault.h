// What, where and when of one fault, and what became of it in a run.
#pragma once

#include <cstdint>
#include <string>

#include "models/fabric/tile.h"
#include "models/fault_injector/fault_universe.h"

namespace attnguard {

enum class FaultModel : std::uint8_t {
  bit_flip,        ///< the bits of the mask change once
  stuck_at_0,      ///< they are 0 from cycle 0 on
  stuck_at_1,      ///< they are 1 from cycle 0 on
  intermittent,    ///< they are forced to a value in some cycles of every period
  carry,           ///< an adder's result is off by one unit of the bit
  address,         ///< of one transaction on a link: bits of its address change
  drop,            ///< of one transaction on a link: it never arrives
  duplicate,       ///< it arrives twice
  delay,           ///< it arrives late
  error_response,  ///< it is answered with an error and does not arrive
  compound,        ///< several faults in one run; no fault by itself
  probe,           ///< changes nothing: activated by the n-th access to its site
};

enum class FaultClass : std::uint8_t { transient, intermittent, permanent };

constexpr FaultClass fault_class(FaultModel model) {
  switch (model) {
    case FaultModel::stuck_at_0:
    case FaultModel::stuck_at_1:
      return FaultClass::permanent;
    case FaultModel::intermittent:
      return FaultClass::intermittent;
    default:
      return FaultClass::transient;
  }
}

/// Acts on a transaction of a link as a whole.
constexpr bool on_transfers(FaultModel model) {
  return model >= FaultModel::address && model <= FaultModel::error_response;
}

/// How a fault changes a value, and in which cycles.
struct FaultBehaviour {
  FaultModel model = FaultModel::bit_flip;
  bool value = true;     ///< intermittent: what the bits are forced to
  bool missing = false;  ///< carry: one is missing (−2^bit), else one is wrong (+2^bit)
  std::uint32_t period_cycles = 1, duty_cycles = 1;  ///< intermittent: forced in the first
                                                     ///< duty_cycles of every period_cycles

  /// Acts again and again; else it strikes once.
  bool persistent() const {
    return fault_class(model) != FaultClass::transient || model == FaultModel::probe;
  }
  /// Of a persistent fault that starts at `start`: the first cycle in which it acts, `from` or
  /// later.
  std::uint64_t next_active(std::uint64_t start, std::uint64_t from) const {
    if (from <= start) return start;
    const std::uint64_t phase = (from - start) % period_cycles;
    return phase < duty_cycles ? from : from + (period_cycles - phase);
  }
  /// Whether that is before `until`.
  bool acts(std::uint64_t start, std::uint64_t from, std::uint64_t until) const {
    return next_active(start, from) < until;
  }
  /// What it makes of `raw`, a value of `width` bits.
  std::uint64_t applied(std::uint64_t raw, std::uint64_t mask, std::uint32_t width) const {
    const std::uint64_t held = width >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
    switch (model) {
      case FaultModel::stuck_at_0:
        return raw & ~mask;
      case FaultModel::stuck_at_1:
        return raw | (mask & held);
      case FaultModel::intermittent:
        return value ? raw | (mask & held) : raw & ~mask;
      case FaultModel::carry:
        return (missing ? raw - mask : raw + mask) & held;
      case FaultModel::probe:
        return raw;
      default:
        return raw ^ (mask & held);
    }
  }
};

/// One fault of one site. The register's value changes after the update of `cycle`; whoever reads
/// it from cycle + 1 sees it.
struct Fault {
  Site site;
  std::uint32_t bit = 0;  ///< lowest bit concerned; on a link: lane × bits + bit of the lane
  std::uint32_t bits_flipped = 1;  ///< number of bits concerned
  std::uint64_t cycle = 0;         ///< permanent: 0; intermittent: first cycle of the first period
  FaultBehaviour how{};
  std::uint64_t pattern = 0;  ///< the bits, from `bit` upwards, where they are not adjacent; else 0
  std::uint32_t delay_cycles = 0;  ///< delay
  std::uint32_t access = 0;        ///< probe: which access, from 1

  std::uint64_t mask() const {  ///< within one register (or one lane of a link)
    if (pattern != 0) return pattern << bit;
    const std::uint64_t ones =
        bits_flipped >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits_flipped) - 1;
    return ones << bit;
  }
  std::uint64_t applied(std::uint64_t raw, std::uint32_t width) const {
    return how.applied(raw, mask(), width);
  }
};

/// Where in the workload something lies, like the first use of a flipped value; −1 where that does
/// not apply.
struct Place {
  std::int32_t head = -1;
  std::int32_t query_row = -1;  ///< row within the head's queries
  std::int32_t key_tile = -1;
};

/// Place of a tile; `row`: of one of its lanes.
inline Place place_of(const TileContext& tile) {
  Place place;
  place.head = static_cast<std::int32_t>(tile.head);
  place.key_tile = static_cast<std::int32_t>(tile.key_tile);
  return place;
}
inline Place place_of(const TileContext& tile, std::uint32_t row) {
  Place place = place_of(tile);
  place.query_row = static_cast<std::int32_t>(tile.first_row + row);
  return place;
}

/// What became of the armed fault. Activated: an enabled lane read the flipped bits before they
/// were overwritten; of a forced bit, read a value that is not the one it would read without.
struct FaultOutcome {
  bool activated = false;
  std::uint64_t activate_cycle = 0;
  std::uint64_t value_before = 0;  ///< raw bits, meaningful when activated
  std::uint64_t value_after = 0;
  Place place;

  /// Of two, the one activated first; this one of two in the same cycle.
  const FaultOutcome& earlier(const FaultOutcome& other) const {
    return !other.activated || (activated && activate_cycle <= other.activate_cycle) ? *this
                                                                                     : other;
  }
};

}  // namespace attnguard
