// Campaigns with recovery, through the executable: the columns it adds, and nothing else changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/attnguard_command.h"

namespace attnguard {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Ragged, two query heads on one key head, checkers of three kinds and a combination.
constexpr const char* kConfig = R"({
  "accelerator": {"array": {"rows": 4, "cols": 3}, "external_memory": {"latency_cycles": 6}},
  "checkers": {
    "merged": {"kind": "flash_abft"},
    "hardened": {"kind": "flash_abft", "softmax_scalars": "duplicated", "row_sum": "at_write",
                 "score_check": true, "key_sum": "at_write", "query_source": "own"},
    "two_check": {"kind": "matmul_abft"},
    "both": {"kind": "any_of", "members": ["merged", "two_check"]}},
  "workload": {"kind": "attention", "mask": "causal", "heads": 2, "kv_heads": 1, "tokens_q": 6,
               "tokens_k": 10, "head_dim": 5},
  "campaign": {"injections": 700, "safety_mechanism_share": 0.3,
               "models": [{"kind": "bit_flip", "weight": 6}, {"kind": "stuck_at_1"},
                          {"kind": "duplicate"}]}})";

class RecoveryCampaign : public ::testing::Test {
 protected:
  std::string folder(const std::string& name) const { return (files_.path() / name).string(); }
  std::string file(const std::string& name, const std::string& file) const {
    return read_text(files_.path() / name / file);
  }
  void campaign(const std::string& name, const std::string& options) {
    const CommandResult result =
        run_attnguard("campaign " + config_ + " --quiet --out " + folder(name) + " " + options);
    ASSERT_EQ(result.exit_code, 0) << result.output;
  }
  std::string error(const std::string& options) {
    const CommandResult result =
        run_attnguard("campaign " + config_ + " --out " + folder("wrong") + " " + options);
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_FALSE(std::filesystem::exists(folder("wrong")));
    EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 1) << result.output;
    return result.output;
  }

  ScratchFolder files_;
  std::string config_ = files_.write("small.json", kConfig);
};

using Row = std::map<std::string, std::string>;

std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> all{""};
  for (const char c : line) {
    if (c == ',')
      all.emplace_back();
    else if (c != '\r')
      all.back() += c;
  }
  return all;
}

std::vector<Row> rows_of(const std::string& csv) {
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);
  const std::vector<std::string> columns = fields(line);
  std::vector<Row> rows;
  while (std::getline(lines, line)) {
    const std::vector<std::string> values = fields(line);
    rows.emplace_back();
    for (std::size_t i = 0; i < columns.size(); ++i) rows.back()[columns[i]] = values.at(i);
  }
  return rows;
}

/// Without the last six columns.
std::string before_recovery(const std::string& csv) {
  std::string text;
  std::istringstream lines(csv);
  for (std::string line; std::getline(lines, line);) {
    for (int column = 0; column < 6; ++column) line.erase(line.rfind(','));
    text += line + "\r\n";
  }
  return text;
}

TEST_F(RecoveryCampaign, AddsColumnsThatDependOnTheConfigurationAloneAndChangesNoOther) {
  campaign("without", "");
  campaign("none", "--set recovery.policy=none");
  for (const char* policy : {"recompute_tile", "recompute_query_block", "recompute_head"}) {
    const std::string with = std::string(" --set recovery.policy=") + policy,
                      name = std::string(policy) + ".";
    campaign(name + "a", "--workers 1" + with);
    campaign(name + "b", "--workers 2 --set accelerator.fidelity=cycle" + with);
    campaign(name + "c", "--workers 2 --set campaign.engine=full" + with);
    const std::string csv = file(name + "a", "injections.csv");
    EXPECT_EQ(csv, file(name + "b", "injections.csv"));
    EXPECT_EQ(csv, file(name + "c", "injections.csv"));
    EXPECT_EQ(before_recovery(csv), file("without", "injections.csv"));
    EXPECT_EQ(file(name + "a", "coverage.csv"), file("without", "coverage.csv"));
    const auto summary = nlohmann::json::parse(file(name + "a", "summary.json"));
    EXPECT_EQ(summary["recovery"],
              nlohmann::json::parse(file(name + "c", "summary.json"))["recovery"]);
    EXPECT_EQ(summary["audit"]["mismatches"], 0);
    EXPECT_GT(summary["audit"]["injections"], 100);
  }
  EXPECT_EQ(file("none", "injections.csv"), file("without", "injections.csv"));
  EXPECT_THAT(file("without", "config.json"), Not(HasSubstr("recovery")));
  EXPECT_THAT(file("without", "summary.json"), Not(HasSubstr("recovery")));
}

