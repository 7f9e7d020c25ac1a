// Sweeps with the built executable: any keys, the same bytes for any workers and after any kill,
// and points that are campaigns of their own.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "tests/support/attnguard_command.h"
#include "tests/support/csv_rows.h"
#include "tests/support/process_tree.h"
#include "tests/support/resumable_command.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Json = nlohmann::ordered_json;

// Points of very different size, a point for the audit, a checker without faults to catch at half
// of the points.
constexpr const char* kConfig = R"({
  "accelerator": {"array": {"rows": 4, "cols": 2}, "external_memory": {"latency_cycles": 4}},
  "checkers": {"merged": {"kind": "flash_abft"}, "two_check": {"kind": "matmul_abft"}},
  "workload": {"kind": "attention", "mask": "causal", "heads": 2, "kv_heads": 1, "tokens_q": 6,
               "tokens_k": 6, "head_dim": 4},
  "campaign": {"injections": 600},
  "sweep": {"mode": "campaign",
            "grid": {"accelerator.array.rows": [2, 4], "accelerator.array.cols": [2, 3],
                     "checkers.two_check": [{"kind": "matmul_abft"},
                                            {"kind": "flash_abft", "row_sum": "at_write"}]},
            "linked": [["accelerator.array.rows", "accelerator.array.cols"]],
            "audit_point": {"accelerator.array.rows": 4,
                            "checkers.two_check": {"kind": "matmul_abft"}}}})";
constexpr std::size_t kPoints = 4;

class SweepCommand : public ResumableCommand {
 protected:
  void SetUp() override { config_ = files_.write("small.json", kConfig); }

  fs::path unfinished(const std::string& out) const { return path(out) / "unfinished"; }
  bool is_unfinished(const std::string& out) const override {
    return fs::exists(unfinished(out) / "sweep.json");
  }
  bool any_kept(const std::string& out) const override { return !finished_points(out).empty(); }
  std::string arguments(const std::string& out, const std::string& more) const override {
    return "sweep " + config_ + " --quiet --out " + path(out).string() + " " + more;
  }
  std::string refused(const std::string& more) const {
    const CommandResult result = run("refused", more);
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_FALSE(fs::exists(path("refused")));
    return result.output;
  }
  /// Also the same for any workers; "" for a file that is not there.
  std::string results(const std::string& out) const override {
    std::string text;
    for (const char* file : {"sweep.csv", "sweep.json", "config.json"})
      text += read_text(path(out) / file);
    for (std::size_t point = 0; point < kPoints; ++point)
      for (const char* file : {"injections.csv", "coverage.csv", "summary.json", "config.json"})
        text += read_text(path(out) / "points" / ("00" + std::to_string(point)) / file);
    return text;
  }
  /// Those of a sweep that nothing happened to. Tensors are drawn, so no path is in them.
  const std::string& whole() const {
    static const std::string text = [this] {
      EXPECT_EQ(run("whole", "--workers 1").exit_code, 0);
      return results("whole");
    }();
    return text;
  }
  std::vector<fs::path> finished_points(const std::string& out) const {
    std::vector<fs::path> files;
    std::error_code error;
    for (const auto& file : fs::directory_iterator(unfinished(out), error))
      if (file.path().extension() == ".point") files.push_back(file.path());
    return files;
  }
  /// Nothing beside the results: no temporary folder of a command that has ended.
  std::vector<std::string> hidden() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(files_.path()))
      if (entry.path().filename().string().front() == '.')
        names.push_back(entry.path().filename().string());
    return names;
  }

  std::string config_;
};

TEST_F(SweepCommand, GivesTheSameBytesForAnyWorkers) {
  for (const char* workers : {"2", "3", "16"}) {
    ASSERT_EQ(run(workers, std::string("--workers ") + workers).exit_code, 0);
    EXPECT_EQ(results(workers), whole()) << workers;
  }
  const std::string csv = read_text(path("2") / "sweep.csv");
  EXPECT_EQ(static_cast<std::size_t>(std::count(csv.begin(), csv.end(), '\n')), kPoints + 1);
}

