// What a run records is what it counts, and does not depend on the fidelity.
#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>

#include "src/simulation/simulation.h"
#include "tests/support/child_process.h"
#include "tests/support/random_system.h"

namespace attnguard {
namespace {

/// Everything recorded, one item per line.
std::string timeline_text(const Timeline& timeline) {
  std::ostringstream text;
  text << "end " << timeline.end_cycle << '\n';
  for (const UnitTrack& unit : timeline.units)
    for (const auto& lane : unit.lanes(timeline.end_cycle))
      for (const UnitInterval& at : lane)
        text << unit.name() << ' ' << at.begin << ' ' << at.end << ' ' << at.stall << ' '
             << at.operation << ' ' << at.tile.head << ' ' << at.tile.query_tile << ' '
             << at.tile.key_tile << '\n';
  for (const LineTrack& line : timeline.lines)
    for (const LineChange& change : line.changes())
      text << line.name() << ' ' << change.cycle << ' ' << change.value << '\n';
  return text.str();
}

/// Where the sums of the intervals are not the counters of the run; empty if they are everywhere.
/// The o buffer counts the conflicts of beats that come faster than its port takes them: those
/// overlap with the next beat.
std::string differing_sums(const Timeline& timeline, const RunResult& run) {
  std::ostringstream text;
  if (timeline.end_cycle != run.cycles) text << "ends at " << timeline.end_cycle << '\n';
  if (timeline.units.size() != run.units.size()) text << "other units\n";
  for (const UnitTrack& unit : timeline.units) {
    const auto lanes = unit.lanes(timeline.end_cycle);
    const bool overlaps = lanes.size() > 1;
    if (overlaps && unit.name() != "o_buffer.write") text << unit.name() << " overlaps\n";
    std::map<std::string, std::uint64_t> sums, counted = run.units.at(unit.name()).stall_cycles;
    counted["busy"] = run.units.at(unit.name()).busy_cycles;
    std::uint64_t end = 0;
    for (const UnitInterval& at : lanes[0]) {
      if (at.begin != end) text << unit.name() << " has a gap at " << end << '\n';
      end = at.end;
    }
    for (const auto& lane : lanes)
      for (const UnitInterval& at : lane)
        sums[at.busy() ? "busy" : std::string(at.stall)] += at.end - at.begin;
    if (overlaps) sums["idle"] = counted["idle"];
    for (const auto& [reason, cycles] : sums)
      if (counted[reason] != cycles)
        text << unit.name() << ' ' << reason << ": " << cycles << " recorded, " << counted[reason]
             << " counted\n";
    for (const auto& [reason, cycles] : counted)
      if (sums[reason] != cycles)
        text << unit.name() << ' ' << reason << ": " << cycles << " counted only\n";
  }
  return text.str();
}

TEST(Timeline, AddsUpToTheCountersInEitherFidelity) {
  FloatSamples samples(21);
  for (int trial = 0; trial < 40; ++trial) {
    TestSystem system = random_system(samples, {8, 8, 40, 24});
    system.checkers = shipped_checkers();
    const auto runs = run_in_children(2, [&](std::size_t i) {
      AcceleratorConfig config = system.accelerator;
      config.fidelity = i == 0 ? Fidelity::cycle : Fidelity::transaction;
      Simulation simulation(config, system.checkers, system.job);
      Timeline timeline;
      simulation.record(&timeline);
      const RunResult run = simulation.run();
      return differing_sums(timeline, run) + "\n" + timeline_text(timeline);
    });
    EXPECT_EQ(runs[0].substr(0, runs[0].find("\n")), "") << trial << '\n' << runs[0];
    EXPECT_EQ(runs[0], runs[1]) << trial;
  }
}

TEST(Timeline, RecordingChangesNothingAndRepeatsItself) {
  const TestSystem system = small_system(false);
  const auto runs = run_in_children(1, [&](std::size_t) {
    Simulation simulation(system.accelerator, shipped_checkers(), system.job);
    const RunResult plain = simulation.run();
    Timeline timeline, again;
    simulation.record(&timeline);
    const RunResult recorded = simulation.run();
    simulation.record(nullptr);
    simulation.run();
    const std::string first = timeline_text(timeline);
    simulation.record(&again);
    simulation.run();
    simulation.run();  // replaces what the run before has left
    std::string text;
    if (plain.output != recorded.output || plain.cycles != recorded.cycles) text += "other run ";
    if (timeline_text(timeline) != first) text += "recorded after the end ";
    if (timeline_text(again) != first) text += "other record ";
    return text;
  });
  EXPECT_EQ(runs[0], "");
}

}  // namespace
}  // namespace attnguard