TEST_F(RecoveryCampaign, TellsWhatBecameOfEveryAlarm) {
  campaign("c", "--set recovery.policy=recompute_head");
  std::map<std::string, std::uint64_t> outcomes;
  std::uint64_t sdc = 0, cured = 0;
  std::vector<std::int64_t> extra;
  for (const Row& row : rows_of(file("c", "injections.csv"))) {
    const std::string outcome = row.at("recovery.outcome");
    const bool alarm =
        !row.at("both.alarm_cycle").empty() || !row.at("hardened.alarm_cycle").empty();
    EXPECT_EQ(outcome.empty(), !alarm) << row.at("injection");
    EXPECT_EQ(row.at("recovery.retries").empty(), !alarm);
    if (!alarm) continue;
    ++outcomes[outcome];
    const bool transient = row.at("fault_class") == "transient";
    if (outcome == "recovered") {
      EXPECT_EQ(row.at("recovery.changed_values"), "0");
      EXPECT_GT(std::stoul(row.at("recovery.cycles_to_recover")), 0U);
      EXPECT_GT(std::stol(row.at("recovery.extra_cycles")), 0);
      EXPECT_EQ(row.at("recovery.retries"), transient ? "1" : row.at("recovery.retries"));
    } else {
      EXPECT_EQ(row.at("recovery.cycles_to_recover"), "");
    }
    if (transient && row.at("effect") == "sdc" && row.at("domain") == "function") {
      ++sdc;
      cured += outcome == "recovered";
    }
    if (transient && outcome != "hang" && outcome != "crash")
      extra.push_back(std::stol(row.at("recovery.extra_cycles")));
  }
  EXPECT_GT(outcomes["recovered"], 200U);
  EXPECT_GT(outcomes["exhausted"], 20U) << "stuck bits";
  EXPECT_GT(sdc, 100U);
  EXPECT_EQ(cured, sdc);
  const auto recovery = nlohmann::json::parse(file("c", "summary.json"))["recovery"];
  for (const auto& [outcome, count] : outcomes) EXPECT_EQ(recovery["outcomes"][outcome], count);
  const auto& transient = recovery["fault_classes"]["transient"];
  EXPECT_EQ(transient["detected_sdc"], sdc);
  EXPECT_EQ(transient["recovered_sdc"], cured);
  EXPECT_EQ(transient["share_recovered"], 1.0);
  EXPECT_LT(transient["ci_low"], 1.0);
  EXPECT_EQ(transient["extra_cycles"]["max"], *std::max_element(extra.begin(), extra.end()));
  EXPECT_LE(transient["extra_cycles"]["p50"], transient["extra_cycles"]["p99"]);
  EXPECT_GT(recovery["fault_classes"]["permanent"]["detected_sdc"], 0);
}

/// Rows of a transient sdc of the datapath in which `checker` alarms.
std::vector<Row> detected_sdc(const std::vector<Row>& rows, const std::string& checker) {
  std::vector<Row> found;
  for (const Row& row : rows)
    if (row.at("fault_class") == "transient" && row.at("effect") == "sdc" &&
        row.at("domain") == "function" && !row.at(checker + ".alarm_cycle").empty())
      found.push_back(row);
  return found;
}

