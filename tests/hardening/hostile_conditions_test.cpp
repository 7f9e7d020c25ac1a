// Streams, limits, names and folders that a careless or hostile world gives a command: it does its
// work, or says in one line why not; and nothing of the user's is touched.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/support/hostile_command.h"
#include "tests/support/small_campaign.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Words = std::vector<std::string>;
using Files = std::map<std::string, std::string>;

class HostileConditions : public ::testing::Test {
 protected:
  void SetUp() override { config_ = files_.write("small.json", small_campaign(60)); }

  fs::path path(const std::string& name) const { return files_.path() / name; }
  /// The command must refuse in one line that holds `message`.
  static void expect_refused(const Ended& ended, const std::string& message) {
    EXPECT_EQ(ended.exit_code, 2) << ended.err;
    EXPECT_EQ(ended.out, "");
    EXPECT_TRUE(ended.one_line()) << ended.err;
    EXPECT_THAT(ended.err, StartsWith("attnguard: "));
    EXPECT_THAT(ended.err, HasSubstr(message));
  }
  Words run_to(const fs::path& out) const { return {"run", config_, "--quiet", "--out", out}; }
  Words campaign_to(const fs::path& out) const {
    return {"campaign", config_, "--quiet", "--workers", "2", "--out", out};
  }
  /// Of a run or campaign that nothing happens to.
  Files whole(Words words) const {
    words.back() = path("whole-" + words[0]);
    if (!fs::exists(words.back())) {
      EXPECT_EQ(call_attnguard(words).exit_code, 0);
    }
    return files_below(words.back());
  }
  static Conditions full_output() {
    return {{}, [] { ::dup2(::open("/dev/full", O_WRONLY), STDOUT_FILENO); }};
  }
  static Conditions closed(const std::vector<int>& streams) {
    return {{}, [streams] {
              for (const int fd : streams) ::close(fd);
            }};
  }

  ScratchFolder files_;
  std::string config_;
};

TEST_F(HostileConditions, OutputThatIsFullOrClosedOrReadByNobodyIsAnError) {
  ASSERT_EQ(call_attnguard(campaign_to(path("done"))).exit_code, 0);
  const std::string sweep = files_.write(
      "sweep.json", R"({"sweep": {"grid": {"seed": [1, 2]}}, )" + small_campaign(5).substr(1));
  const std::vector<Words> commands{{"--help"},
                                    {"--version"},
                                    {"schema"},
                                    {"schema", "keys"},
                                    {"run", config_, "--out", path("a")},
                                    {"sites", config_, "--out", path("b")},
                                    {"campaign", config_, "--out", path("c")},
                                    {"campaign", config_, "--dry-run"},
                                    {"sweep", sweep, "--out", path("d")},
                                    {"replay", path("done"), "3", "--out", path("e")},
                                    {"roc", path("done"), "--out", path("f")},
                                    {"report", path("done"), "--out", path("g")}};
  const std::vector<Conditions> conditions{
      full_output(), closed({STDOUT_FILENO}), {{}, [] {
                                                 int ends[2] = {-1, -1};
                                                 if (::pipe(ends) != 0) ::_exit(126);
                                                 ::dup2(ends[1], STDOUT_FILENO);
                                                 ::close(ends[0]);
                                                 ::close(ends[1]);
                                               }}};
  for (const Words& words : commands)
    for (std::size_t c = 0; c < conditions.size(); ++c) {
      SCOPED_TRACE(words[0] + ", condition " + std::to_string(c));
      for (const char* out : {"a", "b", "c", "d", "e", "f", "g"}) fs::remove_all(path(out));
      const Ended ended = call_attnguard(words, conditions[c]);
      EXPECT_EQ(ended.exit_code, 2) << ended.err;
      EXPECT_THAT(ended.err, HasSubstr("attnguard: standard output: cannot be written; what was to "
                                       "be printed is incomplete\n"));
      EXPECT_THAT(ended.err, Not(HasSubstr("cannot write to file")));
      if (words.size() > 2 && words[words.size() - 2] == "--out") {
        EXPECT_TRUE(fs::exists(words.back())) << "the result is there all the same";
      }
    }
}