TEST_F(SweepCommand, APointIsTheCampaignWithItsSettings) {
  ASSERT_EQ(run("out").exit_code, 0);
  const fs::path point = path("out") / "points" / "003";
  const CommandResult campaign = run_attnguard(
      "campaign " + config_ +
      " --quiet --audit 0 --set accelerator.array.rows=4 --set accelerator.array.cols=3 --set "
      "'checkers.two_check={\"kind\": \"flash_abft\", \"row_sum\": \"at_write\"}' --out " +
      path("campaign").string());
  ASSERT_EQ(campaign.exit_code, 0) << campaign.output;
  for (const auto& entry : fs::directory_iterator(path("campaign"))) {
    const std::string name = entry.path().filename().string();
    if (name == "timing.json") continue;
    EXPECT_EQ(read_text(point / name), read_text(entry.path())) << name;
  }
  const CommandResult replay = run_attnguard("replay " + point.string() + " 17");
  EXPECT_EQ(replay.exit_code, 0) << replay.output;
}

TEST_F(SweepCommand, RowsAreTheFiguresOfTheCampaigns) {
  ASSERT_EQ(run("out",
                "--set 'sweep.grid={\"accelerator.array.rows\": [2, 4]}' --set "
                "'sweep.audit_point={\"accelerator.array.rows\": 2}' --set sweep.linked=[]")
                .exit_code,
            0);
  const std::vector<Row> rows = rows_of(read_text(path("out") / "sweep.csv"));
  ASSERT_EQ(rows.size(), 2U);
  for (std::size_t point = 0; point < 2; ++point) {
    const fs::path folder = path("out") / "points" / ("00" + std::to_string(point));
    int compared = 0;
    for (const Row& row : rows_of(read_text(folder / "coverage.csv"))) {
      const std::string& total = row.at("site_class");
      if (row.at("tolerance") != "0.01" || total.rfind("total", 0) != 0) continue;
      const std::string name =
          total == "total" ? row.at("checker") : row.at("checker") + "." + total;
      for (const char* column : {"coverage", "ci_low", "ci_high", "latency_p50_cycles",
                                 "latency_p95_cycles", "latency_p99_cycles", "latency_max_cycles"})
        EXPECT_EQ(rows[point].at(name + "." + column), row.at(column)) << name << "." << column;
      ++compared;
    }
    EXPECT_EQ(compared, 6);  // three totals of two checkers
  }
  EXPECT_NE(rows[0].at("merged.coverage"), "");
  const Json summary = Json::parse(read_text(path("out") / "sweep.json"));
  EXPECT_GT(summary["points"][0]["audit"]["injections"].get<int>(), 20);
  EXPECT_EQ(summary["points"][1]["audit"]["injections"], 0);
  EXPECT_EQ(summary["points"][1]["settings"]["accelerator.array.rows"], 4);
}

TEST_F(SweepCommand, TakesAnyKeys) {
  const Json grid = {
      {"checkers", {Json::parse(R"({"merged": {"kind": "flash_abft"}})"), Json::object()}},
      {"workload.head_dim", {3, 4}},
      {"accelerator.formats.output", {"float32"}},
      {"campaign.models.0.bits", {2}},
      {"campaign.engine", {"full"}},
      {"seed", {7}}};
  const std::string file = files_.write("any.json", [&] {
    Json config = Json::parse(kConfig);
    config["campaign"]["injections"] = 40;
    config["campaign"]["models"] = {{{"kind", "bit_flip"}}};
    config["sweep"] = {{"mode", "campaign"}, {"grid", grid}};
    return config.dump();
  }());
  const CommandResult result =
      run_attnguard("sweep " + file + " --quiet --out " + path("out").string());
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const std::string csv = read_text(path("out") / "sweep.csv");
  EXPECT_THAT(csv, StartsWith("checkers,workload.head_dim,accelerator.formats.output,"
                              "campaign.models.0.bits,campaign.engine,seed,cycles,"));
  EXPECT_THAT(
      csv,
      HasSubstr("\r\n\"{\"\"merged\"\":{\"\"kind\"\":\"\"flash_abft\"\"}}\",3,float32,2,full,7,"));
  EXPECT_THAT(csv, HasSubstr("\r\n{},4,float32,2,full,7,"));
}

