// How the elements of a tile cross a link: which tile, when each beat crosses, where each element
// lies. Plain C++.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "models/fabric/tile.h"
#include "models/numerics/format.h"

namespace attnguard {

/// Element (group, beat, lane) lies at group × group_stride + beat × beat_stride + lane ×
/// lane_stride bytes of the payload data.
struct BurstShape {
  TileContext tile;
  BeatTiming timing;
  Format format = Format::float32;
  std::uint32_t lanes = 1;       ///< elements of a beat
  std::uint32_t first_lane = 0;  ///< lane of the link that carries element 0: streams that may
                                 ///< cross in the same cycle have lanes of their own
  std::uint32_t last_group_lanes = 1;  ///< of the last group, where the tile's edge is ragged
  std::size_t group_stride = 0, beat_stride = 0, lane_stride = 0;
  std::uint32_t observation = 0;  ///< on links to the checksum unit: which Observation
  std::size_t values_stride = 0;  ///< elements between leading indices of the data, for observers

  std::uint32_t lanes_of(std::uint32_t group) const {
    return group + 1 == timing.groups ? last_group_lanes : lanes;
  }
  std::size_t offset(std::uint32_t group, std::uint32_t beat, std::uint32_t lane) const {
    return group * group_stride + beat * beat_stride + lane * lane_stride;
  }
  /// Bytes that cross: gated lanes do not count.
  std::uint64_t bytes() const {
    return (std::uint64_t{timing.groups - 1} * lanes + last_group_lanes) * timing.beats *
           bytes_of(format);
  }
};

/// An element of a burst.
struct BurstElement {
  std::uint32_t group = 0, beat = 0, lane = 0;
};

/// The beat that crosses at `cycle`, as {group, beat}.
std::optional<std::pair<std::uint32_t, std::uint32_t>> beat_at(const BeatTiming& timing,
                                                               std::uint64_t cycle);
/// The element that crosses at `cycle` on lane `link_lane` of the link.
std::optional<BurstElement> element_at(const BurstShape& burst, std::uint64_t cycle,
                                       std::uint32_t link_lane);

}  // namespace attnguard
