// A campaign that is killed, interrupted or loses workers ends with the bytes of one that is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/support/attnguard_command.h"
#include "tests/support/process_tree.h"
#include "tests/support/resumable_command.h"
#include "tests/support/scripted_campaign.h"
#include "tests/support/small_campaign.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// config.json names no files here, so it is the same in every folder.
constexpr const char* kFiles[] = {"injections.csv", "coverage.csv", "strata.csv", "summary.json",
                                  "config.json"};

bool any_chunk(const fs::path& chunks) {
  std::error_code error;
  for (const auto& file : fs::directory_iterator(chunks, error))
    if (file.path().extension() == ".chunk") return true;
  return false;
}

class Resume : public ResumableCommand {
 protected:
  void SetUp() override { config_ = files_.write("small.json", small_campaign(2500)); }

  std::string arguments(const std::string& out, const std::string& more) const override {
    return "campaign " + config_ + " --quiet --workers 2 --out " + path(out).string() + " " + more;
  }
  bool is_unfinished(const std::string& out) const override {
    return fs::exists(path(out) / "chunks" / "campaign.json");
  }
  bool any_kept(const std::string& out) const override { return any_chunk(path(out) / "chunks"); }
  /// Those of a campaign that nothing happened to; the same for every test.
  const std::string& whole() const {
    static const std::string text = [this] {
      EXPECT_EQ(run("whole").exit_code, 0);
      return results("whole");
    }();
    return text;
  }
  std::string results(const std::string& out) const override {
    std::string text;
    for (const char* file : kFiles) text += read_text(path(out) / file);
    return text;
  }
  std::string config_;
};

TEST_F(Resume, AfterKillsOfTheCommandAndOfWorkersGivesTheSameBytes) { kill_commands(6, whole()); }

class ResumeLong : public Resume {};

TEST_F(ResumeLong, AfterAHundredKillsGivesTheSameBytes) { kill_commands(100, whole()); }

TEST_F(Resume, OfTheCommandPrintedOnCtrlCGivesTheSameBytes) {
  for (const int signal : {SIGINT, SIGTERM}) {
    fs::remove_all(path("out"));
    const auto running = start("out", "");
    running->signal(signal);
    EXPECT_EQ(running->wait(), 130);
    const std::string line = read_text(path("log"));
    EXPECT_THAT(line, StartsWith("attnguard: interrupted; "));
    EXPECT_THAT(line, HasSubstr(" of 2500 injections are kept, go on with: attnguard campaign "));
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
    const std::string before = "go on with: attnguard ";
    std::string command = line.substr(line.find(before) + before.size());
    command.pop_back();  // the line end
    const CommandResult resumed = run_attnguard(command);
    EXPECT_EQ(resumed.exit_code, 0) << resumed.output;
    EXPECT_EQ(results("out"), whole());
    EXPECT_FALSE(fs::exists(path("out") / "chunks"));
  }
}

TEST_F(Resume, IsAskedForWhenACampaignIsUnfinished) {
  start("out", "")->signal(SIGKILL);
  const CommandResult refused = run("out");
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.output, HasSubstr("holds an unfinished campaign; --resume to go on with it, "
                                        "or --force to start anew"));
  EXPECT_TRUE(is_unfinished("out"));
  EXPECT_EQ(run("out", "--force").exit_code, 0);
  EXPECT_FALSE(is_unfinished("out"));
  EXPECT_EQ(run("out", "--resume --force").exit_code, 2);
}

TEST_F(Resume, RefusesAnotherConfigurationAndNamesTheDifference) {
  start("out", "")->signal(SIGKILL);
  const CommandResult other = run("out", "--resume --set campaign.injections=2501");
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.output, HasSubstr("/config/campaign/injections was 2500 and is 2501"));
  EXPECT_TRUE(is_unfinished("out"));
  EXPECT_EQ(run("out", "--resume").exit_code, 0);
}

TEST_F(Resume, NeedsSomethingToGoOnWith) {
  ASSERT_EQ(run("finished", "--set campaign.injections=50").exit_code, 0);
  for (const char* out : {"nothing", "finished"}) {
    const CommandResult refused = run(out, "--resume");
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_THAT(refused.output, HasSubstr("--resume: no unfinished campaign in "));
  }
  EXPECT_FALSE(fs::exists(path("nothing")));
}

TEST_F(Resume, RefusesACampaignThatIsStillRunning) {
  const auto running = start("out", "");
  const CommandResult refused = run("out", "--resume");
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.output, HasSubstr("another process is at this campaign"));
  EXPECT_EQ(running->wait(), 0);
}

TEST_F(Resume, AnEarlierResultStaysUntilTheNewOneIsComplete) {
  ASSERT_EQ(run("out", "--set campaign.injections=50").exit_code, 0);
  ASSERT_EQ(run_attnguard("replay " + path("out").string() + " 3").exit_code, 0);
  const std::string before = results("out");
  start("out", "--force")->signal(SIGKILL);
  EXPECT_EQ(results("out"), before);
  EXPECT_EQ(run_attnguard("replay " + path("out").string() + " 4").exit_code, 0);
  ASSERT_EQ(run("out", "--resume").exit_code, 0);
  EXPECT_EQ(results("out"), whole());
  EXPECT_FALSE(fs::exists(path("out") / "replay_3")) << "a replay of a row that is gone";
}

TEST_F(Resume, OfAScriptedEngineAfterKillsGivesTheSameBytes) {
  CampaignConfig config;
  config.injections = 2000;
  ScriptedCampaign campaign(config);
  ScriptedEngine engine(campaign);
  const Engines engines{campaign.simulate(), &engine};
  const ConductOptions options{2, 0, {}, {}};
  const ScratchFolder whole, killed;
  const ScriptedResult expected = conduct_scripted(campaign, engines, options, whole.path());
  std::mt19937 random(1);
  std::uniform_real_distribution<double> moment(20, 150);
  engine.before = [](const Injection&) { sleep_ms(0.1); };
  int kept = 0;
  for (int round = 0; round < 7; ++round) {
    const pid_t command = ::fork();
    if (command == 0) {
      conduct_scripted(campaign, engines, options, killed.path());
      ::_exit(0);
    }
    if (round == 0)
      for (int i = 0; i < 3000 && !any_chunk(killed.path()); ++i) sleep_ms(2);
    else
      sleep_ms(moment(random));
    const std::vector<pid_t> workers = children_of(command);
    ::kill(round % 3 == 2 && !workers.empty() ? workers[0] : command, SIGKILL);
    ::waitpid(command, nullptr, 0);
    for (const pid_t worker : workers) EXPECT_TRUE(ends_soon(worker)) << "an orphan";
    kept += any_chunk(killed.path());
    if (round % 4 == 3)  // and start again from a file that was lost
      fs::remove(killed.path() / "000002.chunk");
  }
  EXPECT_GT(kept, 0);
  const ScriptedResult resumed = conduct_scripted(campaign, engines, options, killed.path());
  EXPECT_EQ(resumed.csv, expected.csv);
  EXPECT_EQ(resumed.coverage, expected.coverage);
  EXPECT_TRUE(resumed.failed.empty());
}

}  // namespace
}  // namespace attnguard
