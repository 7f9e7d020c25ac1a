#include "models/fabric/timeline.h"

#include <algorithm>
#include <tuple>

namespace attnguard {
namespace {

/// Appends to intervals in time order; joins what continues the last one.
void append(std::vector<UnitInterval>& intervals, const UnitInterval& next) {
  if (next.begin >= next.end) return;
  if (!intervals.empty() && intervals.back().end == next.begin && intervals.back().same_state(next))
    intervals.back().end = next.end;
  else
    intervals.push_back(next);
}

std::uint64_t end_of(const std::vector<UnitInterval>& intervals) {
  return intervals.empty() ? 0 : intervals.back().end;
}

}  // namespace

bool UnitInterval::same_state(const UnitInterval& other) const {
  const auto state = [](const UnitInterval& of) {
    return std::tie(of.stall, of.operation, of.tile.head, of.tile.query_tile, of.tile.key_tile);
  };
  return state(*this) == state(other);
}

void UnitTrack::add(const UnitInterval& interval) { append(intervals_, interval); }

void UnitTrack::add_beats(const BeatTiming& timing, std::uint64_t busy_cycles,
                          std::string_view operation, const TileId& tile,
                          std::uint64_t stall_cycles, std::string_view stall) {
  const auto add_beat = [&](std::uint32_t group, std::uint32_t beat) {
    const std::uint64_t begin = timing.cycle(group, beat), busy_end = begin + busy_cycles;
    add({begin, busy_end, {}, operation, tile});
    add({busy_end, busy_end + stall_cycles, stall, {}, {}});
  };
  const bool interleaved = timing.group_interval_cycles < timing.beat_interval_cycles;
  if (interleaved)
    for (std::uint32_t beat = 0; beat < timing.beats; ++beat)
      for (std::uint32_t group = 0; group < timing.groups; ++group) add_beat(group, beat);
  else
    for (std::uint32_t group = 0; group < timing.groups; ++group)
      for (std::uint32_t beat = 0; beat < timing.beats; ++beat) add_beat(group, beat);
}

void UnitTrack::hold_up(std::uint64_t cycle, std::uint64_t cycles, std::string_view stall) {
  if (cycles == 0) return;
  const auto first =
      std::find_if(intervals_.begin(), intervals_.end(),
                   [&](const UnitInterval& interval) { return interval.begin >= cycle; });
  std::vector<UnitInterval> later(first, intervals_.end());
  intervals_.erase(first, intervals_.end());
  add({cycle, cycle + cycles, stall, {}, {}});
  for (UnitInterval& interval : later) {
    interval.begin += cycles;
    interval.end += cycles;
    add(interval);
  }
}

void UnitTrack::abandon(std::uint64_t cycle) {
  std::vector<UnitInterval> kept;
  for (UnitInterval interval : intervals_) {
    interval.end = std::min(interval.end, cycle);
    append(kept, interval);
  }
  intervals_ = std::move(kept);
}

std::vector<std::vector<UnitInterval>> UnitTrack::lanes(std::uint64_t end) const {
  std::vector<UnitInterval> sorted = intervals_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const UnitInterval& a, const UnitInterval& b) { return a.begin < b.begin; });
  std::vector<std::vector<UnitInterval>> lanes(1);
  const auto fill = [&](std::uint64_t to) {
    append(lanes[0], {end_of(lanes[0]), to, idle_, {}, {}});
  };
  for (UnitInterval interval : sorted) {
    interval.end = std::min(interval.end, end);
    if (interval.begin >= interval.end) continue;
    auto lane = std::find_if(lanes.begin(), lanes.end(), [&](const auto& intervals) {
      return end_of(intervals) <= interval.begin;
    });
    if (lane == lanes.end()) lane = lanes.insert(lanes.end(), std::vector<UnitInterval>());
    if (lane == lanes.begin()) fill(interval.begin);
    append(*lane, interval);
  }
  fill(end);
  return lanes;
}

void LineTrack::add(std::uint64_t cycle, bool value) {
  if (!changes_.empty() && changes_.back().cycle == cycle) changes_.pop_back();
  if (changes_.empty() || changes_.back().value != value) changes_.push_back({cycle, value});
}

void Timeline::start() {
  end_cycle = 0;
  for (UnitTrack& unit : units) unit.clear();
  for (LineTrack& line : lines) line.clear();
}

void Timeline::abandon(std::uint64_t cycle) {
  for (UnitTrack& unit : units) unit.abandon(cycle);
}

}  // namespace attnguard