TEST_F(SweepCommand, SaysWhatIsWrongBeforeAnythingRuns) {
  const auto grid = [](const std::string& text) {
    return "--set 'sweep={\"grid\": {" + text + "}}' ";
  };
  EXPECT_THAT(refused(grid(R"("accelerator.array.rows": [2, "x"])")),
              HasSubstr("#/sweep/grid/accelerator.array.rows/1: \"x\"; an integer from 1 to 128"));
  EXPECT_THAT(refused(grid(R"("checkers.merged": [{"kind": "flash_abft", "row_smu": "at_read"}])")),
              HasSubstr("#/sweep/grid/checkers.merged/0#/checkers/merged/row_smu: unknown key; did "
                        "you mean \"row_sum\"?"));
  EXPECT_THAT(refused(grid(R"("accelerator.aray.rows": [2])")),
              HasSubstr("#/sweep/grid/accelerator.aray.rows/0: unknown key"));
  // Right for itself, wrong together: the point is named.
  const std::string small = "--set accelerator.buffers.k.words=16 ";
  EXPECT_THAT(refused(small + grid(R"("accelerator.array.cols": [2, 3])")),
              StartsWith("attnguard: point accelerator.array.cols=3: --set "
                         "accelerator.buffers.k.words=16#/accelerator/buffers/k/words: 16; at "
                         "least 24"));
  EXPECT_THAT(refused("--set sweep.audit_point.accelerator.array.rows=2"),
              HasSubstr("sweep.audit_point.accelerator.array.rows=2: no key of sweep.grid"));
  EXPECT_THAT(refused(grid(R"("accelerator.array.rows": [])")),
              HasSubstr("[]; a list of at least one value"));
  EXPECT_THAT(refused("--set 'sweep.audit_point={}'"),
              HasSubstr("{}; an object: at least one dotted key -> value"));
  EXPECT_THAT(refused("--audit 3 --set 'sweep={\"grid\": {\"seed\": [1]}}'"),
              HasSubstr("--audit: no campaign to audit; only with sweep.mode campaign"));
  EXPECT_THAT(refused("--set sweep.mode=run"),
              HasSubstr("/sweep/audit_point: given; only with sweep.mode campaign"));
}

// All points are checked before the folder is looked at.
TEST_F(SweepCommand, TakesEveryPointOfTheShippedConfigurations) {
  for (const char* config : {"sweep_array_campaign", "sweep_array_size", "recovery"}) {
    const CommandResult result = run_attnguard(
        fmt::format("sweep configs/{}.json --resume --out {}", config, path("nothing").string()));
    EXPECT_THAT(result.output, StartsWith("attnguard: --resume: no unfinished sweep in "))
        << config;
  }
}

TEST_F(SweepCommand, APointThatAlarmsWithoutAFaultEndsTheSweepAndLeavesNothing) {
  const std::string message = refused(
      "--set sweep.linked=[] --set 'sweep.audit_point={\"seed\": 1}' --set 'sweep.grid={\"seed\": "
      "[1], \"checkers.merged.threshold.value\": [1e-30]}'");
  EXPECT_THAT(message,
              StartsWith("attnguard: point seed=1 checkers.merged.threshold.value=1e-30: "));
  EXPECT_THAT(message, HasSubstr("alarms without a fault"));
  EXPECT_THAT(hidden(), ::testing::IsEmpty());
}