// Every buffer protected, two bits flipped: an uncorrectable error names the tile it was read for.
TEST_F(RecoveryCampaign, WhatDecodersDetectEndsGolden) {
  config_ = "configs/protected_buffers.json";
  const std::string options =
      R"( --set 'campaign.models=[{"kind":"bit_flip","bits":2},{"kind":"bit_flip","weight":2}]')"
      R"( --set 'recovery.checkers=["memory"]' --set campaign.injections=1500)"
      R"( --set 'accelerator.buffers.q.protection={"code":"secded","data_bits":16}')"
      R"( --set 'accelerator.buffers.k.protection={"code":"secded","data_bits":32}')";
  for (const char* policy : {"recompute_tile", "recompute_query_block", "recompute_head"}) {
    const std::string with = options + " --set recovery.policy=" + policy,
                      name = std::string("memory_") + policy;
    campaign(name, with);
    campaign(name + "_cycle", "--set accelerator.fidelity=cycle --set campaign.engine=full" + with);
    EXPECT_EQ(file(name, "injections.csv"), file(name + "_cycle", "injections.csv"));
    const std::vector<Row> rows = rows_of(file(name, "injections.csv"));
    std::map<std::string, int> buffers;
    for (const Row& row : detected_sdc(rows, "memory")) {
      EXPECT_EQ(row.at("recovery.outcome"), "recovered") << policy << ' ' << row.at("injection");
      ++buffers[row.at("site_class")];
    }
    EXPECT_GT(buffers["o_buffer.word[*]"], 50);
    EXPECT_EQ(buffers.size(), 4U);
    for (const Row& row : rows)
      if (!row.at("memory.alarm_cycle").empty()) {
        EXPECT_EQ(row.at("recovery.outcome"), "recovered") << row.at("injection");
        EXPECT_EQ(row.at("recovery.retries"), "1");
      }
  }
}

TEST_F(RecoveryCampaign, CorrectsWhatAttncheckerLocates) {
  const std::string options =
      R"( --set 'checkers.columns={"kind":"attnchecker","threshold":0.01}')"
      R"( --set campaign.safety_mechanism_share=0.1 --set campaign.injections=1500)"
      R"( --set 'campaign.sites=["array.*","link.k_buffer_to_array.data","checksum.columns.*"]')"
      R"( --set 'campaign.models=[{"kind":"bit_flip"}]')";
  const std::string correct = options + " --set recovery.policy=correct";
  campaign("without", options);
  campaign("a", "--workers 1" + correct);
  campaign("b", "--workers 2 --set accelerator.fidelity=cycle" + correct);
  campaign("c", "--workers 2 --set campaign.engine=full" + correct);
  const std::string csv = file("a", "injections.csv");
  EXPECT_EQ(csv, file("b", "injections.csv"));
  EXPECT_EQ(csv, file("c", "injections.csv"));
  EXPECT_EQ(before_recovery(csv), file("without", "injections.csv"));

  std::map<std::string, std::map<std::string, std::uint64_t>> outcomes;  // by site class
  std::uint64_t sdc = 0, recovered = 0, tolerable = 0, own = 0;
  for (const Row& row : rows_of(csv)) {
    const std::string& outcome = row.at("recovery.outcome");
    EXPECT_EQ(outcome.empty(), row.at("columns.alarm_cycle").empty());
    if (outcome.empty()) continue;
    EXPECT_EQ(row.at("recovery.retries") == "0", outcome == "not_located");
    EXPECT_EQ(row.at("recovery.extra_cycles"), "0");
    if (outcome == "recovered") {
      EXPECT_EQ(row.at("recovery.changed_values"), "0");
      EXPECT_EQ(row.at("recovery.max_row_error"), "0");
    }
    if (row.at("domain") == "safety_mechanism") {
      ++own;
      EXPECT_EQ(outcome, "not_located") << "one of its two sums alone names no row";
    }
    if (row.at("domain") != "function" || row.at("effect") != "sdc") continue;
    ++sdc;
    recovered += outcome == "recovered";
    tolerable += std::stod(row.at("recovery.max_row_error")) <= 0.01;
    ++outcomes[row.at("site_class")][outcome];
  }
  const nlohmann::json figures =
      nlohmann::json::parse(file("a", "summary.json"))["recovery"]["fault_classes"]["transient"];
  EXPECT_EQ(figures["detected_sdc"], sdc);
  EXPECT_EQ(figures["recovered_sdc"], recovered);
  EXPECT_EQ(figures["tolerable_sdc"], tolerable);
  EXPECT_GT(sdc, 200U);
  EXPECT_GT(recovered, 100U);
  EXPECT_GE(tolerable, recovered);
  EXPECT_GT(own, 20U);
  // One value of the tile is wrong: located, and right again but for roundings.
  for (const char* point : {"array.pe[*][*].acc", "array.pe[*][*].drain"}) {
    EXPECT_EQ(outcomes[point]["not_located"], 0U) << point;
    EXPECT_GT(outcomes[point]["recovered"], 20U) << point;
  }
  // A column operand spoils every row below: the two sums of a column cannot tell which.
  auto& north = outcomes["array.pe[*][*].north"];
  EXPECT_GT(north["failed"] + north["not_located"], 10U);
}