TEST_F(HostileConditions, ClosedStreamsGetIntoNoFile) {
  const Files expected = whole(run_to(""));
  const std::vector<std::pair<std::vector<int>, int>> cases{
      {{1}, 2}, {{2}, 0}, {{0, 1, 2}, 2}, {{0}, 0}};
  for (const auto& [streams, exit_code] : cases) {
    fs::remove_all(path("out"));
    const Ended ended = call_attnguard({"run", config_, "--out", path("out")}, closed(streams));
    EXPECT_EQ(ended.exit_code, exit_code);
    EXPECT_EQ(files_below(path("out")), expected);
  }
  // Progress that nobody can read does not stop the work, and nobody hears of a mistake.
  fs::remove_all(path("out"));
  EXPECT_EQ(call_attnguard({"campaign", config_, "--out", path("out")}, closed({2})).exit_code, 0);
  EXPECT_EQ(files_below(path("out")), whole(campaign_to("")));
  EXPECT_EQ(call_attnguard({"run", "missing.json"}, closed({2})).exit_code, 2);
  EXPECT_EQ(call_attnguard(run_to(path("quiet")), closed({0, 1, 2})).exit_code, 0);
}

TEST_F(HostileConditions, ALimitOnFileSizesIsToldAndTheCampaignGoesOnWithoutIt) {
  const auto limit = [](rlim_t bytes) {
    return Conditions{{}, [bytes] {
                        const rlimit size{bytes, bytes};
                        ::setrlimit(RLIMIT_FSIZE, &size);
                      }};
  };
  for (const rlim_t bytes : {600, 2000, 5000}) {  // what it says must fit, too
    SCOPED_TRACE(bytes);
    expect_refused(call_attnguard(run_to(path("run")), limit(bytes)), ": File too large");
    EXPECT_FALSE(fs::exists(path("run")));
    const Ended ended = call_attnguard(campaign_to(path("out")), limit(bytes));
    expect_refused(ended, ": File too large");
    const bool kept = fs::exists(path("out"));
    EXPECT_EQ(kept, ended.err.find("go on with: attnguard campaign ") != std::string::npos);
    Words again = campaign_to(path("out"));
    if (kept) again.emplace_back("--resume");
    EXPECT_EQ(call_attnguard(again).exit_code, 0);
    EXPECT_EQ(files_below(path("out")), whole(campaign_to("")));
    fs::remove_all(path("out"));
  }
}

TEST_F(HostileConditions, FoldersThatCannotBeAreRefusedBeforeTheWork) {
  files_.write("file", "mine");
  fs::create_symlink(path("nowhere"), path("dangling"));
  fs::create_symlink(path("file"), path("to_file"));
  fs::create_symlink(path("loop"), path("loop"));
  files_.write("home/config.json", "{}");
  files_.write("home/q.npy", "mine");
  const std::pair<std::string, std::string> cases[] = {
      {path("file"), "is a file; a folder"},
      {path("to_file"), "is a file; a folder"},
      {path("file") / "out", "Not a directory"},
      {path("dangling"), "is a symbolic link to nothing; a folder"},
      {path("loop"), "Too many levels of symbolic links"},
      {path(std::string(300, 'x')), "File name too long"},
      {path(std::string(250, 'x')), "File name too long"},
      {"/proc/attnguard", "; a folder that can be written"},
      {"/", "already holds files"},
      {"", "--out: empty"},
      {path("home"), "already holds files"}};
  for (const auto& [out, message] : cases)
    for (const Words& words : {run_to(out), campaign_to(out)}) {
      SCOPED_TRACE(out);
      expect_refused(call_attnguard(words), message);
      Words forced = words;
      forced.emplace_back("--force");
      EXPECT_EQ(call_attnguard(forced).exit_code, 2);
    }
  EXPECT_EQ(read_text(path("file")), "mine");
  EXPECT_EQ(read_text(path("home") / "q.npy"), "mine");
  EXPECT_EQ(read_text(path("home") / "config.json"), "{}");
  EXPECT_TRUE(fs::is_symlink(path("dangling")));
}

