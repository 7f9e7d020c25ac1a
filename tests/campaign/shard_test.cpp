// Shards, merged, are byte for byte the campaign that ran in one place; what does not belong
// together is refused in one line, with nothing written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/sharded_command.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Small enough for thousands of runs; two heads of keys, so that there are groups.
constexpr const char* kConfig = R"({
  "accelerator": {"array": {"rows": 4, "cols": 2}, "external_memory": {"latency_cycles": 4}},
  "checkers": {"merged": {"kind": "flash_abft"}, "two_check": {"kind": "matmul_abft"}},
  "workload": {"kind": "attention", "mask": "causal", "heads": 4, "kv_heads": 2, "tokens_q": 6,
               "tokens_k": 6, "head_dim": 4},
  "campaign": {"injections": 1500}})";

class Shards : public ShardedCommand {
 protected:
  Shards() : ShardedCommand("campaign", kConfig) {}
};

TEST_F(Shards, MergedAreTheCampaignThatRanInOnePlace) {
  for (const int count : {1, 3, 7}) expect_merge_to_the_whole(count, "", "--write-faults");
  EXPECT_EQ(files_of("n7").size(), 9U);
  EXPECT_EQ(run_attnguard("replay " + path("n7").string() + " 1234").exit_code, 0);
}

TEST_F(Shards, AreTheSameForEngineFullWithItsAudit) {
  expect_merge_to_the_whole(3, "--set campaign.engine=full --set campaign.injections=300 ",
                            "--audit 40");
  EXPECT_THAT(files_of("n3")["summary.json"], HasSubstr("\"injections\": 40"));
}

TEST_F(Shards, LeaveTheStopRuleToTheMerge) {
  expect_merge_to_the_whole(3,
                            "--set campaign.stop.checker=merged --set campaign.stop.half_width=0.2 "
                            "--set campaign.stop.looks=[300,600,1000] ");
  const std::string rows = files_of("n3")["injections.csv"];
  EXPECT_LT(std::count(rows.begin(), rows.end(), '\n'), 1501) << "the rule ended it early";
}

TEST_F(Shards, FindFilesAndTakeTheOrderFromTheMemoryTheyHad) {
  ASSERT_EQ(run("list", "--write-faults --set campaign.injections=200").exit_code, 0);
  expect_merge_to_the_whole(2, "--set campaign.fault_list=list/faults.csv --memory 1 ");
  const std::string list = read_text(path("list") / "faults.csv");
  std::ofstream(path("list") / "faults.csv", std::ios::binary)
      << list.substr(0, list.rfind("\r\n", list.size() - 3) + 2);  // one row less
  expect_refused(merge("out", "n2", {1, 2}), "/config/campaign/fault_list was ");
}

TEST_F(Shards, MoreThanThereIsWorkAreEmptyAndMerge) {
  expect_merge_to_the_whole(5, "--set campaign.injections=3 ");
}

TEST_F(Shards, ThatWereKilledGoOnAndFinishedOnesStay) {
  const std::string arguments = this->arguments("s.1", "--shard 1/2");
  {
    RunningAttnguard running(arguments, path("log"));
    for (int i = 0; i < 30000 && !fs::exists(path("s.1") / "chunks" / "000000.chunk"); ++i)
      ::usleep(1000);
  }  // killed
  if (fs::exists(path("s.1") / "chunks")) {
    expect_refused(merge("out", "s", {1}), "s.1: shard 1/2 is not finished; run it again with");
    EXPECT_EQ(run_attnguard(arguments + " --resume").exit_code, 0);
  }
  const fs::path chunks = path("s.1") / "shard.chunks";
  const auto written = fs::last_write_time(chunks);
  EXPECT_EQ(run_attnguard(arguments + " --resume").exit_code, 0);
  EXPECT_EQ(fs::last_write_time(chunks), written) << "nothing was left to do";
  EXPECT_EQ(run_attnguard(arguments).exit_code, 2);
  expect_refused(run_attnguard(arguments + " --resume --seed 2"),
                 "--resume: the finished shard in " + path("s.1").string() +
                     " is another: /config/seed was 1 and is 2; the same configuration");
  ASSERT_EQ(run("s.2", "--shard 2/2").exit_code, 0);
  ASSERT_EQ(run("whole").exit_code, 0);
  ASSERT_EQ(merge("merged", "s", {1, 2}).exit_code, 0);
  EXPECT_EQ(files_of("merged"), files_of("whole"));
}

