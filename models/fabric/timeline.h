// What every unit did in which cycles of a run, and how the control lines moved: kept only where
// somebody asks for it. Units add to it where they count their busy and stall cycles. Plain C++.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "models/fabric/tile.h"

namespace attnguard {

/// Cycles [begin, end) in which a unit is busy, or stalls for one reason.
struct UnitInterval {
  std::uint64_t begin = 0, end = 0;
  std::string_view stall{};      ///< reason as in UnitStats; empty: busy
  std::string_view operation{};  ///< of a busy unit that has several
  TileId tile{};                 ///< a busy unit works on

  bool busy() const { return stall.empty(); }
  /// The same but for the cycles.
  bool same_state(const UnitInterval& other) const;
};

/// Of one unit. Names are literals of the units: they outlive every run.
class UnitTrack {
 public:
  /// `idle`: the reason for the cycles in which nothing else happens.
  UnitTrack(std::string name, std::string_view idle) : name_(std::move(name)), idle_(idle) {}

  const std::string& name() const { return name_; }
  void clear() { intervals_.clear(); }
  void add(const UnitInterval& interval);
  /// From each beat on busy for so many cycles, then stalled for so many.
  void add_beats(const BeatTiming& timing, std::uint64_t busy_cycles, std::string_view operation,
                 const TileId& tile, std::uint64_t stall_cycles = 0, std::string_view stall = {});
  /// All that was to happen from `cycle` on happens `cycles` later; until then the unit stalls.
  void hold_up(std::uint64_t cycle, std::uint64_t cycles, std::string_view stall);
  /// What lies behind `cycle` never happens.
  void abandon(std::uint64_t cycle);

  /// The cycles [0, end). The first lane has every one of them exactly once; what overlaps with it,
  /// as only faults can make it, lies in further ones. In time order, neighbours differ in state.
  std::vector<std::vector<UnitInterval>> lanes(std::uint64_t end) const;

 private:
  std::string name_;
  std::string_view idle_;
  std::vector<UnitInterval> intervals_;
};

/// Of one control line: the first cycle in which it is read as `value`.
struct LineChange {
  std::uint64_t cycle = 0;
  bool value = false;
};

class LineTrack {
 public:
  explicit LineTrack(std::string name) : name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  void clear() { changes_.clear(); }
  /// In time order; of several in the same cycle the last one counts.
  void add(std::uint64_t cycle, bool value);
  const std::vector<LineChange>& changes() const { return changes_; }

 private:
  std::string name_;
  std::vector<LineChange> changes_;
};

struct Timeline {
  std::uint64_t end_cycle = 0;  ///< of the run
  std::deque<UnitTrack> units;  ///< a deque: the units hold on to them
  std::deque<LineTrack> lines;

  /// Of a run that begins now.
  void start();
  void abandon(std::uint64_t cycle);
};

}  // namespace attnguard
