// Shards, merged, are byte for byte the campaign that ran in one place; what does not belong
// together is refused in one line, with nothing written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "tests/support/attnguard_command.h"

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

class Shards : public ::testing::Test {
 protected:
  void SetUp() override { config_ = files_.write("small.json", kConfig); }

  fs::path path(const std::string& name) const { return files_.path() / name; }
  CommandResult campaign(const std::string& out, const std::string& more = "") const {
    return run_attnguard("campaign " + config_ + " --quiet --workers 2 --out " +
                         path(out).string() + " " + more);
  }
  /// `count` shards of it in <name>.1, <name>.2, …
  void run_shards(const std::string& name, int count, const std::string& more = "") const {
    for (int k = 1; k <= count; ++k) {
      const CommandResult result = campaign(shard(name, k), part(k, count) + more);
      ASSERT_EQ(result.exit_code, 0) << result.output;
    }
  }
  static std::string shard(const std::string& name, int k) {
    return name + "." + std::to_string(k);
  }
  static std::string part(int k, int count) {
    return "--shard " + std::to_string(k) + "/" + std::to_string(count) + " ";
  }
  CommandResult merge(const std::string& out, const std::string& name,
                      const std::vector<int>& shards, const std::string& more = "") const {
    std::string arguments = "merge " + path(out).string();
    for (const int k : shards) arguments += " " + path(shard(name, k)).string();
    return run_attnguard(arguments + " --quiet " + more);
  }
  /// Every file but timing.json by name.
  std::map<std::string, std::string> files_of(const std::string& out) const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(path(out)))
      if (entry.path().filename() != "timing.json")
        files[entry.path().filename()] = read_text(entry.path());
    return files;
  }
  void expect_refused(const CommandResult& result, const std::string& message) const {
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.output, HasSubstr(message));
    EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 1) << result.output;
    for (const auto& entry : fs::directory_iterator(files_.path()))
      EXPECT_THAT(entry.path().filename().string(), ::testing::Not(HasSubstr("out")))
          << "half a result";
  }

  ScratchFolder files_;
  std::string config_;
};

TEST_F(Shards, MergedAreTheCampaignThatRanInOnePlace) {
  ASSERT_EQ(campaign("whole", "--write-faults").exit_code, 0);
  const auto whole = files_of("whole");
  EXPECT_EQ(whole.size(), 9U);
  for (const int count : {1, 3, 7}) {
    const std::string name = "n" + std::to_string(count);
    run_shards(name, count);
    std::vector<int> all;
    for (int k = count; k >= 1; --k) all.push_back(k);  // in any order
    const CommandResult merged = merge(name, name, all, "--write-faults");
    ASSERT_EQ(merged.exit_code, 0) << merged.output;
    EXPECT_EQ(files_of(name), whole) << count;
  }
  EXPECT_EQ(run_attnguard("replay " + path("n7").string() + " 1234").exit_code, 0);
}

TEST_F(Shards, AreTheSameForEngineFullWithItsAudit) {
  const std::string more = "--set campaign.engine=full --set campaign.injections=300 ";
  ASSERT_EQ(campaign("whole", more + "--audit 40").exit_code, 0);
  run_shards("full", 3, more);
  ASSERT_EQ(merge("merged", "full", {1, 2, 3}, "--audit 40").exit_code, 0);
  EXPECT_EQ(files_of("merged"), files_of("whole"));
  EXPECT_THAT(files_of("merged")["summary.json"], HasSubstr("\"injections\": 40"));
}

TEST_F(Shards, LeaveTheStopRuleToTheMerge) {
  const std::string more =
      "--set campaign.stop.checker=merged --set campaign.stop.half_width=0.2 "
      "--set campaign.stop.looks=[300,600,1000] ";
  ASSERT_EQ(campaign("whole", more).exit_code, 0);
  run_shards("stop", 3, more);
  ASSERT_EQ(merge("merged", "stop", {1, 2, 3}).exit_code, 0);
  EXPECT_EQ(files_of("merged"), files_of("whole"));
  const std::string rows = files_of("merged")["injections.csv"];
  EXPECT_LT(std::count(rows.begin(), rows.end(), '\n'), 1501) << "the rule ended it early";
}

