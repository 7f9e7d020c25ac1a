#include "models/fabric/burst_shape.h"

namespace attnguard {

std::optional<std::pair<std::uint32_t, std::uint32_t>> beat_at(const BeatTiming& timing,
                                                               std::uint64_t cycle) {
  for (std::uint32_t group = 0; group < timing.groups; ++group) {
    const std::uint64_t first = timing.cycle(group, 0);
    if (cycle < first || cycle > timing.cycle(group, timing.beats - 1)) continue;
    const std::uint64_t since = cycle - first;
    if (timing.beats == 1 || since % timing.beat_interval_cycles == 0)
      return {{group, timing.beats == 1
                          ? 0
                          : static_cast<std::uint32_t>(since / timing.beat_interval_cycles)}};
  }
  return std::nullopt;
}

std::optional<BurstElement> element_at(const BurstShape& burst, std::uint64_t cycle,
                                       std::uint32_t link_lane) {
  const auto beat = beat_at(burst.timing, cycle);
  if (!beat || link_lane < burst.first_lane) return std::nullopt;
  const std::uint32_t lane = link_lane - burst.first_lane;
  if (lane >= burst.lanes_of(beat->first)) return std::nullopt;
  return BurstElement{beat->first, beat->second, lane};
}

}  // namespace attnguard
