// Tests of a command that can be killed at any moment and gone on with.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/support/attnguard_command.h"
#include "tests/support/process_tree.h"

namespace attnguard {

class ResumableCommand : public ::testing::Test {
 protected:
  /// Of a command whose results go to `out`.
  virtual std::string arguments(const std::string& out, const std::string& more) const = 0;
  /// All that must be the same however often it was killed, one after another.
  virtual std::string results(const std::string& out) const = 0;
  virtual bool is_unfinished(const std::string& out) const = 0;
  /// A part of the work is kept.
  virtual bool any_kept(const std::string& out) const = 0;

  std::filesystem::path path(const std::string& out) const { return files_.path() / out; }
  CommandResult run(const std::string& out, const std::string& more = "") const {
    return run_attnguard(arguments(out, more));
  }
  /// Starts the command and returns when the first part of its work is kept.
  std::unique_ptr<RunningAttnguard> start(const std::string& out, const std::string& more) const {
    auto running = std::make_unique<RunningAttnguard>(arguments(out, more), path("log"));
    for (int i = 0; i < 10000 && !any_kept(out); ++i) sleep_ms(1);
    EXPECT_TRUE(any_kept(out)) << read_text(path("log"));
    return running;
  }
  /// Kills the command or one of its processes, whatever it is doing, and goes on with --resume.
  void kill_commands(int rounds, const std::string& expected) const {
    namespace fs = std::filesystem;
    std::mt19937 random(1);
    std::uniform_real_distribution<double> moment(0, 700);
    int kept = 0;
    for (int round = 0; round < rounds; ++round) {
      const bool resume = is_unfinished("killed");
      kept += resume && any_kept("killed");
      if (!resume) fs::remove_all(path("killed"));
      const std::string more = resume ? "--resume" : "";
      std::unique_ptr<RunningAttnguard> running;
      if (round == 0) {  // so that one round at least has something to go on with
        running = start("killed", more);
      } else {
        running = std::make_unique<RunningAttnguard>(arguments("killed", more), path("log"));
        sleep_ms(moment(random));
      }
      const std::vector<pid_t> processes = descendants_of(running->pid());
      const bool spare_command = round % 3 == 2 && !processes.empty();
      ::kill(spare_command ? processes[random() % processes.size()] : running->pid(), SIGKILL);
      const int exit_code = running->wait();
      EXPECT_TRUE(!spare_command || exit_code == 0) << read_text(path("log"));
      for (const pid_t process : processes) EXPECT_TRUE(ends_soon(process)) << "an orphan";
      EXPECT_TRUE(!fs::exists(path("killed")) || is_unfinished("killed") ||
                  results("killed") == expected);
    }
    if (is_unfinished("killed")) {
      const CommandResult last = run("killed", "--resume");
      EXPECT_EQ(last.exit_code, 0) << last.output;
      EXPECT_EQ(results("killed"), expected);
    }
    EXPECT_GT(kept, 0) << "no round had anything to go on with";
  }

  ScratchFolder files_;
};

}  // namespace attnguard
