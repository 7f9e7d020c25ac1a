// waves.vcd and timeline.json of run and replay, read by programs that are not ours.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/attnguard_command.h"
#include "tests/support/csv_rows.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/vcd_reader.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using Json = nlohmann::json;

/// One query tile of 2 rows, two key tiles of 2 keys, d = 4 in 2 passes of P·V. 500 MHz: 2 ns.
constexpr const char* kSmall = R"({
  "accelerator": {"array": {"rows": 2, "cols": 2}},
  "checkers": {"merged": {"kind": "flash_abft"}},
  "workload": {"kind": "attention", "mask": "none", "heads": 1, "tokens_q": 2, "tokens_k": 4,
               "head_dim": 4},
  "campaign": {"faults": [
    {"site": "accumulator.row[1].acc[2]", "bit": 30, "cycle": 160},
    {"site": "line.done.load", "bit": 0, "cycle": 60},
    {"site": "link.k_buffer_to_array.transfer", "kind": "delay", "delay_cycles": 7, "cycle": 101},
    {"site": "link.array_to_softmax.transfer", "kind": "duplicate", "cycle": 110}]}})";
constexpr std::uint64_t kPeriodPs = 2000;

/// One X event: name and cycles [begin, end).
struct Span {
  std::string name;
  std::uint64_t begin = 0, end = 0;
  bool operator==(const Span& other) const {
    return name == other.name && begin == other.begin && end == other.end;
  }
};
std::ostream& operator<<(std::ostream& stream, const Span& span) {
  return stream << span.name << ' ' << span.begin << ' ' << span.end;
}

class TimelineFile {
 public:
  /// Throws where it is not JSON; fails where events of a thread overlap without nesting.
  explicit TimelineFile(const fs::path& file) : json_(Json::parse(read_text(file))) {
    std::map<std::pair<int, int>, std::string> threads;
    std::map<std::pair<int, int>, std::vector<double>> open;  // ends of the events around
    for (const Json& event : json_.at("traceEvents")) {
      const int pid = event.at("pid");
      const std::string kind = event.at("ph"), name = event.at("name");
      if (kind == "C") continue;
      const std::pair<int, int> thread{pid, event.at("tid")};
      if (name == "process_name") processes_[pid] = event.at("args").at("name");
      if (name == "thread_name")
        threads[thread] = processes_[pid] + " " + event.at("args").at("name").get<std::string>();
      if (kind == "i")
        instants_[processes_[pid] + " " + name].push_back(event.at("args").at("cycle"));
      if (kind != "X") continue;
      const std::uint64_t begin = event.at("args").at("cycle"),
                          end = begin + event.at("args").at("cycles").get<std::uint64_t>();
      const double from = event.at("ts"), to = from + event.at("dur").get<double>();
      constexpr double kExact = 1e-9;  // microseconds: below a picosecond of a small job
      EXPECT_NEAR(from, static_cast<double>(begin * kPeriodPs) * 1e-6, kExact);
      EXPECT_NEAR(to, static_cast<double>(end * kPeriodPs) * 1e-6, kExact);
      std::vector<double>& around = open[thread];
      while (!around.empty() && around.back() <= from + kExact) around.pop_back();
      if (!around.empty()) {
        EXPECT_LE(to, around.back() + kExact) << event;
      }
      around.push_back(to);
      const bool busy = event.at("cat") == "busy";
      if (!busy) {
        EXPECT_EQ(event.at("cat"), "stall");
        EXPECT_EQ(event.at("args").at("reason"), name);
      }
      spans_[threads.at(thread)].push_back({name, begin, end});
      sums_[threads.at(thread)][busy ? "busy" : name] += end - begin;
    }
  }
  const std::vector<Span>& spans(const std::string& track) const { return spans_.at(track); }
  /// Cycles by stall reason, and "busy".
  std::map<std::string, std::map<std::string, std::uint64_t>> sums() const { return sums_; }
  std::vector<std::uint64_t> instants(const std::string& name) const {
    const auto found = instants_.find(name);
    return found == instants_.end() ? std::vector<std::uint64_t>() : found->second;
  }
  bool has(const std::string& track) const { return spans_.count(track) != 0; }
  const Json& json() const { return json_; }

 private:
  Json json_;
  std::map<int, std::string> processes_;
  std::map<std::string, std::vector<Span>> spans_;  ///< by "process thread"
  std::map<std::string, std::map<std::string, std::uint64_t>> sums_;
  std::map<std::string, std::vector<std::uint64_t>> instants_;
};

