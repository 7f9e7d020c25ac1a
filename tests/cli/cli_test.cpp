// The built executable, as a user meets it: exit codes, messages, files. ctest names it in
// ATTNGUARD and starts in the repository's root.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "src/workload/npy.h"
#include "tests/support/scratch_folder.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::ordered_json;

struct Outcome {
  int exit_code;
  std::string out, err;
};

class Cli : public ::testing::Test {
 protected:
  // Two heads of 6 queries, width 4, on a 4 × 2 array.
  static constexpr const char* kSmall = R"({
    "accelerator": {"array": {"rows": 4, "cols": 2}},
    "checkers": {"merged": {"kind": "flash_abft"}},
    "workload": {"kind": "attention", "mask": "causal", "heads": 2, "tokens_q": 6, "tokens_k": 6, "head_dim": 4}})";

  void SetUp() override { ASSERT_NE(std::getenv("ATTNGUARD"), nullptr) << "run by ctest"; }

  static std::string quoted(const std::string& word) {
    std::string text = "'";
    for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + "'";
  }
  Outcome call(const std::vector<std::string>& arguments) const {
    std::string line = quoted(std::getenv("ATTNGUARD"));
    for (const std::string& argument : arguments) line += " " + quoted(argument);
    const std::string out = (logs_.path() / "out").string(), err = (logs_.path() / "err").string();
    const int status = std::system((line + " >" + out + " 2>" + err).c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_text(out), read_text(err)};
  }
  std::string out_dir() const { return (files_.path() / "result").string(); }
  Json result(const std::string& file) const {
    return Json::parse(read_text(fs::path(out_dir()) / file));
  }
  // The command must refuse with exactly this line and write nothing.
  void expect_refused(std::vector<std::string> arguments, const std::string& message) const {
    SCOPED_TRACE(message);
    const auto before =
        std::distance(fs::directory_iterator(files_.path()), fs::directory_iterator());
    if (std::find(arguments.begin(), arguments.end(), "--out") == arguments.end())
      arguments.insert(arguments.end(), {"--out", out_dir()});
    const Outcome outcome = call(arguments);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, StartsWith("attnguard: " + message));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_EQ(std::distance(fs::directory_iterator(files_.path()), fs::directory_iterator()),
              before);
  }
  // The same for a configuration text.
  void expect_config_refused(const std::string& text, const std::string& message) const {
    const std::string file = files_.write("bad.json", text);
    expect_refused({"run", file}, file + message);
  }

  ScratchFolder files_, logs_;
};

TEST_F(Cli, TensorPathsHoldInARelativeOutputFolderThatDidNotExist) {
  const fs::path root = fs::current_path();
  fs::current_path(files_.path());
  const Outcome first = call(
      {"run", (root / "configs" / "tiny_gpt.json").string(), "--out", "new/result", "--quiet"});
  const Outcome again = call({"run", "new/result/config.json", "--out", "again", "--quiet"});
  fs::current_path(root);
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_EQ(again.exit_code, 0) << again.err;
}

TEST_F(Cli, RunWritesItsFourFilesAndItsConfigRunsAgain) {
  const std::string file = files_.write("small.json", kSmall);
  const Outcome first = call({"run", file, "--out", out_dir()});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_EQ(first.err, "");
  EXPECT_THAT(first.out, HasSubstr("utilization"));
  const Json run = result("run.json");
  for (const char* key : {"tool", "config_sha256", "seed", "fidelity", "workload", "array",
                          "cycles", "utilization", "units", "bytes", "checkers", "output_sha256"})
    EXPECT_TRUE(run.contains(key)) << key;
  EXPECT_EQ(run["workload"]["kv_heads"], 2);
  EXPECT_EQ(run["checkers"]["merged"]["alarms"], 0);
  EXPECT_GT(run["checkers"]["merged"]["checks"], 0);
  for (const auto& unit : run["units"].items()) {
    std::uint64_t total = unit.value()["busy_cycles"];
    for (const auto& stall : unit.value()["stall_cycles"].items())
      total += stall.value().get<std::uint64_t>();
    EXPECT_EQ(total, run["cycles"]) << unit.key();
  }
  const NpyTensor output =
      parse_npy(read_text(fs::path(out_dir()) / "output.npy"), TensorFormat::floating);
  EXPECT_EQ(output.shape, (std::vector<std::uint64_t>{2, 6, 4}));
  EXPECT_GT(result("timing.json")["wall_s"], 0);

  const std::string again = (files_.path() / "again").string();
  ASSERT_EQ(call({"run", out_dir() + "/config.json", "--out", again, "--quiet"}).exit_code, 0);
  const Json repeated = Json::parse(read_text(again + "/run.json"));
  EXPECT_EQ(repeated, run);
  EXPECT_EQ(read_text(again + "/config.json"), read_text(out_dir() + "/config.json"));
}