TEST_F(Shards, SayWhereTheyAreAndStandBesideTheirCampaign) {
  const std::string command = "cd " + files_.path().string() + " && " + std::getenv("ATTNGUARD") +
                              " campaign small.json --shard 2/3 ";
  const auto output = [&](const std::string& options) {
    EXPECT_EQ(std::system((command + options + " >log 2>&1").c_str()), 0);
    return read_text(path("log"));
  };
  const std::string folder = "traces/small-campaign.shards/2";
  const std::string first = output("");
  EXPECT_THAT(first,
              ::testing::ContainsRegex("\nshard 2/3: [0-9]+ injections in .* \\(differential "
                                       "[0-9]+, full [0-9]+\\)\n"));
  EXPECT_THAT(first, HasSubstr("written to " + folder + ": shard.chunks shard.json"));
  EXPECT_THAT(output("--resume"), HasSubstr("shard 2/3 in " + folder + " is finished\n"));
}

TEST_F(Shards, OfTheSameFolderReplaceEachOtherOnlyWithForce) {
  ASSERT_EQ(run("a", "--set campaign.injections=50").exit_code, 0);
  EXPECT_EQ(run("a", "--shard 1/2").exit_code, 2);
  ASSERT_EQ(run("a", "--shard 1/2 --force").exit_code, 0);
  EXPECT_FALSE(fs::exists(path("a") / "injections.csv")) << "rows of another campaign";
  EXPECT_TRUE(fs::exists(path("a") / "shard.json"));
  ASSERT_EQ(run("a", "--set campaign.injections=50 --force").exit_code, 0);
  EXPECT_FALSE(fs::exists(path("a") / "shard.json"));
  EXPECT_FALSE(fs::exists(path("a") / "shard.chunks"));
}

class MergeOfThree : public Shards {
 protected:
  void SetUp() override { run_shards("s", 3, "--set campaign.injections=200 "); }
};

TEST_F(MergeOfThree, NamesWhatIsMissingOrThereTwice) {
  expect_refused(merge("out", "s", {1, 3}), "shard 2/3 missing; folders of all 3 shards");
  expect_refused(merge("out", "s", {3}), "shard 1/3, 2/3 missing; folders of all 3 shards");
  expect_refused(merge("out", "s", {1, 2, 2, 3}),
                 folder(2) + ": shard 2/3 again, also in " + folder(2) + "; every shard once");
  expect_refused(merge("out", "s", {1, 2, 3, 4}), folder(4) + ": no finished shard; a folder that");
  fs::copy(folder(2), folder(4), fs::copy_options::recursive);
  expect_refused(merge("out", "s", {1, 2, 3, 4}),
                 folder(4) + ": shard 2/3 again, also in " + folder(2) + "; every shard once");
  fs::remove_all(folder(4));
  ASSERT_EQ(run("s.4", "--set campaign.injections=200").exit_code, 0);
  expect_refused(merge("out", "s", {1, 4}), folder(4) + ": no finished shard; a folder that");
}