class Waves : public ::testing::Test {
 protected:
  void execute(const std::string& arguments) const {
    const CommandResult result = run_attnguard(arguments);
    ASSERT_EQ(result.exit_code, 0) << result.output;
  }
  void run(const std::string& config, const std::string& more = "") const {
    execute("run " + config + " --vcd --timeline --quiet --force --out " + out().string() + " " +
            more);
  }
  /// Of the campaign kSmall.
  fs::path replay(int injection, const std::string& more = "") {
    const std::string config = files_.write("small.json", kSmall);
    if (!fs::exists(out()))
      execute("campaign " + config + " --quiet --out " + out().string() + " " + more);
    execute("replay " + out().string() + " " + std::to_string(injection) +
            " --vcd --timeline --quiet");
    return out() / ("replay_" + std::to_string(injection));
  }
  fs::path out() const { return files_.path() / "out"; }
  ScratchFolder files_;
};

TEST_F(Waves, OfASmallRunAreThoseCountedByHand) {
  run(files_.write("small.json", kSmall));
  const TimelineFile timeline(out() / "timeline.json");
  // The load of Q and K tile 0 is commanded in cycle 0, requested in 1; memory takes 40 cycles;
  // 4 + 4 lines, one per cycle; the last word is written a cycle after its beat and can be read in
  // the next. Then K tile 1 with V tile 0, then V tile 1.
  EXPECT_THAT(
      timeline.spans("run dma.load"),
      ElementsAre(Span{"no_command", 0, 1}, Span{"memory_latency", 1, 41}, Span{"q", 41, 45},
                  Span{"k", 45, 49}, Span{"memory_latency", 49, 50}, Span{"no_command", 50, 51},
                  Span{"memory_latency", 51, 91}, Span{"k", 91, 95}, Span{"v", 95, 99},
                  Span{"memory_latency", 99, 100}, Span{"no_command", 100, 101},
                  Span{"memory_latency", 101, 141}, Span{"v", 141, 145},
                  Span{"memory_latency", 145, 146}, Span{"no_command", 146, 179}));
  // Commanded in 50, read in 51, fed from 52 on for d = 4 cycles; P·V for 2 passes of 2 keys.
  EXPECT_THAT(
      timeline.spans("run array"),
      ElementsAre(Span{"load", 0, 51}, Span{"operand", 51, 52}, Span{"scores", 52, 56},
                  Span{"load", 56, 101}, Span{"operand", 101, 102}, Span{"scores", 102, 106},
                  Span{"values", 106, 110}, Span{"load", 110, 147}, Span{"operand", 147, 148},
                  Span{"values", 148, 152}, Span{"finish", 152, 179}));
  // Row i of scores crosses at s + T + C + 1 + i = 52 + 4 + 2 + 1 + i.
  EXPECT_THAT(
      timeline.spans("run softmax"),
      ElementsAre(Span{"no_scores", 0, 59}, Span{"busy", 59, 61}, Span{"no_scores", 61, 109},
                  Span{"busy", 109, 111}, Span{"no_scores", 111, 179}));
  // A partial row crosses at 106 + 2 + 2 + 1 and is added a cycle later. After the last one, of
  // cycle 157, l is read in 158, the reciprocal stands in 166, the first slice in 167.
  EXPECT_THAT(timeline.spans("run accumulator"),
              ElementsAre(Span{"no_partials", 0, 112}, Span{"accumulate", 112, 116},
                          Span{"no_partials", 116, 154}, Span{"accumulate", 154, 158},
                          Span{"no_partials", 158, 167}, Span{"normalise", 167, 171},
                          Span{"no_partials", 171, 179}));

  const VcdReader vcd(out() / "waves.vcd");
  EXPECT_EQ(vcd.value_at("run.array.state", 52 * kPeriodPs - 1), "operand");
  EXPECT_EQ(vcd.value_at("run.array.state", 52 * kPeriodPs), "busy");
  EXPECT_EQ(vcd.value_at("run.array.operation", 105 * kPeriodPs), "scores");
  EXPECT_EQ(vcd.value_at("run.array.key_tile", 105 * kPeriodPs), "1");
  EXPECT_EQ(vcd.value_at("run.array.operation", 106 * kPeriodPs), "values");
  EXPECT_EQ(vcd.value_at("run.array.key_tile", 106 * kPeriodPs), "0");
  EXPECT_EQ(vcd.value_at("run.array.key_tile", 110 * kPeriodPs), "x");
  EXPECT_THAT(vcd.rises("run.line.done.load"),
              ElementsAre(0, 50 * kPeriodPs, 100 * kPeriodPs, 146 * kPeriodPs));
  EXPECT_THAT(vcd.rises("run.line.done.accumulator"), ElementsAre(0, 173 * kPeriodPs));
  EXPECT_THAT(vcd.rises("run.line.alarm.merged"), ElementsAre());
  EXPECT_FALSE(vcd.has("run.fault.injected"));
}