TEST_F(HostileConditions, AnyNameWillDoForFoldersAndInputs) {
  const fs::path root = fs::current_path();
  const std::string names[] = {
      "two words",        "it's \"quoted\"", "line\nbreak",         "größe-日本", "-x",
      "$(touch pwned)`;", "*?[a]",           "tab\tbell\a\x1b[31m", "back\\slash"};
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    fs::create_directory(path("in"));
    fs::current_path(path("in"));
    fs::copy_file(config_, fs::path(".") / (name + ".json"));
    const Words words{"campaign", "./" + name + ".json", "--out=" + name};
    const Ended ended = call_attnguard(words);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_EQ(files_below(name), whole(campaign_to("")));
    // Its faults are an input of the next, and are named from the new folder.
    EXPECT_EQ(call_attnguard({"campaign", "./" + name + ".json", "--out=" + name, "--force",
                              "--write-faults", "--quiet"})
                  .exit_code,
              0);
    const Ended listed =
        call_attnguard({"campaign", "./" + name + ".json", "--set",
                        "campaign.fault_list=" + name + "/faults.csv", "--out=../x/" + name});
    EXPECT_EQ(listed.exit_code, 0) << listed.err;
    const fs::path moved = fs::path("..") / "x" / name / "config.json";
    EXPECT_EQ(call_attnguard({"campaign", moved, "--quiet", "--out=../again"}).exit_code, 0);
    EXPECT_EQ(call_attnguard({"report", "./" + name, "--out=page.html"}).exit_code, 0);
    // Refused: one line, without anything that steers a terminal.
    const Ended refused = call_attnguard(words);
    expect_refused(refused, "already holds files");
    EXPECT_TRUE(std::none_of(refused.err.begin(), refused.err.end() - 1,
                             [](char c) { return c >= 0 && c < ' '; }));
    EXPECT_TRUE(std::none_of(ended.out.begin(), ended.out.end(),
                             [](char c) { return c >= 0 && c < ' ' && c != '\n'; }));
    fs::current_path(root);
    for (const char* folder : {"in", "x", "again"}) fs::remove_all(path(folder));
  }
}

TEST_F(HostileConditions, NamesAreEscapedInAPage) {
  const std::string name = "<script>alert('&\"')</script>";
  fs::create_directories(path(name));
  const fs::path out = path(name) / "out";
  ASSERT_EQ(call_attnguard(run_to(out)).exit_code, 0);
  ASSERT_EQ(call_attnguard({"report", out, "--quiet"}).exit_code, 0);
  const std::string page = read_text(out / "report.html");
  EXPECT_THAT(page, Not(HasSubstr("<script>alert(")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert("));
}

TEST_F(HostileConditions, NamesInAConfigurationAreNoPaths) {
  for (const char* name : {"../up", "a/b", "..", "", "a\\nb"}) {
    std::string text = small_campaign(5);
    text.replace(text.find("\"merged\""), 8, std::string("\"") + name + "\"");
    const std::string config = files_.write("bad.json", text);
    expect_refused(call_attnguard({"campaign", config, "--quiet", "--out", path("out")}),
                   "bad.json#/checkers/");
    const std::string sweep =
        files_.write("sweep.json", R"({"sweep": {"grid": {")" + std::string(name) +
                                       R"(": [1]}}, )" + small_campaign(5).substr(1));
    expect_refused(call_attnguard({"sweep", sweep, "--quiet", "--out", path("out")}),
                   "sweep.json#/sweep/grid");
  }
  EXPECT_FALSE(fs::exists(path("out")));
}

TEST_F(HostileConditions, FoldersBehindLinksAndDotsAreWhatTheyAre) {
  fs::create_directories(path("target") / "inner");
  fs::create_directory_symlink(path("target"), path("link"));
  fs::create_directory(path("empty"));
  for (const fs::path& out : {path("link") / "new", path("target") / "inner",
                              path("link") / "." / ".." / "target" / "dots", path("empty")}) {
    SCOPED_TRACE(out.string());
    EXPECT_EQ(call_attnguard(run_to(out)).exit_code, 0);
    EXPECT_EQ(files_below(out), whole(run_to("")));
    EXPECT_EQ(call_attnguard({"campaign", config_, "--quiet", "--out", out, "--force"}).exit_code,
              0);
    EXPECT_EQ(files_below(out), whole(campaign_to("")));
  }
  EXPECT_TRUE(fs::is_symlink(path("link")));
  const fs::path root = fs::current_path();
  fs::create_directory(path("here"));
  fs::current_path(path("here"));
  EXPECT_EQ(call_attnguard(run_to(".")).exit_code, 0);
  fs::current_path(root);
  EXPECT_EQ(files_below(path("here")), whole(run_to("")));
}