TEST_F(Cli, RunOnTheShippedTensorsMeetsTheExpectedOutput) {
  ASSERT_EQ(call({"run", "configs/tiny_gpt.json", "--quiet", "--out", out_dir()}).exit_code, 0);
  const Json run = result("run.json");
  EXPECT_LT(run["expected"]["max_error_over_max_abs"], 0.01);
  EXPECT_GT(run["expected"]["max_abs_error"], 0.0);
  EXPECT_EQ(run["inputs"].size(), 4U);
  for (const auto& checker : run["checkers"].items())
    EXPECT_EQ(checker.value()["alarms"], 0) << checker.key();
}

TEST_F(Cli, ExistingResultsNeedForce) {
  const std::string file = files_.write("small.json", kSmall);
  ASSERT_EQ(call({"run", file, "--quiet", "--out", out_dir()}).exit_code, 0);
  const std::string before = read_text(out_dir() + "/run.json");
  expect_refused({"run", file, "--seed", "2"}, "--out " + out_dir() + ": already holds files;");
  EXPECT_EQ(read_text(out_dir() + "/run.json"), before);
  const Outcome forced =
      call({"run", file, "--quiet", "--out", out_dir(), "--seed", "2", "--force"});
  EXPECT_EQ(forced.exit_code, 0);
  EXPECT_EQ(forced.out + forced.err, "");
  EXPECT_EQ(result("run.json")["seed"], 2);
}

TEST_F(Cli, SitesListTheUniverse) {
  const std::string file = files_.write("small.json", kSmall);
  const Outcome outcome = call({"sites", file, "--out", out_dir()});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const std::string csv = read_text(out_dir() + "/sites.csv");
  EXPECT_THAT(csv, StartsWith("site_class,domain,storage_kind,instances,bits,live_bit_cycles,live_"
                              "share,first_live_cycle,"
                              "last_live_cycle,engine\r\n"));
  EXPECT_THAT(csv, HasSubstr("\narray.pe[*][*].acc,function,register_file,8,256,"));
  EXPECT_THAT(csv, HasSubstr("\nline.alarm.merged,"));
}