TEST_F(Waves, AddUpToTheCountersOfTheRun) {
  for (const std::string config : {"configs/tiny_gpt.json", "configs/gemm.json"}) {
    run(config);
    const Json report = Json::parse(read_text(out() / "run.json"));
    const auto sums = TimelineFile(out() / "timeline.json").sums();
    const VcdReader vcd(out() / "waves.vcd");
    EXPECT_EQ(sums.size(), report["units"].size());
    for (const auto& unit : report["units"].items()) {
      std::map<std::string, std::uint64_t> counted = unit.value()["stall_cycles"];
      counted["busy"] = unit.value()["busy_cycles"];
      for (auto at = counted.begin(); at != counted.end();)
        at = at->second == 0 ? counted.erase(at) : std::next(at);
      EXPECT_EQ(sums.at("run " + unit.key()), counted) << unit.key();

      std::map<std::string, std::uint64_t> waved;
      const auto& states = vcd.changes("run." + unit.key() + ".state");
      for (std::size_t i = 0; i + 1 < states.size(); ++i)
        waved[states[i].value] += (states[i + 1].time_ps - states[i].time_ps) / kPeriodPs;
      EXPECT_EQ(waved, counted) << unit.key();
      EXPECT_EQ(states.back().value, "over");
      EXPECT_EQ(states.back().time_ps, report["cycles"].get<std::uint64_t>() * kPeriodPs);
    }
  }
}

TEST_F(Waves, AreTheSameInEitherFidelity) {
  for (const std::string config :
       {"configs/tiny_gpt.json", "configs/recovery.json", "configs/gemm.json"}) {
    run(config, "--set accelerator.fidelity=cycle");
    const std::string waves = read_text(out() / "waves.vcd"),
                      timeline = read_text(out() / "timeline.json");
    run(config, "--set accelerator.fidelity=transaction");
    EXPECT_EQ(read_text(out() / "waves.vcd"), waves) << config;
    EXPECT_EQ(read_text(out() / "timeline.json"), timeline) << config;
  }
}

TEST_F(Waves, OfAReplayMarkFaultAndAlarm) {
  const fs::path folder = replay(0);
  const Row row = rows_of(read_text(out() / "injections.csv")).at(0);
  // Row 1 is normalised in slices of 2 columns from 167 + 2 on; column 2 in 170. The rows are
  // stored slice by slice from 174 on and accepted a cycle later: row 1 of slice 1 in 178.
  EXPECT_EQ(row.at("activate_cycle"), "170");
  EXPECT_EQ(row.at("first_bad_commit_cycle"), "178");
  EXPECT_EQ(row.at("merged.alarm_cycle"), "181");  // after the end of the job

  const VcdReader vcd(folder / "waves.vcd");
  EXPECT_THAT(vcd.rises("faulty.fault.injected"), ElementsAre(160 * kPeriodPs));
  EXPECT_THAT(vcd.rises("faulty.fault.activated"), ElementsAre(170 * kPeriodPs));
  EXPECT_EQ(vcd.value_at("faulty.fault.site", 160 * kPeriodPs),
            "accumulator.row[1].acc[2]_bit_30_bit_flip");
  EXPECT_THAT(vcd.rises("faulty.line.alarm.merged"), ElementsAre(181 * kPeriodPs));
  EXPECT_THAT(vcd.rises("golden.line.alarm.merged"), ElementsAre());
  EXPECT_THAT(vcd.rises("difference.line.alarm.merged"), ElementsAre(181 * kPeriodPs));
  EXPECT_THAT(vcd.rises("faulty.check.merged.output.alarm"), ElementsAre(180 * kPeriodPs));
  EXPECT_THAT(vcd.rises("difference.check.merged.output"), ElementsAre(180 * kPeriodPs));
  EXPECT_EQ(vcd.value_at("difference.bad_output_words", 178 * kPeriodPs - 1), "0");
  EXPECT_EQ(vcd.value_at("difference.bad_output_words", 178 * kPeriodPs), "1");
  // Data do not change when units work.
  for (const std::string unit : {"array", "softmax", "accumulator", "dma.load", "dma.store"})
    EXPECT_THAT(vcd.rises("difference." + unit), ElementsAre()) << unit;

  const TimelineFile timeline(folder / "timeline.json");
  EXPECT_THAT(timeline.instants("faulty fault injected"), ElementsAre(160));
  EXPECT_THAT(timeline.instants("faulty fault activated"), ElementsAre(170));
  EXPECT_THAT(timeline.instants("faulty alarm merged"), ElementsAre(181));
  EXPECT_THAT(timeline.instants("golden alarm merged"), ElementsAre());
  EXPECT_EQ(timeline.spans("golden array"), timeline.spans("faulty array"));
}

