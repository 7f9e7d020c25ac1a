// Shards of a sweep, merged, are byte for byte the sweep that ran in one place, points' folders
// included; what does not belong together is refused in one line, with nothing written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/process_tree.h"
#include "tests/support/sharded_command.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Four points of different size and checkers, the smallest with fewer injections than shards. Scale
// and checkers hang on defaults that another point has other values of.
constexpr const char* kConfig = R"({
  "accelerator": {"array": {"rows": 4, "cols": 2}, "external_memory": {"latency_cycles": 4}},
  "checkers": {"merged": {"kind": "flash_abft"}},
  "workload": {"kind": "attention", "heads": 2, "kv_heads": 1, "tokens_q": 6, "tokens_k": 6,
               "head_dim": 4},
  "campaign": {"injections": 300},
  "sweep": {"mode": "campaign",
            "grid": {"workload.head_dim": [4, 3], "campaign.injections": [300, 2],
                     "checkers.other": [{"kind": "matmul_abft"},
                                        {"kind": "flash_abft", "row_sum": "at_write"}]},
            "linked": [["campaign.injections", "checkers.other"]],
            "audit_point": {"workload.head_dim": 3, "campaign.injections": 300}}})";

// The same points, a fault-free run at each.
std::string of_runs() {
  auto config = nlohmann::ordered_json::parse(kConfig);
  config["sweep"]["mode"] = "run";
  config["sweep"].erase("audit_point");
  return config.dump();
}

class SweepShards : public ShardedCommand {
 protected:
  explicit SweepShards(const std::string& config = kConfig) : ShardedCommand("sweep", config) {}
  static void replace(const fs::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
  }
};

TEST_F(SweepShards, MergedAreTheSweepThatRanInOnePlace) {
  expect_merge_to_the_whole(1);
  expect_merge_to_the_whole(3, "", "--audit 30");
  expect_merge_to_the_whole(7, "--seed 5 --memory 1 ");  // more than there are points
  EXPECT_THAT(files_of("n3")["sweep.json"], HasSubstr("\"injections\": 30"));
  EXPECT_EQ(files_of("n7").count("points/003/injections.csv"), 1U);
  EXPECT_EQ(run_attnguard("replay " + path("n7").string() + "/points/002 123").exit_code, 0);
}

TEST_F(SweepShards, OfOnePointAreShardsOfACampaign) {
  run_shards("s", 2);
  const CommandResult merged =
      run_attnguard("merge " + path("merged").string() + " " + folder(2) + "/points/000 " +
                    folder(1) + "/points/000 --audit 0 --quiet");
  ASSERT_EQ(merged.exit_code, 0) << merged.output;
  ASSERT_EQ(run("whole").exit_code, 0);
  auto campaign = files_of("merged"), point = files_of("whole/points/000");
  EXPECT_EQ(campaign, point);
}

TEST_F(SweepShards, FindFilesThatPointsName) {
  ASSERT_EQ(run_attnguard("campaign " + config_ + " --quiet --write-faults --out " +
                          path("list").string())
                .exit_code,
            0);
  expect_merge_to_the_whole(2,
                            "--set 'sweep={\"mode\": \"campaign\", \"grid\": "
                            "{\"campaign.fault_list\": [\"list/faults.csv\"]}}' ");
  const std::string list = read_text(path("list/faults.csv"));
  replace(path("list/faults.csv"), list.substr(0, list.rfind("\r\n", list.size() - 3) + 2));
  expect_refused(merge("out", "n2", {1, 2}), "/config/campaign/fault_list was ");
}

TEST_F(SweepShards, ThatWereKilledGoOnAndFinishedOnesStay) {
  const std::string arguments = this->arguments("s.1", "--shard 1/2 --set campaign.engine=full");
  {
    RunningAttnguard running(arguments, path("log"));
    for (int i = 0; i < 10000 && !fs::exists(path("s.1/unfinished/points/000")); ++i) sleep_ms(1);
  }  // killed
  expect_refused(merge("out", "s", {1}), "s.1: shard 1/2 is not finished; run it again with");
  EXPECT_EQ(run_attnguard(arguments).exit_code, 2);
  const CommandResult resumed = run_attnguard(arguments + " --resume");
  EXPECT_EQ(resumed.exit_code, 0) << resumed.output;
  const fs::path chunks = path("s.1/points/000/shard.chunks");
  const auto written = fs::last_write_time(chunks);
  EXPECT_EQ(run_attnguard(arguments + " --resume").exit_code, 0);
  EXPECT_EQ(fs::last_write_time(chunks), written) << "nothing was left to do";
  expect_refused(run_attnguard(arguments + " --resume --seed 2"),
                 "--resume: the finished shard in " + path("s.1").string() +
                     " is another: /config/seed was 1 and is 2; the same configuration");
  ASSERT_EQ(run("s.2", "--shard 2/2 --set campaign.engine=full").exit_code, 0);
  ASSERT_EQ(run("whole", "--set campaign.engine=full").exit_code, 0);
  ASSERT_EQ(merge("merged", "s", {1, 2}).exit_code, 0);
  EXPECT_EQ(files_of("merged"), files_of("whole"));
}

TEST_F(SweepShards, OfTheSameFolderReplaceOtherResultsWithForce) {
  ASSERT_EQ(run("a").exit_code, 0);
  EXPECT_EQ(run("a", "--shard 1/2").exit_code, 2);
  ASSERT_EQ(run("a", "--shard 1/2 --force").exit_code, 0);
  EXPECT_FALSE(fs::exists(path("a/sweep.csv"))) << "rows of another sweep";
  EXPECT_FALSE(fs::exists(path("a/sweep.json")));
  EXPECT_FALSE(fs::exists(path("a/points/000/injections.csv")));
  ASSERT_EQ(run("a", "--force").exit_code, 0);
  EXPECT_FALSE(fs::exists(path("a/shard.json")));
}