TEST_F(MergeOfThree, NamesWhatAShardOfAnotherCampaignDiffersIn) {
  const auto expect_other = [&](const std::string& more, const std::string& message) {
    ASSERT_EQ(run("s.4", "--set campaign.injections=200 " + more + " --force").exit_code, 0);
    expect_refused(merge("out", "s", {1, 2, 4}), folder(4) + ": " + message);
  };
  expect_other("--shard 3/3 --seed 5",
               "/config/seed is 5, but 1 in " + folder(1) + "; shards of one campaign");
  expect_other("--shard 3/4", "/shards is 4, but 3 in " + folder(1));
  expect_other("--shard 3/3 --memory 1", "/memory_bytes is 1, but 4294967296 in " + folder(1));
  expect_other("--shard 3/3 --set accelerator.fidelity=cycle",
               "/config/accelerator/fidelity is \"cycle\", but \"transaction\" in " + folder(1));
}

TEST_F(MergeOfThree, RefusesAnotherVersion) {
  const fs::path file = fs::path(folder(2)) / "shard.json";
  std::string text = read_text(file);
  const std::string before = "\"tool\": \"";
  text.replace(text.find(before), before.size(), before + "9.");
  std::ofstream(file) << text;
  expect_refused(merge("out", "s", {1, 2, 3}), folder(2) + ": written by attnguard 9.");
}

TEST_F(MergeOfThree, NamesTheChunkThatIsMissingOrDamaged) {
  const fs::path chunks = fs::path(folder(3)) / "shard.chunks";
  const std::string whole = read_text(chunks);
  const auto replace = [&](const std::string& bytes) {
    std::ofstream(chunks, std::ios::binary) << bytes;
  };
  const auto message = [&](int chunk) {
    return chunks.string() + ": chunk " + std::to_string(chunk) +
           " is missing or damaged; run shard 3/3 again with --force";
  };
  std::string changed = whole;
  changed[200] = static_cast<char>(changed[200] ^ 1);
  replace(changed);
  expect_refused(merge("out", "s", {1, 2, 3}), message(0));
  replace(whole.substr(0, whole.size() - 1));
  expect_refused(merge("out", "s", {1, 2, 3}), " is missing or damaged; run shard 3/3 again");
  fs::remove(chunks);
  expect_refused(merge("out", "s", {1, 2, 3}), message(0));
  // Of another shard, whole: an overlap and a gap at once.
  fs::copy(fs::path(folder(1)) / "shard.chunks", chunks);
  expect_refused(merge("out", "s", {1, 2, 3}), message(0));
  replace(whole);
  EXPECT_EQ(merge("out", "s", {1, 2, 3}).exit_code, 0);
}

TEST_F(MergeOfThree, LeavesTheUsersFilesAndTheShardsAlone) {
  fs::create_directory(path("taken"));
  std::ofstream(path("taken") / "mine") << "x";
  expect_refused(merge("taken", "s", {1, 2, 3}), "already holds files");
  expect_refused(merge("s.1", "s", {1, 2, 3}, "--force"),
                 folder(1) + ": lies in " + folder(1) + ", which the result would replace");
  EXPECT_TRUE(fs::exists(fs::path(folder(1)) / "shard.json"));
  EXPECT_EQ(merge("merged", "s", {1, 2, 3}).exit_code, 0);
  EXPECT_EQ(merge("merged", "s", {1, 2, 3}).exit_code, 2);
  EXPECT_EQ(merge("merged", "s", {1, 2, 3}, "--force").exit_code, 0);
}

TEST(ShardOption, WantsAPartOfAWholeAndLeavesTheAuditToTheMerge) {
  for (const char* wrong : {"0/3", "4/3", "3", "a/3", "1/", "1/3x", "-1/3", "1/2000000"}) {
    const CommandResult result = run_attnguard(std::string("campaign x.json --shard ") + wrong);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.output, HasSubstr(std::string("--shard ") + wrong +
                                         ": no such shard; K/N with K from 1 to N"));
  }
  for (const char* option : {"--audit 3", "--write-faults", "--dry-run"})
    EXPECT_EQ(run_attnguard(std::string("campaign x.json --shard 1/3 ") + option).exit_code, 2);
}

}  // namespace
}  // namespace attnguard
