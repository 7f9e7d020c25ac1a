// What the merged and the hardened scheme catch on the shipped tensors.
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>
#include <string>

#include "src/campaign/campaign.h"
#include "src/campaign/session.h"
#include "src/simulation/prepared.h"
#include "tests/support/child_process.h"

namespace attnguard {
namespace {

constexpr const char* kCheckers =
    R"(checkers={"merged": {"kind": "flash_abft"},
       "hardened": {"kind": "flash_abft", "softmax_scalars": "duplicated", "row_sum": "at_write",
                    "score_check": true, "key_sum": "at_write", "query_source": "own"}})";

Prepared tiny_gpt(const std::string& sites, std::uint64_t injections,
                  const std::string& output_format = "bfloat16") {
  CommandLine command_line;
  command_line.command = "campaign";
  command_line.positional = {"configs/tiny_gpt.json"};
  command_line.sets = {kCheckers, "campaign.sites=[\"" + sites + "\"]",
                       "campaign.injections=" + std::to_string(injections),
                       "accelerator.formats.output=" + output_format};
  return prepare(command_line);
}

struct Caught {
  std::uint64_t detected = 0, undetected = 0;  ///< of the harmful faults
  double share() const {
    return static_cast<double>(detected) / static_cast<double>(detected + undetected);
  }
};
struct BothCaught {
  Caught merged, hardened;
};

BothCaught inject(const std::string& sites, std::uint64_t injections) {
  std::istringstream text(run_in_children(1, [&](std::size_t) {
    CampaignOptions options;
    options.workers = 2;
    const CampaignSummary summary = run_campaign(tiny_gpt(sites, injections), options);
    std::ostringstream counts;
    for (const CheckerSummary& checker : summary.checkers)
      counts << checker.detected << ' ' << checker.undetected << ' ';
    return counts.str();
  })[0]);
  BothCaught both;
  text >> both.merged.detected >> both.merged.undetected >> both.hardened.detected >>
      both.hardened.undetected;
  return both;
}

TEST(SoftmaxState, OfAThousandHarmfulFlipsMergedMissesWhatHardenedCatches) {
  for (const char* site : {"max", "alpha", "sum"}) {
    const BothCaught caught = inject(std::string("softmax.row[*].") + site, 2700);
    EXPECT_GE(caught.merged.detected + caught.merged.undetected, 1000U) << site;
    EXPECT_LE(caught.merged.share(), 0.15) << site;
    EXPECT_GE(caught.hardened.share(), 0.99) << site;
    RecordProperty(std::string("detected.") + site,
                   std::to_string(caught.merged.detected) + " merged, " +
                       std::to_string(caught.hardened.detected) + " hardened of " +
                       std::to_string(caught.merged.detected + caught.merged.undetected));
  }
}

double row_sum(const std::vector<std::uint32_t>& output, std::size_t row, std::size_t head_dim) {
  double sum = 0;
  for (std::size_t c = 0; c < head_dim; ++c)
    sum += decode(Format::float32, output[row * head_dim + c]);
  return sum;
}

/// Whether some output row's sum moved by more than twice the threshold of that row's golden check.
bool moved_beyond(const RunResult& golden, const RunResult& run, const CheckerResult& checker,
                  const AttentionShape& shape) {
  for (const Check& check : checker.checks) {
    if (check.comparison != 0) continue;  // 0 is the output comparison
    const std::size_t row = std::size_t{check.head} * shape.tokens_q + check.query_row;
    const double moved = std::fabs(row_sum(run.output, row, shape.head_dim) -
                                   row_sum(golden.output, row, shape.head_dim));
    if (!(moved <= 2 * check.threshold)) return true;
  }
  return false;
}

// The output is float32 here, so that it is what the checker compares.
TEST(OutputAccumulator, AFaultThatMovesTheRowSumByTwoThresholdsAlwaysAlarms) {
  std::istringstream text(run_in_children(1, [](std::size_t) {
    const Prepared prepared = tiny_gpt("accumulator.row[*].acc[*]", 1200, "float32");
    CampaignSession session(prepared);
    std::string lines;
    run_in_workers(
        {2, 16}, session.plan().size(), "fault",
        [&](std::uint64_t n) {
          const RunResult run = session.simulate()({session.plan().injection(n).fault},
                                                   session.context().watchdog_cycles());
          std::string line;
          for (std::size_t c = 0; c < run.checkers.size(); ++c) {
            line += moved_beyond(session.golden(), run, session.golden().checkers[c],
                                 prepared.attention()->shape)
                        ? "1 "
                        : "0 ";
            line += run.checkers[c].alarm_cycle != kNever ? "1 " : "0 ";
          }
          return WorkResult{line + "\n", false};
        },
        [&](std::uint64_t, const std::string& line) { lines += line; });
    return lines;
  })[0]);
  int faults = 0, moved = 0, silent = 0;
  for (std::string line; std::getline(text, line); ++faults) {
    std::istringstream fields(line);
    for (bool beyond = false, alarm = false; fields >> beyond >> alarm;) {
      EXPECT_TRUE(alarm || !beyond) << "injection " << faults;
      moved += beyond ? 1 : 0;
      silent += alarm ? 0 : 1;
    }
  }
  EXPECT_EQ(faults, 1200);
  EXPECT_GT(moved, 800);
  EXPECT_GT(silent, 100) << "small flips stay below the threshold";
  RecordProperty("moved", moved);
  RecordProperty("silent", silent);
}

}  // namespace
}  // namespace attnguard
