// Signals at any moment: a command ends soon and says so, nothing of it looks finished, and what
// follows gives the bytes of a command that ran through.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/support/hostile_command.h"
#include "tests/support/process_tree.h"
#include "tests/support/small_campaign.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Words = std::vector<std::string>;
using Files = std::map<std::string, std::string>;

class Interruption : public ::testing::Test {
 protected:
  void SetUp() override {
    config_ = files_.write("small.json", small_campaign(1500));
    sweep_ =
        files_.write("sweep.json", R"({"sweep": {"mode": "campaign", "grid": {"seed": [1, 2]}}, )" +
                                       small_campaign(600).substr(1));
  }

  fs::path path(const std::string& name) const { return files_.path() / name; }
  fs::path out() const { return path("root/out"); }
  bool unfinished() const {
    return fs::exists(out() / "chunks" / "campaign.json") ||
           fs::exists(out() / "unfinished" / "sweep.json");
  }

  /// Signals of all three kinds at moments all over the command; `resumes`: --resume goes on.
  void interrupt(Words words, int rounds, bool resumes) {
    words.emplace_back("--quiet");
    fs::remove_all(path("root"));
    fs::create_directory(path("root"));
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(call_attnguard(words).exit_code, 0);
    const std::chrono::duration<double, std::milli> whole =
        std::chrono::steady_clock::now() - start;
    const Files expected = files_below(path("root"));
    std::mt19937 random(1);
    std::uniform_real_distribution<double> share(0, 1);
    double latest = 1.1 * whole.count();
    int interrupted = 0, kept = 0;
    for (int round = 0; round < rounds || (interrupted == 0 && round < 10 * rounds); ++round) {
      SCOPED_TRACE(words[0] + ", round " + std::to_string(round));
      const bool resume = unfinished();
      if (!resume) fs::remove_all(out());
      Words more = words;
      if (resume) more.emplace_back("--resume");
      const ScratchFolder logs;
      const pid_t pid = start_attnguard(more, logs.path());
      // At the start of the process there is nobody yet to take it.
      while (!has_ended(pid) && !handles(pid, {SIGINT, SIGTERM, SIGHUP})) sleep_ms(1);
      sleep_ms(latest * share(random));
      const std::vector<pid_t> workers = descendants_of(pid);
      ::kill(pid, std::array{SIGINT, SIGTERM, SIGHUP}[round % 3]);
      const auto sent = std::chrono::steady_clock::now();
      const Ended ended = end_of(pid, logs.path());
      EXPECT_LT(std::chrono::steady_clock::now() - sent, std::chrono::seconds(10));
      for (const pid_t worker : workers) EXPECT_TRUE(ends_soon(worker)) << "an orphan";
      EXPECT_EQ(ended.out, "");
      if (ended.exit_code == 0) {
        EXPECT_EQ(files_below(path("root")), expected);
        latest *= 0.8;  // the signal came too late: the first run may have been a slow one
        continue;
      }
      ++interrupted;
      ASSERT_EQ(ended.exit_code, 130) << ended.err << ended.signal;
      EXPECT_TRUE(ended.one_line()) << ended.err;
      EXPECT_THAT(ended.err, StartsWith("attnguard: interrupted"));
      EXPECT_TRUE(resumes || !unfinished());
      if (ended.err.find("go on with") != std::string::npos) {
        EXPECT_TRUE(unfinished());
        EXPECT_THAT(ended.err, EndsWith(" --resume\n"));
        ++kept;
      } else if (!resume) {
        // Whole where the signal came when nothing but the end of the program was left.
        const Files left = files_below(path("root"));
        EXPECT_TRUE(left.empty() || left == expected) << "half a result";
      }
    }
    Words last = words;
    if (unfinished())
      last.emplace_back("--resume");
    else
      fs::remove_all(out());
    EXPECT_EQ(call_attnguard(last).exit_code, 0);
    EXPECT_EQ(files_below(path("root")), expected);
    std::printf("%s: %d of %d signals interrupted it, %d times something was kept\n",
                words[0].c_str(), interrupted, rounds, kept);
    EXPECT_GT(interrupted, 0);
  }

  ScratchFolder files_;
  std::string config_, sweep_;
};

TEST_F(Interruption, OfACampaignKeepsWhatItHas) {
  interrupt({"campaign", config_, "--workers", "2", "--out", out()}, 9, true);
}

TEST_F(Interruption, OfASweepKeepsWhatItHas) {
  interrupt({"sweep", sweep_, "--workers", "2", "--out", out()}, 9, true);
}

TEST_F(Interruption, OfOtherCommandsLeavesNothing) {
  for (const char* k : {"1", "2"})
    ASSERT_EQ(call_attnguard({"campaign", config_, "--quiet", "--shard", std::string(k) + "/2",
                              "--out", path(k)})
                  .exit_code,
              0);
  interrupt({"merge", out(), path("1"), path("2"), "--workers", "2"}, 6, false);
  interrupt({"calibrate", config_, "--set", "calibration.inferences=400", "--write-residuals",
             "--out", out()},
            6, false);
  interrupt({"run", config_, "--vcd", "--timeline", "--out", out()}, 3, false);
}

TEST_F(Interruption, ThatIsIgnoredStaysIgnored) {
  const Conditions nohup{{}, [] { std::signal(SIGHUP, SIG_IGN); }};
  const ScratchFolder logs;
  const pid_t pid =
      start_attnguard({"campaign", config_, "--quiet", "--out", path("out")}, logs.path(), nohup);
  for (int i = 0; i < 20; ++i) {
    sleep_ms(10);
    ::kill(pid, SIGHUP);
  }
  EXPECT_EQ(end_of(pid, logs.path()).exit_code, 0);
}

TEST_F(Interruption, ByDeathOfTheCommandEndsItsWorkers) {
  for (const Words& words : {Words{"campaign", config_}, Words{"sweep", sweep_},
                             Words{"calibrate", config_, "--set", "calibration.inferences=4000"}}) {
    Words all = words;
    all.insert(all.end(), {"--quiet", "--workers", "2", "--out", path("killed-" + words[0])});
    const ScratchFolder logs;
    const pid_t pid = start_attnguard(all, logs.path());
    std::vector<pid_t> workers;
    for (int i = 0; i < 2000 && workers.empty(); ++i) {
      sleep_ms(2);
      workers = descendants_of(pid);
    }
    ::kill(pid, SIGKILL);
    EXPECT_EQ(end_of(pid, logs.path()).signal, SIGKILL);
    EXPECT_FALSE(workers.empty()) << words[0];
    for (const pid_t worker : workers) EXPECT_TRUE(ends_soon(worker)) << "an orphan";
  }
}

TEST_F(Interruption, ByDeathOfAWorkerChangesNothing) {
  ASSERT_EQ(call_attnguard({"campaign", config_, "--quiet", "--out", path("whole")}).exit_code, 0);
  const ScratchFolder logs;
  const pid_t pid = start_attnguard(
      {"campaign", config_, "--quiet", "--workers", "2", "--out", path("out")}, logs.path());
  int killed = 0;
  for (int i = 0; i < 5000 && killed == 0; ++i) {
    sleep_ms(1);
    for (const pid_t worker : children_of(pid)) {
      ::kill(worker, SIGKILL);
      ++killed;
    }
  }
  const Ended ended = end_of(pid, logs.path());
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_GT(killed, 0);
  EXPECT_EQ(files_below(path("out")), files_below(path("whole")));
}

}  // namespace
}  // namespace attnguard
