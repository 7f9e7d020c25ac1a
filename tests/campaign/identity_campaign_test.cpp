// injections.csv depends on the configuration alone: not on fidelity, workers or the run.
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>

#include "src/config/sha256.h"
#include "tests/support/attnguard_command.h"

namespace attnguard {
namespace {

// Ragged in every direction, K and V streamed, two query heads on one key head.
constexpr const char* kConfig = R"({
  "accelerator": {
    "array": {"rows": 4, "cols": 3},
    "buffers": {"k": {"words": 30}, "v": {"words": 36}},
    "external_memory": {"latency_cycles": 6, "bytes_per_cycle": 16}},
  "checkers": {
    "merged": {"kind": "flash_abft"},
    "hardened": {"kind": "flash_abft", "softmax_scalars": "duplicated", "row_sum": "at_write",
                 "score_check": true, "key_sum": "at_write", "query_source": "own"},
    "two_check": {"kind": "matmul_abft"},
    "carried": {"kind": "matmul_abft", "pv_check": "carried"},
    "variance": {"kind": "matmul_abft", "score_threshold": {"rule": "variance"},
                 "pv_threshold": {"rule": "variance"}},
    "every": {"kind": "any_of", "members": ["cheap", "hardened", "rivals"]},
    "cheap": {"kind": "any_of", "members": ["range", "merged"]},
    "rivals": {"kind": "any_of", "members": ["efta", "attnchecker", "statistical", "duplicated"]},
    "efta": {"kind": "efta"},
    "attnchecker": {"kind": "attnchecker"},
    "statistical": {"kind": "statistical_abft"},
    "range": {"kind": "range_check"},
    "duplicated": {"kind": "duplicated_softmax"}},
  "workload": {"kind": "attention", "mask": "causal", "heads": 2, "kv_heads": 1, "tokens_q": 6,
               "tokens_k": 10, "head_dim": 5},
  "campaign": {"injections": 2000, "safety_mechanism_share": 0.4, "sites": ["*", "sequencer.*"],
               "models": [{"kind": "bit_flip", "weight": 4}, {"kind": "duplicate"}]}})";

class IdentityCampaign : public ::testing::Test {
 protected:
  /// injections.csv of a campaign written to `name`.
  std::string campaign(const std::string& config, const std::string& name,
                       const std::string& options) {
    const CommandResult result =
        run_attnguard("campaign " + config + " --quiet --out " + folder(name) + " " + options);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return read_text(files_.path() / name / "injections.csv");
  }
  std::string folder(const std::string& name) const { return (files_.path() / name).string(); }

  ScratchFolder files_;
};

/// Rows after the header, split at commas; no field of this file is quoted.
std::vector<std::vector<std::string>> rows_of(const std::string& csv) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    rows.emplace_back();
    std::istringstream fields(line);
    for (std::string field; std::getline(fields, field, ',');) rows.back().push_back(field);
  }
  return rows;
}

TEST_F(IdentityCampaign, TwoThousandFaultsInEverySiteClassGiveTheSameBytesHoweverTheyAreRun) {
  const std::string config = files_.write("small.json", kConfig);
  const std::string csv = campaign(config, "first", "--workers 1");
  EXPECT_EQ(csv, campaign(config, "again", "--workers 1"));
  EXPECT_EQ(csv, campaign(config, "two_workers", "--workers 2"));
  EXPECT_EQ(csv, campaign(config, "cycle", "--workers 2 --set accelerator.fidelity=cycle"));

  const auto rows = rows_of(csv);
  ASSERT_EQ(rows.size(), 2000U);
  std::set<std::string> drawn;
  for (const auto& row : rows) drawn.insert(row.at(6));
  ASSERT_EQ(run_attnguard("sites " + config + " --out " + folder("sites")).exit_code, 0);
  std::size_t live_classes = 0;
  for (const auto& row : rows_of(read_text(files_.path() / "sites" / "sites.csv"))) {
    if (row.at(5) == "0") continue;  // live_bit_cycles
    ++live_classes;
    EXPECT_EQ(drawn.count(row.at(0)), 1U) << row.at(0);
  }
  EXPECT_GT(live_classes, 60U);
}

TEST_F(IdentityCampaign, ReplayReproducesTheFirstRowOfEverySiteClassAndEffect) {
  const std::string config = files_.write("small.json", kConfig);
  const auto rows = rows_of(campaign(config, "campaign", "--set campaign.injections=800"));
  ASSERT_EQ(rows.size(), 800U);
  std::set<std::string> seen;
  for (const auto& row : rows)
    if (seen.insert(row.at(6)).second | seen.insert(row.at(19)).second) {
      const CommandResult replay = run_attnguard("replay " + folder("campaign") + " " + row.at(0));
      EXPECT_EQ(replay.exit_code, 0) << replay.output;
    }
  for (const char* effect : {"masked", "tolerable", "sdc", "hang", "crash"})
    EXPECT_EQ(seen.count(effect), 1U) << effect;
}

TEST_F(IdentityCampaign, AnotherSeedDrawsOtherFaults) {
  const std::string config = files_.write("small.json", kConfig);
  EXPECT_NE(campaign(config, "a", "--set campaign.injections=50"),
            campaign(config, "b", "--set campaign.injections=50 --seed 2"));
}

class ExhaustiveCampaignLong : public IdentityCampaign {};

TEST_F(ExhaustiveCampaignLong, EverySiteBitAndCycleGivesTheSameBytesAtBothFidelities) {
  const std::string config = "configs/tiny_exhaustive.json";
  const std::string transaction = campaign(config, "transaction", "");
  EXPECT_GT(transaction.size(), std::size_t{100} << 20);
  EXPECT_EQ(sha256_hex(transaction),
            sha256_hex(campaign(config, "cycle", "--set accelerator.fidelity=cycle")));
}

}  // namespace
}  // namespace attnguard
