// What commands print, on a terminal and elsewhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/attnguard_command.h"
#include "tests/support/scratch_folder.h"

namespace attnguard {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSmall = R"({
  "accelerator": {"array": {"rows": 2, "cols": 2}},
  "checkers": {"merged": {"kind": "flash_abft"}, "region": {"kind": "statistical_abft"},
               "both": {"kind": "any_of", "members": ["merged", "region"]}},
  "calibration": {"inferences": 4},
  "sweep": {"grid": {"accelerator.array.rows": [2]}},
  "workload": {"kind": "attention", "mask": "none", "heads": 1, "tokens_q": 2, "tokens_k": 4,
               "head_dim": 4},
  "campaign": {"injections": 200, "models": [{"kind": "bit_flip"}, {"kind": "stuck_at_1"}]}})";

class Terminal : public ::testing::Test {
 protected:
  CommandResult call(const std::string& arguments) const { return run_attnguard(arguments); }
  std::string folder(const std::string& name) const { return (files_.path() / name).string(); }
  /// On a pseudo terminal.
  std::string on_terminal(const std::string& environment, const std::string& arguments) const {
    const std::string log = folder("typescript");
    const std::string command = "script -qec 'env " + environment + " " + std::getenv("ATTNGUARD") +
                                " " + arguments + "' " + log + " >/dev/null </dev/null";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    return read_text(log);
  }
  ScratchFolder files_;
  std::string config_ = files_.write("small.json", kSmall);
};

TEST_F(Terminal, ColourIsForTerminalsThatWantIt) {
  const std::string run = "run " + config_ + " --force --out " + folder("run");
  EXPECT_THAT(call(run).output, Not(HasSubstr("\033")));
  EXPECT_THAT(on_terminal("-u NO_COLOR TERM=xterm", run), HasSubstr("\033[1munit\033[0m"));
  EXPECT_THAT(on_terminal("NO_COLOR=1 TERM=xterm", run), Not(HasSubstr("\033")));
  EXPECT_THAT(on_terminal("-u NO_COLOR TERM=dumb", run), Not(HasSubstr("\033")));
  EXPECT_THAT(on_terminal("-u NO_COLOR -u TERM", run), Not(HasSubstr("\033")));
}

TEST_F(Terminal, ProgressIsALineThatIsWrittenOverInPlace) {
  const std::string text =
      on_terminal("-u COLUMNS", "campaign " + config_ + " --out " + folder("campaign"));
  std::size_t lines = 0;
  const std::string last = "\rinjections 200/200 (100 %), ";
  for (std::size_t at = text.find("\rinjections "); at != std::string::npos; ++lines) {
    const std::size_t next = text.find('\r', at + 1);
    EXPECT_EQ(next - at - 1, 79U) << "as wide as what it covers";
    const bool ended = text.compare(at, last.size(), last) == 0;
    EXPECT_EQ(text[next + 1] == '\n', ended) << text.substr(at, next - at);
    at = text.find("\rinjections ", next);
  }
  EXPECT_GT(lines, 1U) << text;
}

TEST_F(Terminal, QuietCommandsPrintNothing) {
  const std::string campaign = folder("campaign");
  for (const std::string& command :
       {"run " + config_ + " --vcd --timeline --out " + folder("run"),
        "sites " + config_ + " --out " + folder("sites"),
        "sweep " + config_ + " --out " + folder("sweep"),
        "calibrate " + config_ + " --out " + folder("calibrate"),
        "campaign " + config_ + " --dry-run", "campaign " + config_ + " --out " + campaign,
        "replay " + campaign + " 0", "roc " + campaign, std::string("schema"),
        std::string("schema keys")}) {
    const CommandResult quiet = call(command + " --quiet");
    EXPECT_EQ(quiet.exit_code, 0) << command << '\n' << quiet.output;
    EXPECT_EQ(quiet.output, "") << command;
  }
}

TEST_F(Terminal, AFigureThatMeansNothingIsNotPrinted) {
  const CommandResult run = call("run " + config_ + " --out " + folder("run"));
  // Of `both` the members make the checks.
  EXPECT_THAT(run.output, ::testing::ContainsRegex("both +-  +-  +-  +-\n"));
  const auto report = nlohmann::json::parse(read_text(folder("run") + "/run.json"));
  EXPECT_TRUE(report["checkers"]["both"]["max_residual_over_threshold"].is_null());
  EXPECT_TRUE(report["checkers"]["merged"]["max_residual_over_threshold"].is_number());
}

TEST_F(Terminal, RocShowsEveryClassOfFaults) {
  ASSERT_EQ(call("campaign " + config_ + " --quiet --out " + folder("campaign")).exit_code, 0);
  const CommandResult roc = call("roc " + folder("campaign"));
  EXPECT_THAT(roc.output, HasSubstr("\ntransient  merged   any "));
  EXPECT_THAT(roc.output, HasSubstr("\npermanent  merged   any "));
}

TEST_F(Terminal, RunTellsWhatBoundsTheJob) {
  const CommandResult run = call("run " + config_ + " --out " + folder("run"));
  const auto roofline = nlohmann::json::parse(read_text(folder("run") + "/run.json"))["roofline"];
  // 2 queries × 4 keys × 4, twice: 64 MACs. Q and O are 2 × 4 values of 2 bytes, K and V 4 × 4.
  EXPECT_DOUBLE_EQ(roofline["arithmetic_intensity_macs_per_byte"], 64.0 / (2 * 16 + 2 * 32));
  EXPECT_EQ(roofline["peak_macs_per_cycle"], 4);
  // The array is fed 4 cycles for S and 2 × 2 for P·V of each of 2 key tiles; softmax takes 2 rows
  // of each; q, k and v ports move 8 lines, those of o 4; memory reads 4 + 8 + 8 lines, one per
  // cycle however short they are.
  EXPECT_EQ(roofline["least_cycles"],
            (nlohmann::json{{"array", 16}, {"softmax", 4}, {"sram", 8}, {"memory", 20}}));
  EXPECT_EQ(roofline["bound"], "memory");
  EXPECT_DOUBLE_EQ(roofline["attainable_macs_per_cycle"], 64.0 / 20);
  EXPECT_THAT(run.output, ::testing::ContainsRegex("bound +memory  3.2 of 4 MAC/cycle attainable"));
}

}  // namespace
}  // namespace attnguard
