// What, where and when of one fault, and what became of it in a run.
#pragma once

#include <cstdint>
#include <string>

#include "models/fabric/tile.h"
#include "models/fault_injector/fault_universe.h"

namespace attnguard {

/// A transient flip of `bits_flipped` adjacent bits from `bit` upwards. The register's value
/// changes after the update of `cycle`; whoever reads it from cycle + 1 sees it.
struct Fault {
  Site site;
  std::uint32_t bit = 0;  ///< on a link: lane × bits + bit of the lane
  std::uint32_t bits_flipped = 1;
  std::uint64_t cycle = 0;

  std::uint64_t mask() const {  ///< within one register (or one lane of a link)
    const std::uint64_t ones =
        bits_flipped >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits_flipped) - 1;
    return ones << bit;
  }
};

/// Where in the workload the flipped value was first used; −1 where that does not apply.
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
/// were overwritten.
struct FaultOutcome {
  bool activated = false;
  std::uint64_t activate_cycle = 0;
  std::uint64_t value_before = 0;  ///< raw bits, meaningful when activated
  std::uint64_t value_after = 0;
  Place place;
};

}  // namespace attnguard
