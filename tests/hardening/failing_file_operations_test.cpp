// Whatever file operation fails, a command ends with one line and an exit code, loses nothing that
// was there, and what follows gives the bytes of a command that nothing happened to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/hardening/faulty_io.h"
#include "tests/support/hostile_command.h"
#include "tests/support/small_campaign.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Words = std::vector<std::string>;
using Files = std::map<std::string, std::string>;

/// The memory that the processes of a command share with the test.
class Counter {
 public:
  explicit Counter(const fs::path& file) {
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (::ftruncate(fd, sizeof(FaultyIo)) != 0) throw std::runtime_error("ftruncate");
    memory_ = ::mmap(nullptr, sizeof(FaultyIo), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
  }
  ~Counter() { ::munmap(memory_, sizeof(FaultyIo)); }
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;

  FaultyIo& operator*() { return *static_cast<FaultyIo*>(memory_); }
  FaultyIo* operator->() { return static_cast<FaultyIo*>(memory_); }
  void clear() { std::memset(memory_, 0, sizeof(FaultyIo)); }

 private:
  void* memory_ = nullptr;
};

class FailingFileOperations : public ::testing::Test {
 protected:
  void SetUp() override {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "the sanitizer wants to be the first library";
#endif
    config_ = files_.write("small.json", small_campaign(60));
    sweep_ = files_.write("sweep.json", sweep());
    fs::create_directory(root());
  }

  static std::string sweep() {
    std::string text = small_campaign(20);
    text.pop_back();
    return text + R"(, "sweep": {"mode": "campaign", "grid": {"seed": [1, 2]}}})";
  }
  /// Where operations fail.
  fs::path root() const { return files_.path() / "root"; }
  fs::path out() const { return root() / "out"; }
  fs::path path(const std::string& name) const { return files_.path() / name; }

  Ended call(Words words, const Words& more = {}, const Conditions& conditions = {}) const {
    words.insert(words.end(), more.begin(), more.end());
    words.insert(words.end(), {"--quiet"});
    return call_attnguard(words, conditions);
  }
  Conditions failing(unsigned long at, int error, bool lasting) const {
    Conditions conditions;
    conditions.environment = {{"LD_PRELOAD", std::getenv("FAULTY_IO")},
                              {"FAULTY_COUNTER", path("counter").string()},
                              {"FAULTY_ROOT", root().string()},
                              {"FAULTY_AT", std::to_string(at)},
                              {"FAULTY_ERROR", std::to_string(error)}};
    if (lasting) conditions.environment["FAULTY_LASTING"] = "1";
    return conditions;
  }
  bool unfinished() const {
    return fs::exists(out() / "chunks" / "campaign.json") ||
           fs::exists(out() / "unfinished" / "sweep.json");
  }
  /// A file of the user's own stands there.
  bool noted() const {
    for (const auto& entry : fs::recursive_directory_iterator(root()))
      if (entry.path().filename() == "notes.txt" && read_text(entry.path()) == "mine") return true;
    return false;
  }

  /// Of a command, of all that is below root().
  static Files results(Files files) {
    for (auto file = files.begin(); file != files.end();)
      file = file->first.rfind("out", 0) != 0 || file->first == "out/notes.txt" ? files.erase(file)
                                                                                : std::next(file);
    return files;
  }

