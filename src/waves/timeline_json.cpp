#include "src/waves/timeline_json.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "src/config/version.h"

namespace attnguard {
namespace {

using Json = nlohmann::ordered_json;

/// The events of all runs, one per line.
class TraceEvents {
 public:
  TraceEvents(std::ostream& stream, std::uint64_t period_ps)
      : stream_(stream), period_ps_(period_ps) {}

  void add(const RecordedRun& run, const RecordedSystem& system) {
    ++process_;
    thread_ = 0;
    metadata("process_name", {{"name", run.name}});
    begin_thread("faults and alarms");
    for (const FaultMark& mark : run.faults)
      instant("fault injected", "fault", mark.cycle, {{"fault", mark.fault}});
    if (run.result.fault.activated)
      instant("fault activated", "fault", run.result.fault.activate_cycle, Json::object());
    for (std::size_t c = 0; c < system.checkers.size(); ++c)
      if (run.result.checkers[c].alarm_cycle != kNever)
        instant("alarm " + system.checkers[c], "alarm", run.result.checkers[c].alarm_cycle,
                {{"checker", system.checkers[c]}});
    for (const UnitTrack& unit : run.timeline.units) add_unit(unit, run.timeline.end_cycle);
    for (const LineTrack& line : run.timeline.lines)
      for (const LineChange& change : line.changes())
        event(R"("ph":"C","name":"{}","ts":{},"args":{{"value":{}}})", line.name(),
              microseconds(change.cycle), change.value ? 1 : 0);
  }

 private:
  void add_unit(const UnitTrack& unit, std::uint64_t end) {
    int lane = 0;
    for (const auto& intervals : unit.lanes(end)) {
      begin_thread(lane == 0 ? unit.name() : fmt::format("{} (overlap {})", unit.name(), lane));
      ++lane;
      for (const UnitInterval& interval : intervals) add_interval(interval);
    }
  }

  void add_interval(const UnitInterval& interval) {
    const std::uint64_t cycles = interval.end - interval.begin;
    std::string name(interval.stall), args = fmt::format(R"("reason":"{}")", interval.stall);
    if (interval.busy()) {
      name = interval.operation.empty() ? "busy" : interval.operation;
      args = fmt::format(R"("head":{},"query_tile":{},"key_tile":{})", interval.tile.head,
                         interval.tile.query_tile, interval.tile.key_tile);
    }
    event(
        R"("ph":"X","name":"{}","cat":"{}","ts":{},"dur":{},"tid":{},"args":{{"cycle":{},"cycles":{},{}}})",
        name, interval.busy() ? "busy" : "stall", microseconds(interval.begin),
        microseconds(cycles), thread_, interval.begin, cycles, args);
  }

  void begin_thread(const std::string& name) {
    ++thread_;
    metadata("thread_name", {{"name", name}});
    metadata("thread_sort_index", {{"sort_index", thread_}});
  }
  void metadata(const char* what, const Json& args) {
    event(R"("ph":"M","name":"{}","tid":{},"args":{})", what, thread_, args.dump());
  }
  void instant(const std::string& name, const char* category, std::uint64_t cycle, Json args) {
    args["cycle"] = cycle;
    event(R"("ph":"i","s":"p","name":"{}","cat":"{}","ts":{},"tid":{},"args":{})", name, category,
          microseconds(cycle), thread_, args.dump());
  }
  template <class... Values>
  void event(fmt::format_string<Values...> text, Values&&... values) {
    stream_ << (first_ ? "\n" : ",\n") << fmt::format("{{\"pid\":{},", process_)
            << fmt::format(text, std::forward<Values>(values)...) << '}';
    first_ = false;
  }

  /// Exactly.
  std::string microseconds(std::uint64_t cycles) const {
    constexpr std::uint64_t kPicoseconds = 1000000;
    const std::uint64_t time = cycles * period_ps_;
    std::string text = fmt::format("{}.{:06}", time / kPicoseconds, time % kPicoseconds);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text;
  }

  std::ostream& stream_;
  std::uint64_t period_ps_;
  int process_ = 0, thread_ = 0;
  bool first_ = true;
};

}  // namespace

void write_timeline(const std::filesystem::path& file, const RecordedSystem& system,
                    const std::vector<RecordedRun>& runs) {
  std::ofstream stream(file, std::ios::binary);
  Json other = {{"tool", fmt::format("attnguard {}", tool_version())},
                {"config_sha256", system.config_sha256},
                {"period_ps", system.period_ps}};
  for (const RecordedRun& run : runs) other["cycles"][run.name] = run.timeline.end_cycle;
  stream << R"({"displayTimeUnit":"ns","otherData":)" << other.dump() << R"(,"traceEvents":[)";
  TraceEvents events(stream, system.period_ps);
  for (const RecordedRun& run : runs) events.add(run, system);
  stream << "\n]}\n";
  if (!stream.flush()) throw std::runtime_error("cannot write " + file.string());
}

}  // namespace attnguard
