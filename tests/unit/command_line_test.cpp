// The command line: what is parsed, and every complaint.
#include "src/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/config/user_error.h"

namespace attnguard {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Words = std::vector<std::string>;

std::string complaint(const Words& arguments) {
  try {
    parse_command_line(arguments);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(CommandLine, ParsesOptionsAnywhere) {
  const CommandLine line =
      parse_command_line({"campaign", "--set", "seed=-1", "c.json", "--set=workload.mask=none",
                          "--out", "dir", "--seed", "18446744073709551615", "--workers", "2",
                          "--force", "--quiet", "--dry-run"})
          .command_line;
  EXPECT_EQ(line.command, "campaign");
  EXPECT_EQ(line.positional, Words{"c.json"});
  EXPECT_EQ(line.sets, (Words{"seed=-1", "workload.mask=none"}));
  EXPECT_EQ(line.out, "dir");
  EXPECT_EQ(line.seed, 18446744073709551615U);
  EXPECT_EQ(line.workers, 2U);
  EXPECT_TRUE(line.force && line.quiet && line.dry_run);
  EXPECT_EQ(parse_command_line({"replay", "dir", "17"}).command_line.positional,
            (Words{"dir", "17"}));
}

TEST(CommandLine, ParsesWhatOnlyCampaignsTake) {
  const auto memory = [](const std::string& text) {
    return parse_command_line({"campaign", "c.json", "--memory", text}).command_line.memory_bytes;
  };
  EXPECT_EQ(memory("512M"), 512ULL << 20U);
  EXPECT_EQ(memory("4G"), 4ULL << 30U);
  EXPECT_EQ(memory("1T"), 1ULL << 40U);
  EXPECT_EQ(memory("2K"), 2048U);
  EXPECT_EQ(memory("12345"), 12345U);
  for (const std::string text : {"0", "G", "4g", "1.5G", "-1", "17179869184G"})
    EXPECT_THAT(complaint({"campaign", "c.json", "--memory=" + text}), StartsWith("--memory "));
  const CommandLine line =
      parse_command_line({"campaign", "c.json", "--audit", "0", "--resume"}).command_line;
  EXPECT_EQ(line.audit, 0U);
  EXPECT_TRUE(line.resume);
  EXPECT_THAT(complaint({"campaign", "c.json", "--resume", "--force"}),
              HasSubstr("one of the two"));
  EXPECT_EQ(complaint({"run", "c.json", "--audit", "1"}),
            "--audit: no option of run; see attnguard run --help");
}

TEST(CommandLine, HelpAndVersionAreTexts) {
  EXPECT_THAT(*parse_command_line({"--version"}).text, StartsWith("attnguard "));
  const std::string help = *parse_command_line({"--help"}).text;
  for (const std::string word :
       {"run", "campaign", "replay", "sites", "sweep", "schema", "selftest", "--set", "--workers"})
    EXPECT_THAT(help, HasSubstr("\n  " + word)) << word;
  EXPECT_THAT(*parse_command_line({"campaign", "--help"}).text, HasSubstr("--dry-run"));
  EXPECT_THAT(*parse_command_line({"run", "--help"}).text, ::testing::Not(HasSubstr("--dry-run")));
}

TEST(CommandLine, ComplaintsNameTheNearest) {
  EXPECT_EQ(complaint({}), "no command; see attnguard --help");
  EXPECT_EQ(
      complaint({"rnu", "c.json"}),
      "rnu: unknown command; did you mean \"run\"? allowed: run, campaign, merge, calibrate, roc, "
      "replay, sites, "
      "sweep, report, schema, selftest");
  EXPECT_THAT(complaint({"run", "c.json", "--worker", "2"}),
              StartsWith("--worker: unknown option; did you mean \"--workers\"? allowed: --set, "));
  EXPECT_EQ(complaint({"run", "c.json", "--dry-run"}),
            "--dry-run: no option of run; see attnguard run --help");
  EXPECT_EQ(complaint({"run"}), "run: 0 arguments; usage: attnguard run CONFIG");
  EXPECT_EQ(complaint({"run", "a", "b"}), "run: 2 arguments; usage: attnguard run CONFIG");
  EXPECT_THAT(complaint({"run", "c.json", "--seed"}), HasSubstr("'--seed'"));
}

TEST(CommandLine, NumbersAreStrict) {
  for (const std::string text : {"-1", "1.5", "x", "", "18446744073709551616", "1 "})
    EXPECT_EQ(complaint({"run", "c.json", "--seed=" + text}),
              text.empty() ? complaint({"run", "c.json", "--seed="})
                           : "--seed " + text +
                                 ": no such number; an integer from 0 to 18446744073709551615");
  EXPECT_NE(complaint({"run", "c.json", "--seed="}), "accepted");
  EXPECT_EQ(complaint({"run", "c.json", "--workers", "0"}),
            "--workers 0: no such number; an integer from 1 to 1024");
}

}  // namespace
}  // namespace attnguard