TEST_F(RecoveryCampaign, ReplayShowsItAndRunCostsNothing) {
  campaign("c", "--set recovery.policy=recompute_query_block --set campaign.injections=200");
  const auto rows = rows_of(file("c", "injections.csv"));
  const auto found = std::find_if(rows.begin(), rows.end(), [](const Row& row) {
    return row.at("recovery.outcome") == "recovered";
  });
  ASSERT_NE(found, rows.end());
  const std::string number = found->at("injection");
  const CommandResult replay = run_attnguard("replay " + folder("c") + " " + number);
  EXPECT_EQ(replay.exit_code, 0) << replay.output;
  EXPECT_THAT(replay.output,
              HasSubstr("recovery, recompute_query_block: recovered after 1 retries, " +
                        found->at("recovery.extra_cycles") + " extra cycles, 0 values differ, " +
                        found->at("recovery.cycles_to_recover") + " cycles from the alarm on"));
  const auto json = nlohmann::json::parse(file("c", "replay_" + number + "/replay.json"));
  EXPECT_EQ(json["injection"]["recovery.outcome"], "recovered");

  ASSERT_EQ(run_attnguard("run " + config_ + " --quiet --out " + folder("plain")).exit_code, 0);
  ASSERT_EQ(run_attnguard("run " + config_ +
                          " --quiet --set recovery.policy=recompute_head --out " + folder("run"))
                .exit_code,
            0);
  auto plain = nlohmann::json::parse(file("plain", "run.json")),
       run = nlohmann::json::parse(file("run", "run.json"));
  EXPECT_FALSE(plain.contains("recovery"));
  EXPECT_EQ(run["recovery"]["retries"], 0);
  EXPECT_EQ(run["recovery"]["extra_cycles"], 0);
  EXPECT_EQ(run["recovery"]["same_output"], true);
  EXPECT_EQ(run["cycles"], plain["cycles"]);
  EXPECT_EQ(run["output_sha256"], plain["output_sha256"]);
  // A threshold that clean data exceed: work is done again for nothing, as often as is allowed.
  const CommandResult tight = run_attnguard(
      "run " + config_ +
      " --quiet --set recovery.policy=recompute_query_block --set recovery.retries=2 --set "
      "checkers.merged.threshold.rule=absolute --set checkers.merged.threshold.value=1e-30 --out " +
      folder("tight"));
  ASSERT_EQ(tight.exit_code, 0) << tight.output;
  run = nlohmann::json::parse(file("tight", "run.json"));
  EXPECT_GT(run["recovery"]["retries"], 2);
  EXPECT_EQ(run["recovery"]["exhausted"], true);
  EXPECT_GT(run["recovery"]["extra_cycles"], 100);
  EXPECT_EQ(run["recovery"]["same_output"], true);
}