TEST_F(Shards, FindFilesAndTakeTheOrderFromTheMemoryTheyHad) {
  ASSERT_EQ(campaign("list", "--write-faults --set campaign.injections=200").exit_code, 0);
  const std::string more = "--set campaign.fault_list=list/faults.csv --memory 1 ";
  ASSERT_EQ(campaign("whole", more).exit_code, 0);
  run_shards("listed", 2, more);
  ASSERT_EQ(merge("merged", "listed", {1, 2}).exit_code, 0);
  EXPECT_EQ(files_of("merged"), files_of("whole"));
  const std::string list = read_text(path("list") / "faults.csv");
  std::ofstream(path("list") / "faults.csv", std::ios::binary)
      << list.substr(0, list.rfind("\r\n", list.size() - 3) + 2);  // one row less
  expect_refused(merge("out", "listed", {1, 2}), "/config/campaign/fault_list was ");
}

TEST_F(Shards, MoreThanThereIsWorkAreEmptyAndMerge) {
  const std::string more = "--set campaign.injections=3 ";
  ASSERT_EQ(campaign("whole", more).exit_code, 0);
  run_shards("few", 5, more);
  ASSERT_EQ(merge("merged", "few", {1, 2, 3, 4, 5}).exit_code, 0);
  EXPECT_EQ(files_of("merged"), files_of("whole"));
}

TEST_F(Shards, ThatWereKilledGoOnAndFinishedOnesStay) {
  const std::string arguments =
      "campaign " + config_ + " --quiet --workers 1 --shard 1/2 --out " + path("s.1").string();
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
  ASSERT_EQ(campaign("s.2", "--shard 2/2").exit_code, 0);
  ASSERT_EQ(campaign("whole").exit_code, 0);
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
  ASSERT_EQ(campaign("a", "--set campaign.injections=50").exit_code, 0);
  EXPECT_EQ(campaign("a", "--shard 1/2").exit_code, 2);
  ASSERT_EQ(campaign("a", "--shard 1/2 --force").exit_code, 0);
  EXPECT_FALSE(fs::exists(path("a") / "injections.csv")) << "rows of another campaign";
  EXPECT_TRUE(fs::exists(path("a") / "shard.json"));
  ASSERT_EQ(campaign("a", "--set campaign.injections=50 --force").exit_code, 0);
  EXPECT_FALSE(fs::exists(path("a") / "shard.json"));
  EXPECT_FALSE(fs::exists(path("a") / "shard.chunks"));
}

class MergeOfThree : public Shards {
 protected:
  void SetUp() override {
    Shards::SetUp();
    run_shards("s", 3, "--set campaign.injections=200 ");
  }
  std::string folder(int k) const { return path(shard("s", k)).string(); }
};

TEST_F(MergeOfThree, NamesWhatIsMissingOrThereTwice) {
  expect_refused(merge("out", "s", {1, 3}), "shard 2/3 missing; folders of all 3 shards");
  expect_refused(merge("out", "s", {3}), "shard 1/3, 2/3 missing; folders of all 3 shards");
  expect_refused(merge("out", "s", {1, 2, 2, 3}),
                 folder(2) + ": shard 2/3 again, also in " + folder(2) + "; every shard once");
  expect_refused(merge("out", "s", {1, 2, 3, 4}), folder(4) + ": no finished shard; a folder that");
  ASSERT_EQ(campaign("s.4", "--set campaign.injections=200").exit_code, 0);
  expect_refused(merge("out", "s", {1, 4}), folder(4) + ": no finished shard; a folder that");
}

TEST_F(MergeOfThree, NamesWhatAShardOfAnotherCampaignDiffersIn) {
  const auto expect_other = [&](const std::string& more, const std::string& message) {
    ASSERT_EQ(campaign("s.4", "--set campaign.injections=200 " + more + " --force").exit_code, 0);
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