  /// `words`: the command. `prepare` makes what is in out() before it. `step`: 1, or odd: files are
  /// opened, written, synced and closed in turn, and each kind has to fail.
  void fail_each(const std::string& name, const Words& words, const std::function<void()>& prepare,
                 int error = EIO, bool lasting = false, unsigned long step = 1) {
    const auto start = [&] {
      fs::remove_all(root());
      fs::create_directory(root());
      prepare();
    };
    start();
    const bool again = fs::exists(out());
    const bool notes = again && fs::is_directory(out());
    if (notes) files_.write("root/out/notes.txt", "mine");
    const Ended whole = call(words, again ? Words{"--force"} : Words{});
    ASSERT_EQ(whole.exit_code, 0) << whole.err;
    const Files expected = files_below(root());

    Counter counter(path("counter"));
    std::set<std::string> operations;
    unsigned long at = 1, ended_well = 0;
    for (;; at += step) {
      start();
      if (notes) files_.write("root/out/notes.txt", "mine");
      const Files before = files_below(root());
      counter.clear();
      const Ended ended =
          call(words, again ? Words{"--force"} : Words{}, failing(at, error, lasting));
      if (counter->operation[0] == '\0') {
        EXPECT_EQ(ended.exit_code, 0) << ended.err;
        EXPECT_EQ(files_below(root()), expected);
        break;
      }
      operations.insert(counter->operation);
      SCOPED_TRACE(name + ": operation " + std::to_string(at) + ", " + counter->operation + " of " +
                   counter->path);
      ASSERT_TRUE(!notes || noted()) << "a file of the user's is gone";
      if (ended.exit_code == 0) {
        ++ended_well;
        ASSERT_EQ(ended.err, "");
      } else {
        ASSERT_EQ(ended.exit_code, 2) << ended.err;
        ASSERT_TRUE(ended.one_line()) << ended.err;
        ASSERT_THAT(ended.err, StartsWith("attnguard: "));
        ASSERT_THAT(ended.err, HasSubstr(std::strerror(error)));
        ASSERT_THAT(ended.err, HasSubstr(root().string()));
        const Files now = results(files_below(root()));
        ASSERT_TRUE(unfinished() || now == results(before) || now == results(expected))
            << "half a result";
        if (unfinished()) {
          ASSERT_THAT(ended.err, HasSubstr("--resume\n"));
        }
        const bool there = fs::exists(out()) && !fs::is_empty(out());
        const Ended last = call(words, unfinished() ? Words{"--resume"}
                                       : there      ? Words{"--force"}
                                                    : Words{});
        ASSERT_EQ(last.exit_code, 0) << last.err << "after " << ended.err;
      }
      Files now = files_below(root());
      for (auto file = now.begin(); file != now.end();)  // what could not be cleared away is hidden
        file = file->first[0] == '.' ? now.erase(file) : std::next(file);
      if (notes) now["out/notes.txt"] = "mine";
      ASSERT_EQ(now.size(), expected.size());
      ASSERT_EQ(now, expected);
    }
    std::string kinds;
    for (const std::string& operation : operations) kinds += " " + operation;
    std::printf("%s: %lu operations failed (%s), %lu did not matter; kinds:%s\n", name.c_str(),
                (at - 1) / step, std::strerror(error), ended_well, kinds.c_str());
    EXPECT_GT(at, 3U);
    EXPECT_TRUE(operations.count("write") == 1);
  }

  ScratchFolder files_;
  std::string config_, sweep_;
};

const std::function<void()> kNothing = [] {};

TEST_F(FailingFileOperations, OfARun) {
  const Words run{"run", config_, "--vcd", "--timeline", "--out", out()};
  fail_each("run", run, kNothing);
  fail_each(
      "run --force", run,
      [&] {
        call({"sites", config_, "--out", out()});
      },
      EIO, false, 2);
}

TEST_F(FailingFileOperations, OfACampaign) {
  const Words campaign{"campaign", config_, "--workers", "1", "--out", out()};
  fail_each("campaign", campaign, kNothing);
  fail_each("campaign, lasting", campaign, kNothing, ENOSPC, true, 3);
  fail_each(
      "campaign --force", campaign,
      [&] {
        call({"run", config_, "--seed", "2", "--out", out()});
      },
      EIO, false, 3);
}

TEST_F(FailingFileOperations, OfShardsAndTheirMerge) {
  for (const char* k : {"1", "2"})
    call({"campaign", config_, "--shard", std::string(k) + "/2", "--out", path(k)});
  fail_each("campaign --shard",
            {"campaign", config_, "--workers", "1", "--shard", "1/2", "--out", out()}, kNothing,
            EIO, false, 3);
  fail_each("merge", {"merge", out(), path("1"), path("2"), "--workers", "1"}, kNothing, EIO, false,
            3);
}

TEST_F(FailingFileOperations, OfASweep) {
  fail_each("sweep", {"sweep", sweep_, "--workers", "1", "--out", out()}, kNothing, EIO, false, 5);
}

TEST_F(FailingFileOperations, OfWhatReadsResults) {
  ASSERT_EQ(call({"campaign", config_, "--out", path("done")}).exit_code, 0);
  fail_each("calibrate",
            {"calibrate", config_, "--workers", "1", "--set", "calibration.inferences=8",
             "--write-residuals", "--out", out()},
            kNothing);
  fail_each("roc", {"roc", path("done"), "--out", out()}, kNothing);
  fail_each("replay", {"replay", path("done"), "3", "--vcd", "--out", out()}, kNothing);
  fail_each("report", {"report", path("done"), "--out", out()}, kNothing);
  fail_each("sites", {"sites", config_, "--out", out()}, kNothing);
}

TEST_F(FailingFileOperations, ShortAndInterruptedWritesChangeNothing) {
  const std::vector<Words> commands{{"run", config_, "--vcd", "--timeline"},
                                    {"campaign", config_, "--workers", "2"},
                                    {"sweep", sweep_, "--workers", "2"}};
  for (const Words& words : commands) {
    fs::remove_all(root());
    fs::create_directory(root());
    ASSERT_EQ(call(words, {"--out", out()}).exit_code, 0);
    const Files expected = files_below(out());
    fs::remove_all(root());
    fs::create_directory(root());
    Counter counter(path("counter"));
    Conditions conditions = failing(0, 0, false);
    conditions.environment["FAULTY_SHORT"] = "1";
    const Ended ended = call(words, {"--out", out()}, conditions);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_EQ(files_below(out()), expected) << words[0];
    EXPECT_GT(counter->operations, 100U) << "writes were cut short";
  }
}

}  // namespace
}  // namespace attnguard