TEST_F(RecoveryCampaign, ItsFiguresArePrinted) {
  const std::string policy = " --set recovery.policy=recompute_query_block ";
  CommandResult result = run_attnguard("campaign " + config_ + policy +
                                       "--set campaign.injections=200 --out " + folder("c"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const auto recovery = nlohmann::json::parse(file("c", "summary.json"))["recovery"];
  EXPECT_THAT(result.output, HasSubstr("\nrecovery, recompute_query_block: recovered " +
                                       recovery["outcomes"]["recovered"].dump()));
  result = run_attnguard("run " + config_ + policy + "--out " + folder("r"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, ::testing::ContainsRegex(
                                 "recovery, recompute_query_block +0  retries, 0 extra cycles\n"));
}

TEST_F(RecoveryCampaign, ASweepComparesPolicies) {
  const std::string options =
      " --quiet --set campaign.injections=150 --set 'sweep.grid={\"recovery.policy\": [\"none\", "
      "\"recompute_query_block\", \"recompute_head\"]}' --set sweep.mode=";
  CommandResult result =
      run_attnguard("sweep " + config_ + options + "campaign --out " + folder("c"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const auto points = rows_of(file("c", "sweep.csv"));
  ASSERT_EQ(points.size(), 3U);
  EXPECT_EQ(points[0].at("recovery.recovered"), "");
  EXPECT_GT(std::stoul(points[1].at("recovery.recovered")), 30U);
  EXPECT_EQ(points[1].at("merged.coverage"), points[0].at("merged.coverage"));
  EXPECT_LT(std::stoul(points[1].at("recovery.extra_cycles_p50")),
            std::stoul(points[2].at("recovery.extra_cycles_p50")));
  result = run_attnguard("sweep " + config_ + options + "run --out " + folder("r"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(rows_of(file("r", "sweep.csv"))[1].at("recovery.extra_cycles"), "0");
}

TEST_F(RecoveryCampaign, SaysWhatIsWrongWithTheConfiguration) {
  EXPECT_THAT(error("--set recovery.policy=recompute_all"),
              HasSubstr("recompute_query_block, recompute_tile, recompute_head"));
  EXPECT_THAT(error("--set recovery.policy=recompute_head --set recovery.retries=0"),
              HasSubstr("0; an integer from 1 to 1000"));
  EXPECT_THAT(error("--set recovery.policy=recompute_head --set recovery.retries=-1"),
              HasSubstr("-1; an integer from 1 to 1000"));
  EXPECT_THAT(error("--set recovery.policy=recompute_head --set 'recovery.checkers=[\"merget\"]'"),
              HasSubstr("/recovery/checkers/0: \"merget\"; did you mean \"merged\""));
  EXPECT_THAT(error("--set recovery.policy=recompute_head --set 'recovery.checkers=[]'"),
              HasSubstr("at least one checker"));
  EXPECT_THAT(error("--set recovery.policy=recompute_head --set 'checkers={}'"),
              HasSubstr("no checker whose alarm could interrupt"));
  EXPECT_THAT(error("--set recovery.retry=2"), HasSubstr("unknown key"));
  EXPECT_THAT(error("--set recovery.policy=correct"),
              HasSubstr("correct; another policy, as there is no attnchecker that says what to "
                        "correct\n"));
  EXPECT_THAT(error(R"(--set recovery.policy=correct --set 'recovery.checkers=["merged"]')"),
              HasSubstr("/recovery/checkers/0: \"merged\"; an attnchecker with policy correct\n"));
}

}  // namespace
}  // namespace attnguard