TEST_F(SweepCommand, OfTheCommandPrintedOnCtrlCGivesTheSameBytes) {
  for (const int signal : {SIGINT, SIGTERM}) {
    fs::remove_all(path("out"));
    const auto running = start("out", "");
    const std::vector<pid_t> processes = descendants_of(running->pid());
    running->signal(signal);
    EXPECT_EQ(running->wait(), 130);
    for (const pid_t process : processes) EXPECT_TRUE(has_ended(process)) << "an orphan";
    EXPECT_THAT(hidden(), ::testing::IsEmpty());
    const std::string line = read_text(path("log"));
    EXPECT_THAT(line, StartsWith("attnguard: interrupted; "));
    EXPECT_THAT(line, HasSubstr(" of 4 points are kept"));
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
    const std::string before = "go on with: attnguard ";
    std::string command = line.substr(line.find(before) + before.size());
    command.pop_back();  // the line end
    const CommandResult resumed = run_attnguard(command);
    EXPECT_EQ(resumed.exit_code, 0) << resumed.output;
    EXPECT_EQ(results("out"), whole());
    EXPECT_FALSE(fs::exists(unfinished("out")));
  }
}

TEST_F(SweepCommand, IsAskedForResumeAndRefusesAnotherConfiguration) {
  start("out", "")->signal(SIGKILL);
  EXPECT_THAT(run("out").output, HasSubstr("holds an unfinished sweep; --resume to go on with it"));
  const CommandResult other = run("out", "--resume --set campaign.injections=601");
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.output, HasSubstr("the unfinished sweep in "));
  EXPECT_THAT(other.output, HasSubstr("/config/campaign/injections was 600 and is 601"));
  EXPECT_THAT(run("out", "--resume --audit 3").output, HasSubstr("/audit was nothing and is 3"));
  EXPECT_EQ(
      run_attnguard("campaign " + config_ + " --quiet --out " + path("out").string()).exit_code, 2);
  EXPECT_EQ(run("out", "--resume").exit_code, 0);
  EXPECT_EQ(results("out"), whole());
  EXPECT_THAT(run("out", "--resume").output, HasSubstr("--resume: no unfinished sweep in "));
}

TEST_F(SweepCommand, AnEarlierResultStaysUntilTheNewOneIsComplete) {
  ASSERT_EQ(run("out", "--set campaign.injections=50").exit_code, 0);
  const std::string before = results("out");
  start("out", "--force")->signal(SIGKILL);
  EXPECT_EQ(results("out"), before);
  ASSERT_EQ(run("out", "--resume").exit_code, 0);
  EXPECT_EQ(results("out"), whole());
  ASSERT_EQ(run_attnguard("campaign " + config_ + " --quiet --force --out " + path("out").string())
                .exit_code,
            0);
  for (const char* of_sweep : {"sweep.csv", "sweep.json", "points"})
    EXPECT_FALSE(fs::exists(path("out") / of_sweep)) << of_sweep;
}

// What a point found is not forgotten by the process that goes on.
TEST_F(SweepCommand, AnUnsoundPointEndsAFinishedSweepWithItsExitCode) {
  start("out", "")->signal(SIGKILL);
  const fs::path file = finished_points("out").front();
  Json point = Json::parse(read_text(file));
  point["error"] = {{"kind", "audit"}, {"message", "two rows"}};
  std::ofstream(file) << point.dump();
  const CommandResult resumed = run("out", "--resume");
  EXPECT_EQ(resumed.exit_code, 5);
  EXPECT_THAT(resumed.output, StartsWith("attnguard: point accelerator.array.rows="));
  EXPECT_THAT(resumed.output, HasSubstr(": two rows\n"));
  EXPECT_EQ(results("out"), whole());
}

TEST_F(SweepCommand, TellsHowFarItIs) {
  const CommandResult result =
      run_attnguard("sweep " + config_ + " --workers 2 --out " + path("out").string());
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, HasSubstr("injections "));
  EXPECT_THAT(result.output, HasSubstr("/2400 ("));
  EXPECT_THAT(result.output, HasSubstr("point accelerator.array.rows=2 accelerator.array.cols=2 "));
  EXPECT_THAT(result.output, HasSubstr("sweep.csv sweep.json config.json timing.json points/\n"));
  EXPECT_EQ(run("quiet").output, "");
}

TEST_F(SweepCommand, AfterKillsOfAnyProcessGivesTheSameBytes) { kill_commands(8, whole()); }

class SweepCommandLong : public SweepCommand {};

TEST_F(SweepCommandLong, AfterAHundredKillsGivesTheSameBytes) { kill_commands(100, whole()); }

}  // namespace
}  // namespace attnguard