TEST_F(Waves, OfARunThatCrashesEndThere) {
  // load's done is taken for high in 61: the next command meets a busy channel.
  const VcdReader vcd(replay(1) / "waves.vcd");
  EXPECT_EQ(vcd.value_at("faulty.dma.load.state", 61 * kPeriodPs), "memory_latency");
  EXPECT_EQ(vcd.value_at("faulty.dma.load.state", 62 * kPeriodPs), "over");
  EXPECT_EQ(vcd.value_at("golden.dma.load.state", 178 * kPeriodPs), "no_command");
  EXPECT_THAT(vcd.rises("difference.line.done.load"), ElementsAre(61 * kPeriodPs));
  // Why the array waits from 56 on is told by the next command, which never comes.
  EXPECT_EQ(vcd.value_at("golden.array.state", 61 * kPeriodPs), "load");
  EXPECT_EQ(vcd.value_at("faulty.array.state", 61 * kPeriodPs), "finish");
  EXPECT_THAT(vcd.rises("difference.softmax"), ElementsAre(62 * kPeriodPs));
}

TEST_F(Waves, ShowALateOperandWhereItHoldsUpTheArray) {
  // K lines asked for in 101 come 7 cycles late: S of key tile 1 is fed from 109 on.
  const fs::path folder = replay(2);
  const TimelineFile timeline(folder / "timeline.json");
  const auto& spans = timeline.spans("faulty array");
  ASSERT_EQ(spans.size(), 11U);
  EXPECT_EQ(spans[4], (Span{"operand", 101, 109}));
  EXPECT_EQ(spans[5], (Span{"scores", 109, 113}));
  EXPECT_EQ(spans[6], (Span{"values", 113, 117}));
  const VcdReader vcd(folder / "waves.vcd");
  EXPECT_THAT(vcd.rises("difference.array"), ElementsAre(102 * kPeriodPs));
  EXPECT_EQ(vcd.value_at("difference.array", 117 * kPeriodPs), "0");
}

TEST_F(Waves, ShowATileThatArrivesTwiceInALaneOfItsOwn) {
  const TimelineFile timeline(replay(3) / "timeline.json");
  EXPECT_EQ(timeline.spans("faulty softmax"), timeline.spans("golden softmax"));
  EXPECT_THAT(timeline.spans("faulty softmax (overlap 1)"), ElementsAre(Span{"busy", 109, 111}));
}

TEST_F(Waves, ShowTheRunInWhichAlarmsInterrupt) {
  const fs::path folder = replay(0, "--set recovery.policy=recompute_query_block");
  const Row row = rows_of(read_text(out() / "injections.csv")).at(0);
  EXPECT_EQ(row.at("recovery.outcome"), "recovered");
  const VcdReader vcd(folder / "waves.vcd");
  // The line is acknowledged in the cycle in which it interrupts.
  EXPECT_THAT(vcd.rises("recovering.line.alarm.merged"), ElementsAre(181 * kPeriodPs));
  EXPECT_EQ(vcd.value_at("recovering.line.alarm.merged", 182 * kPeriodPs), "0");
  EXPECT_THAT(vcd.rises("recovering.line.done.store").size(), 3);
  const TimelineFile timeline(folder / "timeline.json");
  EXPECT_EQ(timeline.json()["otherData"]["cycles"]["recovering"].get<std::uint64_t>(),
            179 + std::stoull(row.at("recovery.extra_cycles")));
}

TEST_F(Waves, AreWrittenOnRequestOnly) {
  execute("run " + files_.write("small.json", kSmall) + " --quiet --out " + out().string());
  EXPECT_FALSE(fs::exists(out() / "waves.vcd"));
  EXPECT_FALSE(fs::exists(out() / "timeline.json"));
}

}  // namespace
}  // namespace attnguard
