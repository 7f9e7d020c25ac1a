// However little memory a command may have, it works or says that it is out of memory; it does not
// crash, hang or count a run that had no room as a fault's effect.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/hostile_command.h"
#include "tests/support/small_campaign.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using Words = std::vector<std::string>;
using Files = std::map<std::string, std::string>;

// Large enough that what a command takes is more than the program itself.
constexpr const char* kConfig = R"({
  "accelerator": {"array": {"rows": 16, "cols": 16}, "buffers": {"q": {"words": 8192},
                  "k": {"words": 32768}, "v": {"words": 32768}, "o": {"words": 8192}}},
  "checkers": {"merged": {"kind": "flash_abft"}},
  "workload": {"kind": "attention", "heads": 1, "tokens_q": 512, "tokens_k": 512, "head_dim": 64},
  "campaign": {"injections": 60})";

class OutOfMemory : public ::testing::Test {
 protected:
  void SetUp() override {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "the sanitizer takes terabytes of addresses";
#endif
    config_ = files_.write("big.json", std::string(kConfig) + "}");
    sweep_ = files_.write(
        "sweep.json",
        std::string(kConfig) + R"(, "sweep": {"mode": "campaign", "grid": {"seed": [1]}}})");
  }

  fs::path path(const std::string& name) const { return files_.path() / name; }
  static Conditions at_most(rlim_t mebibytes) {
    return {{}, [mebibytes] {
              const rlimit size{mebibytes << 20U, mebibytes << 20U};
              ::setrlimit(RLIMIT_AS, &size);
            }};
  }

  /// What the program needs to say its version, libraries included.
  static rlim_t least() {
    rlim_t mebibytes = 1;
    while (call_attnguard({"--version"}, at_most(mebibytes)).exit_code != 0) ++mebibytes;
    return mebibytes;
  }

  /// From the least to enough, in steps of `step` MiB.
  void starve(Words words, rlim_t step) {
    words.insert(words.end(), {"--quiet", "--out", path("out")});
    ASSERT_EQ(call_attnguard(words).exit_code, 0);
    const Files expected = files_below(path("out"));
    int refused = 0, worked = 0;
    for (rlim_t mebibytes = least() + 1; worked < 2 && mebibytes < 4096; mebibytes += step) {
      SCOPED_TRACE(words[0] + " with " + std::to_string(mebibytes) + " MiB");
      fs::remove_all(path("out"));
      const Ended ended = call_attnguard(words, at_most(mebibytes));
      if (ended.exit_code == 0) {
        ++worked;
        EXPECT_EQ(files_below(path("out")), expected);
        continue;
      }
      ++refused;
      ASSERT_EQ(ended.exit_code, 2) << ended.err << " signal " << ended.signal;
      EXPECT_TRUE(ended.one_line()) << ended.err;
      EXPECT_THAT(ended.err,
                  AnyOf(HasSubstr("out of memory"), HasSubstr("Cannot allocate memory")));
      const bool kept = fs::exists(path("out"));
      EXPECT_EQ(kept, ended.err.find("go on with") != std::string::npos);
      if (!kept) continue;
      Words again = words;
      again.emplace_back("--resume");
      EXPECT_EQ(call_attnguard(again).exit_code, 0);
      EXPECT_EQ(files_below(path("out")), expected);
    }
    fs::remove_all(path("out"));
    std::printf("%s: %d limits refused\n", words[0].c_str(), refused);
    EXPECT_GT(refused, 0);
    EXPECT_EQ(worked, 2);
  }

  ScratchFolder files_;
  std::string config_, sweep_;
};

TEST_F(OutOfMemory, OfARunIsTold) { starve({"run", config_}, 1); }

TEST_F(OutOfMemory, OfACampaignIsToldAndNoInjectionsResult) {
  starve({"campaign", config_, "--workers", "2"}, 3);
  starve({"campaign", config_, "--workers", "1", "--set", "campaign.engine=full"}, 7);
}

TEST_F(OutOfMemory, OfASweepIsToldAndNamesThePoint) { starve({"sweep", sweep_}, 7); }

TEST_F(OutOfMemory, OfRocIsTold) {
  ASSERT_EQ(call_attnguard({"campaign", config_, "--quiet", "--out", path("done")}).exit_code, 0);
  starve({"roc", path("done")}, 3);
}

TEST_F(OutOfMemory, OfAWorkerIsToldAndIsNoResultOfItsInjection) {
  const std::string config = files_.write("small.json", small_campaign(60));
  for (const char* engine : {"differential", "full"}) {
    const Words words{"campaign",
                      config,
                      "--quiet",
                      "--workers",
                      "1",
                      "--set",
                      std::string("campaign.engine=") + engine,
                      "--out",
                      path("out")};
    fs::remove_all(path("out"));
    ASSERT_EQ(call_attnguard(words).exit_code, 0);
    const Files expected = files_below(path("out"));
    int refused = 0;
    for (int at = 1; at < 4000; at = at * 2 + 1) {
      SCOPED_TRACE(std::string(engine) + ", allocation " + std::to_string(at));
      fs::remove_all(path("out"));
      const Ended ended = call_attnguard(words, {{{"LD_PRELOAD", std::getenv("FAULTY_IO")},
                                                  {"FAULTY_ALLOCATION", std::to_string(at)}},
                                                 {}});
      if (ended.exit_code != 0) {
        ++refused;
        ASSERT_EQ(ended.exit_code, 2) << ended.err << " signal " << ended.signal;
        EXPECT_TRUE(ended.one_line()) << ended.err;
        EXPECT_THAT(ended.err, HasSubstr("attnguard: out of memory"));
        Words again = words;
        if (fs::exists(path("out"))) again.emplace_back("--resume");
        EXPECT_EQ(call_attnguard(again).exit_code, 0);
      }
      EXPECT_EQ(files_below(path("out")), expected);
    }
    std::printf("%s: %d allocations of workers failed\n", engine, refused);
    EXPECT_GT(refused, 5);
  }
}

TEST_F(OutOfMemory, OptionMemoryChangesWhatIsHeldAndNoByte) {
  const Words words{"campaign", config_, "--quiet", "--workers", "1"};
  std::map<std::string, double> peak;
  Files first;
  for (const char* memory : {"1", "4G"}) {
    Words all = words;
    all.insert(all.end(), {"--memory", memory, "--out", path(memory)});
    ASSERT_EQ(call_attnguard(all).exit_code, 0);
    peak[memory] =
        nlohmann::json::parse(read_text(path(memory) / "timing.json"))["peak_memory_bytes"];
    if (first.empty()) first = files_below(path(memory));
    EXPECT_EQ(files_below(path(memory)), first);
  }
  EXPECT_LT(peak["1"], peak["4G"]);
}

}  // namespace
}  // namespace attnguard
