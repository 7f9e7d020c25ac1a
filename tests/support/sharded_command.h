// Tests of the shards of a command, and of the merge.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/support/attnguard_command.h"

namespace attnguard {

class ShardedCommand : public ::testing::Test {
 protected:
  /// A `command` that takes the configuration, a file with `config` in it.
  ShardedCommand(std::string command, const std::string& config)
      : command_(std::move(command)), config_(files_.write("small.json", config)) {}

  std::filesystem::path path(const std::string& name) const { return files_.path() / name; }
  std::string arguments(const std::string& out, const std::string& more) const {
    return command_ + " " + config_ + " --quiet --workers 2 --out " + path(out).string() + " " +
           more;
  }
  CommandResult run(const std::string& out, const std::string& more = "") const {
    return run_attnguard(arguments(out, more));
  }
  /// `count` shards of it in <name>.1, <name>.2, …
  void run_shards(const std::string& name, int count, const std::string& more = "") const {
    for (int k = 1; k <= count; ++k) {
      const CommandResult result = run(shard(name, k), part(k, count) + more);
      ASSERT_EQ(result.exit_code, 0) << result.output;
    }
  }
  static std::string shard(const std::string& name, int k) {
    return name + "." + std::to_string(k);
  }
  static std::string part(int k, int count) {
    return "--shard " + std::to_string(k) + "/" + std::to_string(count) + " ";
  }
  std::string folder(int k) const { return path(shard("s", k)).string(); }
  CommandResult merge(const std::string& out, const std::string& name,
                      const std::vector<int>& shards, const std::string& more = "") const {
    std::string arguments = "merge " + path(out).string();
    for (const int k : shards) arguments += " " + path(shard(name, k)).string();
    return run_attnguard(arguments + " --quiet " + more);
  }
  /// Every file but timing.json by its path.
  std::map<std::string, std::string> files_of(const std::string& out) const {
    namespace fs = std::filesystem;
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(path(out)))
      if (entry.is_regular_file() && entry.path().filename() != "timing.json")
        files[entry.path().lexically_relative(path(out)).string()] = read_text(entry.path());
    return files;
  }
  /// `count` shards with `more`, merged, are the command that ran in one place with it.
  void expect_merge_to_the_whole(int count, const std::string& more = "",
                                 const std::string& more_of_all = "") const {
    const std::string name = "n" + std::to_string(count), whole = name + ".whole";
    ASSERT_EQ(run(whole, more + more_of_all).exit_code, 0);
    run_shards(name, count, more);
    std::vector<int> all;
    for (int k = count; k >= 1; --k) all.push_back(k);  // in any order
    const CommandResult merged = merge(name, name, all, more_of_all);
    ASSERT_EQ(merged.exit_code, 0) << merged.output;
    EXPECT_EQ(files_of(name), files_of(whole)) << count;
  }
  /// In one line, with nothing written in a folder named …out….
  void expect_refused(const CommandResult& result, const std::string& message) const {
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.output, ::testing::HasSubstr(message));
    EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 1) << result.output;
    for (const auto& entry : std::filesystem::directory_iterator(files_.path()))
      EXPECT_THAT(entry.path().filename().string(), ::testing::Not(::testing::HasSubstr("out")))
          << "half a result";
  }

  ScratchFolder files_;
  std::string command_, config_;
};

}  // namespace attnguard