TEST_F(HostileConditions, ForceReplacesTheResultsOfAnyCommandAndNothingElse) {
  const std::string sweep =
      files_.write("sweep.json", R"({"sweep": {"mode": "campaign", "grid": {"seed": [1, 2]}}, )" +
                                     small_campaign(5).substr(1));
  const fs::path out = path("out");
  const std::vector<Words> commands{
      {"run", config_, "--vcd", "--timeline"},
      {"campaign", config_, "--write-faults"},
      {"sites", config_},
      {"calibrate", config_, "--set", "calibration.inferences=8", "--write-residuals"},
      {"campaign", config_, "--shard", "1/1"},
      {"sweep", sweep}};
  std::map<std::string, Files> alone;
  const auto call = [&](Words words, const fs::path& to, bool force) {
    words.insert(words.end(), {"--quiet", "--out", to});
    if (force) words.emplace_back("--force");
    const Ended ended = call_attnguard(words);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
  };
  for (const Words& words : commands) {
    const std::string name = words[0] + std::to_string(words.size());
    call(words, path(name), false);
    alone[name] = files_below(path(name));
  }
  files_.write("outside/injections.csv", "mine");
  files_.write("outside/points/000/run.json", "mine");
  for (const Words& first : commands)
    for (const Words& second : commands) {
      SCOPED_TRACE(first[0] + " then " + second[0]);
      fs::remove_all(out);
      call(first, out, false);
      if (fs::exists(out / "injections.csv")) {
        EXPECT_EQ(call_attnguard({"replay", out, "3", "--quiet"}).exit_code, 0);
        EXPECT_EQ(call_attnguard({"roc", out, "--quiet"}).exit_code, 0);
        EXPECT_EQ(call_attnguard({"report", out, "--quiet"}).exit_code, 0);
        files_.write("out/replay_3/notes.txt", "mine");
      }
      if (fs::exists(out / "points")) files_.write("out/points/001/notes.txt", "mine");
      for (const char* mine : {"notes.txt", "data/injections.csv", "old.csv", "replay_x/a"})
        files_.write(std::string("out/") + mine, "mine");
      fs::create_symlink(path("outside"), out / "link");
      if (!fs::exists(out / "roc")) fs::create_symlink(path("outside"), out / "roc");
      if (!fs::exists(out / "audit.csv"))
        fs::create_symlink(path("outside") / "injections.csv", out / "audit.csv");

      call(second, out, true);
      Files left = alone[second[0] + std::to_string(second.size())];
      for (const auto& [file, text] : left) {
        EXPECT_EQ(read_text(out / file), text) << file;
      }
      for (const char* mine : {"notes.txt", "data/injections.csv", "old.csv", "replay_x/a"})
        left[mine] = "mine";
      if (first[0] == "campaign" && first.size() == 3) left["replay_3/notes.txt"] = "mine";
      if (first[0] == "sweep") left["points/001/notes.txt"] = "mine";
      Files now = files_below(out);
      now.erase("audit.csv");
      EXPECT_EQ(now, left);
      EXPECT_TRUE(fs::is_symlink(out / "link"));
    }
  EXPECT_EQ(files_below(path("outside")),
            (Files{{"injections.csv", "mine"}, {"points/000/run.json", "mine"}}));
}

TEST_F(HostileConditions, ACampaignIsNotReplacedByWhatIsReadFromIt) {
  const std::string out = path("out");
  ASSERT_EQ(call_attnguard({"campaign", config_, "--quiet", "--out", out}).exit_code, 0);
  const Files before = files_below(out);
  for (const Words& words : {Words{"roc", out}, Words{"replay", out, "3"}}) {
    Words forced = words;
    forced.insert(forced.end(), {"--out", out, "--force"});
    const Ended ended = call_attnguard(forced);
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_EQ(ended.err, "attnguard: " + out + ": lies in " + out +
                             ", which the result would replace; another --out\n");
    EXPECT_EQ(files_below(out), before);
  }
}

