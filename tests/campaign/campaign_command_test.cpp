// Campaign and replay with the built executable on real simulations. ctest names it in ATTNGUARD.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/scratch_folder.h"
#include "tests/support/small_campaign.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class CampaignCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(std::getenv("ATTNGUARD"), nullptr) << "run by ctest";
    config_ = files_.write("small.json", small_campaign(400));
  }
  int call(const std::string& arguments) {
    const std::string log = (files_.path() / "log").string();
    const int status = std::system(
        (std::string(std::getenv("ATTNGUARD")) + " " + arguments + " >" + log + " 2>&1").c_str());
    output_ = read_text(log);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string folder(const std::string& name) const { return (files_.path() / name).string(); }
  std::string file(const std::string& name, const std::string& file) const {
    return read_text(files_.path() / name / file);
  }

  ScratchFolder files_;
  std::string config_, output_;
};

TEST_F(CampaignCommand, WritesTheSameFilesForAnyWorkersAndFidelity) {
  ASSERT_EQ(call("campaign " + config_ + " --workers 1 --out " + folder("a")), 0) << output_;
  EXPECT_THAT(output_, HasSubstr("total_logic"));
  ASSERT_EQ(call("campaign " + config_ + " --workers 2 --quiet --out " + folder("b")), 0)
      << output_;
  EXPECT_EQ(output_, "");
  ASSERT_EQ(call("campaign " + config_ + " --set accelerator.fidelity=cycle --quiet --out " +
                 folder("c")),
            0)
      << output_;
  for (const char* name : {"injections.csv", "coverage.csv", "strata.csv"}) {
    EXPECT_EQ(file("a", name), file("b", name)) << name;
    EXPECT_EQ(file("a", name), file("c", name)) << name;
  }
  EXPECT_EQ(file("a", "summary.json"), file("b", "summary.json"));
  const std::string csv = file("a", "injections.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 401);
  const auto summary = nlohmann::json::parse(file("a", "summary.json"));
  EXPECT_EQ(summary["injections"], 400);
  EXPECT_GT(summary["audit"]["injections"], 100) << "two of every site class";
  EXPECT_EQ(summary["audit"]["mismatches"], 0);
  EXPECT_GT(summary["effects"]["sdc"], 0);
  EXPECT_EQ(summary["effects"]["not_injected"], 0);
  EXPECT_EQ(summary["effects"]["not_activated"], 0) << "a bit that is live is read";
}

TEST_F(CampaignCommand, ReplayReproducesRowsOfEveryEffect) {
  ASSERT_EQ(call("campaign " + config_ + " --quiet --out " + folder("a")), 0) << output_;
  for (const int number : {0, 7, 133, 250, 359, 360, 399}) {
    ASSERT_EQ(call("replay " + folder("a") + " " + std::to_string(number)), 0) << output_;
    EXPECT_THAT(output_, HasSubstr("injection " + std::to_string(number) + ":"));
    const auto replay =
        nlohmann::json::parse(file("a", "replay_" + std::to_string(number) + "/replay.json"));
    EXPECT_EQ(replay["injection"]["injection"], number);
    EXPECT_TRUE(replay["units"].contains("checksum.merged"));
    for (const char* comparison : {"score", "pv"})
      EXPECT_TRUE(replay["checkers"]["two_check"]["comparisons"][comparison].is_array());
  }
}

TEST_F(CampaignCommand, ReplayOfAForgedRowFailsAsABug) {
  ASSERT_EQ(call("campaign " + config_ + " --quiet --out " + folder("a")), 0) << output_;
  std::string csv = file("a", "injections.csv");
  const std::size_t row = csv.find("\n5,") + 1, at = csv.find("bit_flip", row);
  csv.replace(at, 8, "bit_flap");
  std::ofstream(files_.path() / "a" / "injections.csv", std::ios::binary) << csv;
  EXPECT_EQ(call("replay " + folder("a") + " 5"), 3);
  EXPECT_THAT(output_, HasSubstr("injection 5 is not reproduced"));
  EXPECT_FALSE(fs::exists(files_.path() / "a" / "replay_5"));
  EXPECT_EQ(call("replay " + folder("a") + " 6"), 0) << output_;
}

TEST_F(CampaignCommand, ReplayRunsAnInjectionAgainThatFailedInTheCampaign) {
  ASSERT_EQ(call("campaign " + config_ + " --quiet --out " + folder("a")), 0) << output_;
  std::string csv = file("a", "injections.csv");
  const std::size_t row = csv.find("\n5,") + 1, end = csv.find("\r\n", row);
  // Columns 0 to 12 say which fault, column 19 is the effect.
  std::string failed;
  int column = 0;
  for (const char c : csv.substr(row, end - row)) {
    if (column < 13 || c == ',') failed += c;
    if (c == ',' && ++column == 19) failed += "sim_error";
  }
  csv.replace(row, end - row, failed);
  std::ofstream(files_.path() / "a" / "injections.csv", std::ios::binary) << csv;
  EXPECT_EQ(call("replay " + folder("a") + " 5"), 0) << output_;
  EXPECT_THAT(output_, HasSubstr("a sim_error in the campaign, not here"));
}

TEST_F(CampaignCommand, TellsWhichEngineResolvedWhatAndWhatTheAuditFound) {
  ASSERT_EQ(call("campaign " + config_ + " --audit 7 --out " + folder("a")), 0) << output_;
  EXPECT_THAT(output_, HasSubstr("injections 400/400 (100 %), "));
  EXPECT_THAT(output_, HasSubstr("; merged "));
  EXPECT_THAT(output_, HasSubstr("engines: differential 398, full 2; audit: 7 repeated in "));
  const auto summary = nlohmann::json::parse(file("a", "summary.json"));
  EXPECT_EQ(summary["audit"]["injections"], 7);
  EXPECT_EQ(summary["audit"]["mismatches"], 0);
  const auto timing = nlohmann::json::parse(file("a", "timing.json"));
  EXPECT_EQ(timing["engine_shares"]["differential"], 398);
  EXPECT_EQ(timing["engine_shares"]["full"], 2) << "two flips of done lines that only a run tells";
  EXPECT_GT(timing["audit_wall_s"], 0);
}

TEST_F(CampaignCommand, ReplayRejectsWhatIsNoInjection) {
  ASSERT_EQ(call("campaign " + config_ + " --quiet --out " + folder("a")), 0) << output_;
  EXPECT_EQ(call("replay " + folder("a") + " 400"), 2);
  EXPECT_THAT(output_, HasSubstr("no injection 400; 0 to 399"));
  EXPECT_EQ(call("replay " + folder("a") + " x1"), 2);
  EXPECT_EQ(call("replay " + folder("nothing") + " 1"), 2);
  EXPECT_THAT(output_, HasSubstr("no injections.csv"));
}

TEST_F(CampaignCommand, RunsAnExactListAndRejectsFaultsOutsideTheHardwareOrTheRun) {
  const auto with = [&](const std::string& faults) {
    return "campaign " + config_ + " --force --quiet --out " + folder("t") +
           " --set 'campaign.faults=" + faults + "'";
  };
  ASSERT_EQ(
      call(with(
          R"([{"site":"array.pe[0][1].acc","bit":30,"cycle":60},{"site":"array.pe[0][1].acc","bit":30,"cycle":0}])")),
      0)
      << output_;
  const std::string csv = file("t", "injections.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3);
  EXPECT_THAT(file("t", "coverage.csv"), HasSubstr("array.pe[*][*].acc,function"));

  EXPECT_EQ(call(with(R"([{"site":"array.pe[4][0].acc","bit":0,"cycle":0}])")), 2);
  EXPECT_THAT(output_, HasSubstr("array.pe[*][*].acc"));
  EXPECT_EQ(call(with(R"([{"site":"array.pe[0][0].acc","bit":32,"cycle":0}])")), 2);
  EXPECT_THAT(output_, HasSubstr("32; a bit of the site, 0 to 31"));
  EXPECT_EQ(call(with(R"([{"site":"array.pe[0][0].acc","bit":0,"cycle":99999999}])")), 2);
  EXPECT_THAT(output_, HasSubstr("99999999; a cycle of the run, 0 to "));
  EXPECT_EQ(file("t", "injections.csv"), csv)
      << "a refused command leaves the earlier result alone";
}

TEST_F(CampaignCommand, RejectsAGlobThatMatchesNothing) {
  EXPECT_EQ(call("campaign " + config_ + " --out " + folder("a") +
                 R"( --set 'campaign.sites=["softmx.*"]')"),
            2);
  EXPECT_THAT(output_, HasSubstr("a glob that matches a site"));
  EXPECT_FALSE(fs::exists(files_.path() / "a"));
}

TEST_F(CampaignCommand, GoldenStateBeyondTheMemoryIsRecordedWhenNeeded) {
  ASSERT_EQ(call("campaign " + config_ + " --memory 1 --out " + folder("a")), 0) << output_;
  EXPECT_THAT(output_, HasSubstr("more than --memory 0.0 MiB, so query tiles are recorded again"));
  ASSERT_EQ(call("campaign " + config_ + " --out " + folder("b")), 0) << output_;
  EXPECT_THAT(output_, ::testing::Not(HasSubstr("--memory")));
  EXPECT_EQ(file("a", "injections.csv"), file("b", "injections.csv"));
}

TEST_F(CampaignCommand, StopsWhenACheckerAlarmsWithoutAFault) {
  EXPECT_EQ(call("campaign " + config_ + " --out " + folder("a") +
                 R"( --set 'checkers.merged.threshold={"rule":"absolute","value":1e-30}')"),
            2);
  EXPECT_THAT(output_, HasSubstr("alarms without a fault"));
  EXPECT_FALSE(fs::exists(files_.path() / "a"));
}

TEST_F(CampaignCommand, EndsWhereTheStopRuleSaysAndReplaysWhatItInjected) {
  const std::string rule =
      R"( --set 'campaign.stop={"checker":"two_check","half_width":0.2,"looks":[100,200,300]}')"
      R"( --set 'campaign.safety={"sram_fit_per_mbit":700,"detection_budget":"40 cycles"}')";
  ASSERT_EQ(call("campaign " + config_ + rule + " --workers 1 --out " + folder("a")), 0) << output_;
  EXPECT_THAT(output_, HasSubstr("stopped at 200 of 400 injections: half the interval of two_check "
                                 "is at most 0.2"));
  const auto summary = nlohmann::json::parse(file("a", "summary.json"));
  EXPECT_EQ(summary["injections"], 200);
  EXPECT_EQ(summary["stop"]["checker"], "two_check");
  EXPECT_EQ(summary["stop"]["met"], true);
  ASSERT_EQ(summary["stop"]["seen"].size(), 2U);
  EXPECT_EQ(summary["stop"]["seen"][1]["ci_low"], summary["checkers"]["two_check"]["ci_low"]);
  EXPECT_EQ(call("campaign " + config_ + rule +
                 " --workers 2 --set campaign.engine=full --set accelerator.fidelity=cycle"
                 " --quiet --out " +
                 folder("b")),
            0)
      << output_;
  for (const char* name : {"injections.csv", "coverage.csv", "strata.csv", "paired.csv",
                           "error_size.csv", "latency.csv", "fmeda.csv"})
    EXPECT_EQ(file("a", name), file("b", name)) << name;
  for (const int number : {0, 99, 100, 199})
    EXPECT_EQ(call("replay " + folder("a") + " " + std::to_string(number)), 0) << output_;
  EXPECT_EQ(call("replay " + folder("a") + " 200"), 2);

  EXPECT_EQ(
      call("campaign " + config_ + " --set campaign.injections=200 --quiet --out " + folder("c")),
      0)
      << output_;
  for (const char* name :
       {"coverage.csv", "strata.csv", "paired.csv", "error_size.csv", "latency.csv"})
    EXPECT_EQ(file("a", name), file("c", name)) << name;
  EXPECT_EQ(call("campaign " + config_ + rule + " --dry-run"), 0) << output_;
  EXPECT_THAT(output_, HasSubstr("stop        at 100, 200, 300 injections if half the interval"));
  EXPECT_THAT(output_, HasSubstr("margin      ±5.16 % of any share of the 360 injections"));
  EXPECT_THAT(output_, HasSubstr("99 % takes 299"));
  EXPECT_EQ(call("campaign " + config_ + rule + R"( --set 'campaign.sites=["checksum.*"]' --out )" +
                 folder("d")),
            2);
  EXPECT_THAT(output_, HasSubstr("campaign.stop"));
}

TEST_F(CampaignCommand, LeavesTransactionsOutOfFailureModes) {
  ASSERT_EQ(call("campaign " + config_ + " --quiet --out " + folder("a") +
                 R"( --set 'campaign.models=[{"kind":"bit_flip"},{"kind":"drop"}]')"
                 R"( --set 'campaign.safety={"logic_fit_per_mbit":100}')"),
            0)
      << output_;
  EXPECT_THAT(file("a", "coverage.csv"), HasSubstr("link.array_to_softmax.transfer"));
  EXPECT_THAT(file("a", "fmeda.csv"), HasSubstr("link.array_to_softmax.data,merged,transient,"));
  EXPECT_THAT(file("a", "fmeda.csv"), ::testing::Not(HasSubstr(".transfer,")));
  ASSERT_EQ(call("campaign " + config_ + " --quiet --force --out " + folder("a")), 0) << output_;
  EXPECT_FALSE(fs::exists(files_.path() / "a" / "fmeda.csv")) << "of the earlier campaign";
}

TEST_F(CampaignCommand, DryRunTellsThePopulationAndWritesNothing) {
  EXPECT_EQ(call("campaign " + config_ + " --dry-run --out " + folder("a")), 0) << output_;
  EXPECT_THAT(output_, HasSubstr("array.pe[*][*].acc/exponent"));
  EXPECT_THAT(output_, HasSubstr("live bit-cycles in"));
  EXPECT_FALSE(fs::exists(files_.path() / "a"));
}

}  // namespace
}  // namespace attnguard
