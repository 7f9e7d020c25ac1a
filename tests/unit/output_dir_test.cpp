// Results appear whole or not at all, and nothing of the user's is deleted.
#include "src/simulation/output_dir.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "src/config/user_error.h"
#include "src/simulation/errors.h"
#include "tests/support/scratch_folder.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;

constexpr const char* kResult = R"({"tool": {"name": "attnguard"}})";

std::string complaint(const fs::path& path, bool force) {
  try {
    OutputDir directory(path, force);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}
std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(OutputDir, AppearsOnCommitOnly) {
  const ScratchFolder scratch;
  const fs::path out = scratch.path() / "a" / "b";
  {
    OutputDir directory(out, false);
    EXPECT_FALSE(fs::exists(out));
    EXPECT_TRUE(fs::is_directory(directory.path()));
    std::ofstream(directory.path() / "config.json") << "{}";
    directory.commit();
    EXPECT_TRUE(fs::exists(out / "config.json"));
  }
  EXPECT_TRUE(fs::exists(out / "config.json"));
  EXPECT_EQ(entries(out.parent_path()), 1U);
}

TEST(OutputDir, LeavesNothingWithoutCommit) {
  const ScratchFolder scratch;
  {
    OutputDir directory(scratch.path() / "out", false);
    EXPECT_EQ(entries(scratch.path()), 0U) << "before it is needed";
    std::ofstream(directory.path() / "run.json") << "{}";
  }
  EXPECT_EQ(entries(scratch.path()), 0U);
}

TEST(OutputDir, ReplacesAnEarlierResultOnlyByForce) {
  const ScratchFolder scratch;
  const fs::path out = scratch.path() / "out";
  scratch.write("out/config.json", "{}");
  scratch.write("out/run.json", kResult);
  scratch.write("out/cost.csv", "x");
  scratch.write("out/notes.txt", "mine");
  EXPECT_EQ(complaint(out, false),
            "--out " + out.string() + ": already holds files; a new or empty folder, or --force");
  EXPECT_TRUE(fs::exists(out / "cost.csv"));
  {
    OutputDir directory(out, true);
    std::ofstream(directory.path() / "run.json") << "new";
    EXPECT_TRUE(fs::exists(out / "cost.csv"));
    directory.commit();
  }
  EXPECT_FALSE(fs::exists(out / "cost.csv"));
  EXPECT_EQ(read_text(out / "run.json"), "new");
  EXPECT_EQ(read_text(out / "notes.txt"), "mine");
  EXPECT_EQ(entries(scratch.path()), 1U);
}

TEST(OutputDir, NeverReplacesWhatIsNoResult) {
  const ScratchFolder scratch;
  scratch.write("home/thesis.txt", "x");
  scratch.write("home/config.json", "{}");
  const fs::path out = scratch.path() / "home";
  EXPECT_EQ(complaint(out, true),
            "--out " + out.string() +
                ": holds files that are no result of attnguard; a new or empty folder, or an "
                "earlier result with --force");
  EXPECT_EQ(complaint(out / "thesis.txt", true),
            "--out " + (out / "thesis.txt").string() + ": is a file; a folder");
  EXPECT_NE(complaint(out / "thesis.txt" / "x", false), "accepted");
  EXPECT_NE(complaint("/proc/attnguard", false), "accepted");
  EXPECT_EQ(read_text(out / "thesis.txt"), "x");
}

TEST(OutputDir, TakesNoFileOfTheUsersForAResultByItsName) {
  const ScratchFolder scratch;
  for (const char* mine : {"run.json", "sweep.json", "config.json", "timing.json"})
    scratch.write(std::string("project/") + mine, "{}");
  EXPECT_NE(complaint(scratch.path() / "project", true).find("no result of attnguard"),
            std::string::npos);
  // Nor in folders that have the name of the tool's own.
  scratch.write("out/run.json", kResult);
  scratch.write("out/roc/timing.json", "mine");
  scratch.write("out/points/config.json", "mine");
  OutputDir directory(scratch.path() / "out", true);
  std::ofstream(directory.path() / "sites.json") << kResult;
  directory.commit();
  EXPECT_FALSE(fs::exists(scratch.path() / "out/run.json"));
  EXPECT_EQ(read_text(scratch.path() / "out/roc/timing.json"), "mine");
  EXPECT_EQ(read_text(scratch.path() / "out/points/config.json"), "mine");
}

TEST(OutputDir, LooksAgainBeforeItReplaces) {
  const ScratchFolder scratch;
  const fs::path out = scratch.path() / "out";
  OutputDir directory(out, false);
  std::ofstream(directory.path() / "run.json") << "late";
  scratch.write("out/run.json", kResult);  // by another command, meanwhile
  EXPECT_THROW(directory.commit(), UserError);
  EXPECT_EQ(read_text(out / "run.json"), kResult);
}

TEST(OutputDir, SaysWhatIsInTheWayBeforeItReplaces) {
  const ScratchFolder scratch;
  const fs::path out = scratch.path() / "out";
  scratch.write("out/run.json", kResult);
  scratch.write("out/points", "mine");
  OutputDir directory(out, true);
  fs::create_directory(directory.path() / "points");
  try {
    directory.commit();
    ADD_FAILURE();
  } catch (const MachineError& error) {
    EXPECT_EQ(error.what(),
              (out / "points").string() + ": in the way of a folder of the result; move it away");
  }
  EXPECT_EQ(read_text(out / "run.json"), kResult);
  EXPECT_EQ(read_text(out / "points"), "mine");
}

TEST(OutputDir, LeavesTheCurrentFolderInItsPlace) {
  const ScratchFolder scratch;
  const fs::path out = scratch.path() / "out", before = fs::current_path();
  scratch.write("out/run.json", kResult);
  scratch.write("out/notes.txt", "mine");
  fs::current_path(out);
  {
    OutputDir directory(".", true);
    std::ofstream(directory.path() / "sites.json") << kResult;
    directory.commit();
  }
  EXPECT_TRUE(fs::exists("sites.json"));
  EXPECT_FALSE(fs::exists("run.json"));
  EXPECT_EQ(read_text("notes.txt"), "mine");
  fs::current_path(before);
  EXPECT_EQ(entries(scratch.path()), 1U);
}

TEST(OutputDir, AFolderLiesInItselfAndInThoseAboveIt) {
  const ScratchFolder scratch;
  fs::create_directories(scratch.path() / "a/b");
  fs::create_directory_symlink(scratch.path() / "a", scratch.path() / "link");
  EXPECT_TRUE(lies_in(scratch.path() / "a", scratch.path() / "a/"));
  EXPECT_TRUE(lies_in(scratch.path() / "link/b/c", scratch.path() / "a"));
  EXPECT_FALSE(lies_in(scratch.path() / "a", scratch.path() / "a/b"));
  EXPECT_FALSE(lies_in(scratch.path() / "ab", scratch.path() / "a"));
}

TEST(OutputDir, TakesAnEmptyFolder) {
  const ScratchFolder scratch;
  fs::create_directory(scratch.path() / "empty");
  {
    OutputDir directory(scratch.path() / "empty/", false);
    std::ofstream(directory.path() / "config.json") << "{}";
    directory.commit();
  }
  EXPECT_TRUE(fs::exists(scratch.path() / "empty" / "config.json"));
  EXPECT_EQ(entries(scratch.path()), 1U);
}

}  // namespace
}  // namespace attnguard