TEST_F(HostileConditions, AnInputIsNotReplacedByItsResult) {
  const fs::path out = path("out");
  Words words = campaign_to(out);
  words.emplace_back("--write-faults");
  ASSERT_EQ(call_attnguard(words).exit_code, 0);
  const Files before = files_below(out);
  Words again = campaign_to(out);
  again.insert(again.end(), {"--force", "--set", "campaign.fault_list=out/faults.csv"});
  expect_refused(call_attnguard(again),
                 "out/faults.csv: lies in " + out.string() +
                     ", where the result would replace it; a copy elsewhere");
  EXPECT_EQ(files_below(out), before);
}

TEST_F(HostileConditions, WhatLooksLikeUnfinishedWorkIsNotTaken) {
  const fs::path out = path("out");
  ASSERT_EQ(call_attnguard(campaign_to(out)).exit_code, 0);
  files_.write("out/chunks/000000.chunk", "mine");
  Words forced = campaign_to(out);
  forced.emplace_back("--force");
  expect_refused(call_attnguard(forced), "chunks in it is no unfinished campaign; another folder");
  EXPECT_EQ(read_text(out / "chunks" / "000000.chunk"), "mine");
  fs::remove_all(out / "chunks");
  files_.write("outside/campaign.json", "{}");
  files_.write("outside/000000.chunk", "mine");
  fs::create_symlink(path("outside"), out / "chunks");
  expect_refused(call_attnguard(forced), "chunks in it is no unfinished campaign; another folder");
  EXPECT_EQ(files_below(path("outside")).size(), 2U);
}

TEST_F(HostileConditions, InputsThatCannotBeReadAreRefused) {
  fs::create_directory(path("folder.json"));
  expect_refused(call_attnguard(Words{"run", path("folder.json"), "--out", path("out")}),
                 path("folder.json"));
  expect_refused(call_attnguard(Words{"run", "/proc/self/mem", "--out", path("out")}),
                 "/proc/self/mem");
  for (const char* key : {"campaign.fault_list", "technology"}) {
    const Words words{"campaign", config_, "--set",    std::string(key) + "=folder.json",
                      "--quiet",  "--out", path("out")};
    expect_refused(call_attnguard(words), "folder.json");
  }
  ASSERT_EQ(call_attnguard(campaign_to(path("done"))).exit_code, 0);
  for (const char* file : {"injections.csv", "config.json", "summary.json"}) {
    fs::rename(path("done") / file, path("aside"));
    fs::create_directory(path("done") / file);
    for (const Words& words : {Words{"roc", path("done"), "--quiet", "--out", path("out")},
                               Words{"replay", path("done"), "3", "--quiet", "--out", path("out")},
                               Words{"report", path("done"), "--quiet", "--out", path("out")}})
      expect_refused(call_attnguard(words), file);
    fs::remove(path("done") / file);
    fs::rename(path("aside"), path("done") / file);
  }
  EXPECT_FALSE(fs::exists(path("out")));
}

TEST_F(HostileConditions, TheEnvironmentChangesNothing) {
  const auto unset = [](const char* name) { return Conditions{{}, [name] { ::unsetenv(name); }}; };
  std::vector<Conditions> all{{{{"TZ", "Pacific/Chatham"}}},
                              {{{"LC_ALL", "de_DE.UTF-8"}, {"LANG", "tr_TR.UTF-8"}}},
                              {{{"TMPDIR", "/nonexistent"}}},
                              {{{"TMPDIR", "/proc"}, {"HOME", "/nonexistent"}}},
                              unset("HOME"),
                              unset("PATH"),
                              {{}, [] { ::clearenv(); }}};
#ifndef __SANITIZE_ADDRESS__
  all.push_back({{{"LD_PRELOAD", std::getenv("FAULTY_IO")}, {"FAULTY_CLOCK", "1"}}});
#endif
  for (const Conditions& conditions : all) {
    fs::remove_all(path("out"));
    EXPECT_EQ(call_attnguard(campaign_to(path("out")), conditions).exit_code, 0);
    EXPECT_EQ(files_below(path("out")), whole(campaign_to("")));
  }
  expect_refused(call_attnguard({"selftest"}, {{{"TMPDIR", "/proc"}}, {}}), "/proc/attnguard.");
}

}  // namespace
}  // namespace attnguard