class MergeOfTwo : public SweepShards {
 protected:
  void SetUp() override { run_shards("s", 2); }
};

TEST_F(MergeOfTwo, NamesWhatIsMissingOrDoesNotBelongTogether) {
  expect_refused(merge("out", "s", {2}), "shard 1/2 missing; folders of all 2 shards");
  expect_refused(merge("out", "s", {1, 2, 1}), folder(1) + ": shard 1/2 again, also in ");
  ASSERT_EQ(run("s.3",
                "--shard 2/2 --set 'sweep.grid={\"workload.head_dim\": [3]}' --set "
                "'sweep.audit_point={\"workload.head_dim\": 3}' --set sweep.linked=[]")
                .exit_code,
            0);
  expect_refused(merge("out", "s", {1, 3}),
                 folder(3) + ": /config/sweep/grid/workload.head_dim/0 is 3, but 4 in ");
  ASSERT_EQ(run("s.3", "--shard 2/2 --memory 1 --force").exit_code, 0);
  expect_refused(merge("out", "s", {1, 3}), folder(3) + ": /memory_bytes is 1, but 4294967296");
  ASSERT_EQ(run_attnguard("campaign " + config_ + " --quiet --shard 2/2 --force --out " +
                          path("s.3").string())
                .exit_code,
            0);
  expect_refused(merge("out", "s", {1, 3}), folder(3) +
                                                ": /command is \"campaign\", but \"sweep\" in " +
                                                folder(1) + "; shards of one campaign or sweep");
  expect_refused(merge("out", "s", {1, 2}, "--write-faults"), "--write-faults: shards of a sweep");
  expect_refused(merge("s.1", "s", {1, 2}, "--force"),
                 folder(1) + ": lies in " + folder(1) + ", which the result would replace");
}

TEST_F(MergeOfTwo, NamesThePointThatIsMissingDamagedOrAnother) {
  const fs::path points = fs::path(folder(2)) / "points", aside = path("aside");
  fs::rename(points / "001", aside);
  expect_refused(merge("out", "s", {1, 2}), folder(2) + "/points/001: no finished shard; ");
  fs::rename(points / "000", points / "001");
  fs::rename(aside, points / "000");
  expect_refused(merge("out", "s", {1, 2}), folder(2) + "/points/000: /config");
  const fs::path others = fs::path(folder(1)) / "points";  // the same in all shards
  fs::rename(others / "001", aside);
  fs::rename(others / "000", others / "001");
  fs::rename(aside, others / "000");
  expect_refused(merge("out", "s", {1, 2}), folder(1) + "/config.json: /points/0 was \"");
}

TEST_F(MergeOfTwo, NamesTheChunkThatIsDamaged) {
  const std::string chunks = folder(2) + "/points/002/shard.chunks", whole = read_text(chunks);
  std::string changed = whole;
  changed[200] = static_cast<char>(changed[200] ^ 1);
  replace(chunks, changed);
  const CommandResult result = merge("out", "s", {1, 2});
  expect_refused(result,
                 chunks + ": chunk 0 is missing or damaged; run shard 2/2 again with --force");
  EXPECT_THAT(result.output, ::testing::StartsWith("attnguard: point workload.head_dim=3 "));
  replace(chunks, whole);
  EXPECT_EQ(merge("merged", "s", {1, 2}).exit_code, 0);
  EXPECT_EQ(merge("merged", "s", {1, 2}).exit_code, 2);
  EXPECT_EQ(merge("merged", "s", {1, 2}, "--force").exit_code, 0);
}

TEST_F(MergeOfTwo, NamesTheConfigurationThatChanged) {
  const std::string file = folder(1) + "/config.json";
  std::string text = read_text(file);
  const std::string before = "\"kv_heads\": 1";
  text.replace(text.find(before), before.size(), "\"kv_heads\": 2");
  replace(file, text);
  expect_refused(merge("out", "s", {1, 2}), file + ": /config/workload/kv_heads was 1 and is 2");
}

class RunShards : public SweepShards {
 protected:
  RunShards() : SweepShards(of_runs()) {}
};

TEST_F(RunShards, HaveWholePointsAndMergeToTheSweep) {
  for (const int count : {1, 3, 7}) expect_merge_to_the_whole(count);
  run_shards("s", 2);
  expect_refused(merge("out", "s", {1, 2}, "--audit 3"), "--audit: no campaign to audit");
  const fs::path mine = fs::path(folder(1)) / "points.json", other = path("s.2/points.json");
  const std::string text = read_text(mine);
  const auto damaged = [&](const fs::path& file) {
    const std::string message = ": point workload.head_dim=";
    expect_refused(merge("out", "s", {1, 2}), file.string() + message);
    expect_refused(merge("out", "s", {1, 2}), " is missing or damaged; run shard 1/2 again");
  };
  replace(mine, text.substr(0, text.size() / 2));
  damaged(mine);
  std::string changed = text;
  changed.replace(changed.find("\"cycles\": ") + 10, 1, "9");
  replace(mine, changed);
  damaged(mine);
  replace(mine, read_text(other));
  damaged(mine);
  fs::remove(mine);
  damaged(mine);
  EXPECT_EQ(run("s.1", "--shard 1/2 --force").exit_code, 0);
  EXPECT_EQ(merge("merged", "s", {1, 2}).exit_code, 0);
}

}  // namespace
}  // namespace attnguard
