#include "src/waves/waves_vcd.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

#include "src/waves/vcd_file.h"

namespace attnguard {
namespace {

void add_unit(const std::string& scope, const UnitTrack& unit, std::uint64_t end, VcdFile& vcd) {
  const std::vector<UnitInterval> intervals = unit.lanes(end).front();
  const bool operations =
      std::any_of(intervals.begin(), intervals.end(),
                  [](const UnitInterval& interval) { return !interval.operation.empty(); });
  const auto state = vcd.text(scope + ".state");
  const auto operation = operations ? vcd.text(scope + ".operation") : state;
  const auto head = vcd.integer(scope + ".head"), query_tile = vcd.integer(scope + ".query_tile"),
             key_tile = vcd.integer(scope + ".key_tile");
  for (const UnitInterval& interval : intervals) {
    vcd.set_text(state, interval.begin, interval.busy() ? "busy" : interval.stall);
    if (interval.busy()) {
      if (operations) vcd.set_text(operation, interval.begin, interval.operation);
      vcd.set_integer(head, interval.begin, interval.tile.head);
      vcd.set_integer(query_tile, interval.begin, interval.tile.query_tile);
      vcd.set_integer(key_tile, interval.begin, interval.tile.key_tile);
    } else {
      if (operations) vcd.set_text(operation, interval.begin, "-");
      for (const auto variable : {head, query_tile, key_tile})
        vcd.set_unknown(variable, interval.begin);
    }
  }
  vcd.set_text(state, end, "over");
}

void add_line(const std::string& path, const LineTrack& line, VcdFile& vcd) {
  const auto wire = vcd.wire(path);
  for (const LineChange& change : line.changes()) vcd.set_wire(wire, change.cycle, change.value);
}

/// A pulse of one cycle at each.
void add_pulses(const std::string& path, const std::vector<std::uint64_t>& cycles, VcdFile& vcd) {
  const auto wire = vcd.wire(path);
  vcd.set_wire(wire, 0, false);
  for (const std::uint64_t cycle : cycles) vcd.set_wire(wire, cycle + 1, false);
  for (const std::uint64_t cycle : cycles) vcd.set_wire(wire, cycle, true);
}

void add_faults(const std::string& scope, const RecordedRun& run, VcdFile& vcd) {
  if (run.faults.empty()) return;
  std::vector<std::uint64_t> injected, activated;
  const auto site = vcd.text(scope + ".site");
  vcd.set_text(site, 0, "-");
  for (const FaultMark& mark : run.faults) {
    injected.push_back(mark.cycle);
    vcd.set_text(site, mark.cycle, mark.fault);
  }
  if (run.result.fault.activated) activated.push_back(run.result.fault.activate_cycle);
  add_pulses(scope + ".injected", injected, vcd);
  add_pulses(scope + ".activated", activated, vcd);
}

/// The first cycle that the waves of a run need not show. What a checker has made of the last rows
/// comes out after the job's end, unless the run ends early.
std::uint64_t end_of(const RecordedRun& run) {
  std::uint64_t end = run.timeline.end_cycle;
  if (run.result.completion != Completion::finished) return end;
  for (const CheckerResult& checker : run.result.checkers)
    for (const Check& check : checker.checks) end = std::max(end, check.cycle + 1);
  for (const LineTrack& line : run.timeline.lines)
    end = std::max(end, line.changes().back().cycle + 1);
  return end;
}

/// Of several checks of a comparison in one cycle the largest residual, one that is not a number
/// before all.
std::map<std::uint64_t, const Check*> largest_by_cycle(const RecordedRun& run, std::size_t checker,
                                                       std::uint32_t comparison) {
  std::map<std::uint64_t, const Check*> largest;
  const std::uint64_t end = end_of(run);
  for (const Check& check : run.result.checkers[checker].checks) {
    if (check.comparison != comparison || check.cycle >= end) continue;
    const Check*& shown = largest[check.cycle];
    if (shown == nullptr || !(check.residual <= shown->residual)) shown = &check;
  }
  return largest;
}

void add_checks(const std::string& scope, const RecordedRun& run, const RecordedSystem& system,
                VcdFile& vcd) {
  for (std::size_t c = 0; c < system.checkers.size(); ++c)
    for (std::uint32_t k = 0; k < system.comparisons[c].size(); ++k) {
      const std::string path = scope + "." + system.checkers[c] + "." + system.comparisons[c][k];
      const auto residual = vcd.real(path + ".residual"), threshold = vcd.real(path + ".threshold");
      const auto alarm = vcd.wire(path + ".alarm");
      vcd.set_wire(alarm, 0, false);
      for (const auto& [cycle, check] : largest_by_cycle(run, c, k)) {
        vcd.set_real(residual, cycle, check->residual);
        vcd.set_real(threshold, cycle, check->threshold);
        vcd.set_wire(alarm, cycle, check->alarm);
      }
    }
}

/// High in the cycles in which the two are in different states.
void add_difference(const std::string& path, const std::vector<UnitInterval>& a,
                    const std::vector<UnitInterval>& b, VcdFile& vcd) {
  const auto wire = vcd.wire(path);
  std::size_t i = 0, j = 0;
  for (std::uint64_t cycle = 0; i < a.size() || j < b.size();) {
    const bool both = i < a.size() && j < b.size();
    vcd.set_wire(wire, cycle, !both || !a[i].same_state(b[j]));
    cycle = std::min(i < a.size() ? a[i].end : kNever, j < b.size() ? b[j].end : kNever);
    if (i < a.size() && a[i].end == cycle) ++i;
    if (j < b.size() && b[j].end == cycle) ++j;
  }
}

/// The cycles in which a line is high or low, as intervals; of a finished job to the end of all
/// waves.
std::vector<UnitInterval> levels(const RecordedRun& run, const LineTrack& line,
                                 std::uint64_t waves_end) {
  const std::uint64_t end = run.result.completion == Completion::finished ? waves_end : end_of(run);
  std::vector<UnitInterval> intervals;
  const std::vector<LineChange>& changes = line.changes();
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const std::uint64_t to = std::min(end, i + 1 < changes.size() ? changes[i + 1].cycle : end);
    if (changes[i].cycle < to)
      intervals.push_back({changes[i].cycle, to, changes[i].value ? "high" : "low", {}, {}});
  }
  return intervals;
}

/// A pulse where a comparison saw other data.
void add_check_differences(const RecordedRun& golden, const RecordedRun& faulty,
                           const RecordedSystem& system, VcdFile& vcd) {
  const auto data = [](const Check& check) { return std::tie(check.lhs, check.rhs, check.scale); };
  for (std::size_t c = 0; c < system.checkers.size(); ++c)
    for (std::uint32_t k = 0; k < system.comparisons[c].size(); ++k) {
      const auto expected = largest_by_cycle(golden, c, k);
      std::vector<std::uint64_t> cycles;
      for (const auto& [cycle, check] : largest_by_cycle(faulty, c, k)) {
        const auto at = expected.find(cycle);
        if (at == expected.end() || !(data(*at->second) == data(*check))) cycles.push_back(cycle);
      }
      add_pulses("difference.check." + system.checkers[c] + "." + system.comparisons[c][k], cycles,
                 vcd);
    }
}

void add_differences(const RecordedRun& golden, const RecordedRun& faulty,
                     const RecordedSystem& system, std::uint64_t end, VcdFile& vcd) {
  const Timeline &a = golden.timeline, &b = faulty.timeline;
  for (std::size_t u = 0; u < a.units.size(); ++u)
    add_difference("difference." + a.units[u].name(), a.units[u].lanes(a.end_cycle).front(),
                   b.units[u].lanes(b.end_cycle).front(), vcd);
  for (std::size_t l = 0; l < a.lines.size(); ++l)
    add_difference("difference." + a.lines[l].name(), levels(golden, a.lines[l], end),
                   levels(faulty, b.lines[l], end), vcd);
  add_check_differences(golden, faulty, system, vcd);
  // Accepted by external memory so far.
  const auto bad = vcd.integer("difference.bad_output_words");
  std::uint64_t words = 0;
  vcd.set_integer(bad, 0, words);
  for (const auto& [cycle, more] : faulty.bad_commits) vcd.set_integer(bad, cycle, words += more);
}

}  // namespace

void write_waves(const std::filesystem::path& file, const RecordedSystem& system,
                 const std::vector<RecordedRun>& runs) {
  VcdFile vcd;
  std::uint64_t end = 0;
  for (const RecordedRun& run : runs) {
    const Timeline& timeline = run.timeline;
    add_faults(run.name + ".fault", run, vcd);
    for (const UnitTrack& unit : timeline.units)
      add_unit(run.name + "." + unit.name(), unit, timeline.end_cycle, vcd);
    for (const LineTrack& line : timeline.lines) add_line(run.name + "." + line.name(), line, vcd);
    add_checks(run.name + ".check", run, system, vcd);
    end = std::max(end, end_of(run));
  }
  if (runs.size() > 1) add_differences(runs[0], runs[1], system, end, vcd);
  vcd.write(file, system.period_ps, end);
}

}  // namespace attnguard