TEST_F(Cli, SweepIsTheSameForAnyNumberOfWorkers) {
  const std::string file = files_.write("small.json", kSmall);
  const std::string grid =
      "sweep.grid={\"accelerator.array.rows\": [2, 4], \"workload.mask\": [\"none\", \"causal\"]}";
  ASSERT_EQ(call({"sweep", file, "--set", grid, "--workers", "1", "--out", out_dir()}).exit_code,
            0);
  const std::string other = (files_.path() / "other").string();
  ASSERT_EQ(call({"sweep", file, "--set", grid, "--workers", "3", "--out", other}).exit_code, 0);
  const std::string csv = read_text(out_dir() + "/sweep.csv");
  EXPECT_EQ(csv, read_text(other + "/sweep.csv"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 5);
  EXPECT_THAT(
      csv, StartsWith("accelerator.array.rows,workload.mask,cycles,utilization,macs,busy_cycles_"));
  EXPECT_THAT(csv, HasSubstr("\r\n2,causal,"));
  // A point is what a run with the same settings is.
  const std::string run = (files_.path() / "run").string();
  ASSERT_EQ(
      call({"run", file, "--set", "accelerator.array.rows=2", "--quiet", "--out", run}).exit_code,
      0);
  EXPECT_THAT(csv, HasSubstr("\r\n2,causal," +
                             Json::parse(read_text(run + "/run.json"))["cycles"].dump() + ","));
}

TEST_F(Cli, SweepStopsAtABadPointBeforeAnythingRuns) {
  const std::string file = files_.write("small.json", kSmall);
  const std::string grid = "sweep.grid={\"accelerator.array.rows\": [4, 500]}";
  expect_refused(
      {"sweep", file, "--set", grid},
      "--set " + grid + "#/sweep/grid/accelerator.array.rows/1: 500; an integer from 1 to 128");
  expect_refused({"sweep", file}, file + "#/sweep/grid: no key;");
}

TEST_F(Cli, SchemaIsTheStoredOne) {
  EXPECT_EQ(call({"schema"}).out, read_text("configs/attnguard.schema.json"));
  EXPECT_EQ(call({"schema", "keys"}).out, read_text("docs/configuration.md"));
  const Outcome wrong = call({"schema", "kyes"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_EQ(wrong.out + wrong.err, "attnguard: schema: kyes; nothing, or keys\n");
}

TEST_F(Cli, HelpAndVersionSucceed) {
  EXPECT_EQ(call({"--help"}).exit_code, 0);
  EXPECT_THAT(call({"run", "--help"}).out, StartsWith("attnguard run: "));
  EXPECT_THAT(call({"--version"}).out, StartsWith("attnguard 0."));
}

TEST_F(Cli, BadCommandLinesAreRefused) {
  expect_refused({"rnu", "x.json"}, "rnu: unknown command; did you mean \"run\"?");
  expect_refused({"run", "x.json", "--workres", "2"},
                 "--workres: unknown option; did you mean \"--workers\"?");
  expect_refused({"run", "x.json", "--seed", "-1"}, "--seed -1: no such number;");
  expect_refused({"run", "none.json"},
                 "none.json: No such file or directory; a readable JSON file");
  expect_refused({"run", "configs"}, "configs: is a folder; a JSON file");
  const std::string file = files_.write("small.json", kSmall);
  expect_refused(
      {"run", file, "--set", "workload.mask=casual"},
      "--set workload.mask=casual: \"casual\"; did you mean \"causal\"? allowed: none, causal");
  expect_refused({"run", file, "--out", file}, "--out " + file + ": is a file; a folder");
  expect_refused({"run", file, "--out", "/proc/none/x"}, "--out /proc/none/x: ");
}

TEST_F(Cli, BadConfigurationsAreRefused) {
  const std::string workload =
      R"("workload": {"kind": "attention", "heads": 1, "tokens_q": 4, "tokens_k": 4, "head_dim": 4})";
  const auto array = [&](const std::string& rest) {
    return R"({"accelerator": {"array": {)" + rest + "}}, " + workload + "}";
  };
  expect_config_refused("", ": parse error at line 1, column 1: ");
  expect_config_refused(array(R"("rwos": 4)"),
                        "#/accelerator/array/rwos: unknown key; did you mean \"rows\"?");
  expect_config_refused(array(R"("rows": 4, "rows": 4)"),
                        "#/accelerator/array/rows: duplicate key;");
  expect_config_refused("{}", "#/workload: missing;");
  expect_config_refused(array(R"("rows": "4")"),
                        "#/accelerator/array/rows: \"4\"; an integer from 1 to 128");
  expect_config_refused(array(R"("rows": 4.5)"),
                        "#/accelerator/array/rows: 4.5; an integer from 1 to 128");
  expect_config_refused(array(R"("rows": -4)"),
                        "#/accelerator/array/rows: -4; an integer from 1 to 128");
  expect_config_refused(array(R"("rows": 4000)"),
                        "#/accelerator/array/rows: 4000; an integer from 1 to 128");
  expect_config_refused(array(R"("dataflow": "weight_stationary")"),
                        "#/accelerator/array/dataflow: \"weight_stationary\"; ");
  expect_config_refused(
      R"({"accelerator": {"buffers": {"k": {"words": 126}}}, )" + workload + "}",
      "#/accelerator/buffers/k/words: 126; at least 128, as one half must hold a key tile");
}

TEST_F(Cli, BadTensorsAreRefused) {
  const std::string config =
      R"({"workload": {"kind": "attention", "q": "q.npy", "k": "k.npy", "v": "v.npy"}})";
  const fs::path folder = files_.path();
  const auto write = [&](const char* name, const std::vector<std::uint64_t>& shape,
                         float value = 0) {
    write_npy(folder / name, shape, std::vector<float>(shape[0] * shape[1] * shape[2], value));
  };
  write("q.npy", {1, 4, 4});
  write("k.npy", {1, 4, 4});
  expect_config_refused(config, "#/workload/v: v.npy: No such file or directory;");
  const std::string good = read_text(folder / "k.npy");
  const auto with = [&](std::string bytes, const std::string& from, const std::string& to) {
    bytes.replace(bytes.find(from), from.size(), to);
    return bytes;
  };
  files_.write("v.npy", "");
  expect_config_refused(config, "#/workload/v: v.npy: empty file;");
  files_.write("v.npy", good.substr(0, good.size() - 4));
  expect_config_refused(
      config,
      "#/workload/v: v.npy: 60 bytes of data for shape (1, 4, 4) of <f4, truncated; 64 bytes");
  files_.write("v.npy", with(good, "False", "True "));
  expect_config_refused(config, "#/workload/v: v.npy: Fortran order;");
  files_.write("v.npy", with(good, "<f4", ">f4"));
  expect_config_refused(config, "#/workload/v: v.npy: big-endian type >f4;");
  files_.write("v.npy", with(good, "<f4", "<i4"));
  expect_config_refused(config, "#/workload/v: v.npy: type <i4; <f4 or <f2");
  files_.write("v.npy", with(good, "(1, 4, 4)", "(4, 4)   "));
  expect_config_refused(config, "#/workload/v: v.npy: shape (4, 4); [heads, tokens, head_dim]");
  write("v.npy", {1, 5, 4});
  expect_config_refused(config, "#/workload/v: v.npy: shape (1, 5, 4); the shape of k, (1, 4, 4)");
  write("v.npy", {1, 4, 4}, std::numeric_limits<float>::infinity());
  expect_config_refused(
      config,
      "#/workload/v: v.npy: value inf at [0, 0, 0]; finite values, or workload.allow_nonfinite");
}

TEST_F(Cli, BadCampaignsAreRefused) {
  const std::string file = files_.write("small.json", kSmall);
  expect_refused({"campaign", file, "--quiet", "--set", "campaign.sites=[\"aray.*\"]"},
                 "--set campaign.sites=[\"aray.*\"]#/campaign/sites/0: ");
  expect_refused(
      {"campaign", file, "--quiet", "--set",
       "campaign.faults=[{\"site\": \"array.pe[0][0].acc\", \"bit\": 1, \"cycle\": 100000000}]"},
      "--set campaign.faults=");
}

}  // namespace
}  // namespace attnguard
