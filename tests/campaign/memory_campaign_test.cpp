// Campaigns on protected buffers through the executable: what is corrected, what is detected, and
// that the counts are those of the flips injected.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/attnguard_command.h"
#include "tests/support/csv_rows.h"

namespace attnguard {
namespace {

// One query tile and one key tile: every word is written once and read once.
constexpr const char* kConfig = R"({
  "accelerator": {
    "array": {"rows": 4, "cols": 4},
    "buffers": {
      "q": {"protection": {"code": "secded", "data_bits": 16}},
      "k": {"protection": {"code": "secded", "data_bits": 32}},
      "v": {"protection": {"code": "secded", "data_bits": 64}},
      "o": {"protection": {"code": "secded", "data_bits": 32}}},
    "external_memory": {"latency_cycles": 4}},
  "checkers": {
    "merged": {"kind": "flash_abft"},
    "memory": {"kind": "memory_protection"},
    "any_error": {"kind": "memory_protection", "corrected_errors": true},
    "either": {"kind": "any_of", "members": ["merged", "memory"]}},
  "workload": {"kind": "attention", "heads": 1, "tokens_q": 4, "tokens_k": 4, "head_dim": 8},
  "campaign": {
    "injections": 2000,
    "sites": ["*_buffer.word[*]", "*_buffer.check[*]"],
    "models": [{"kind": "bit_flip", "bits": 1}, {"kind": "bit_flip", "bits": 2}]}})";

class MemoryCampaign : public ::testing::Test {
 protected:
  void SetUp() override { config_ = files_.write("small.json", kConfig); }

  std::vector<Row> campaign(const std::string& name, const std::string& options = "") {
    const CommandResult result = run_attnguard("campaign " + config_ + " --quiet --out " +
                                               (files_.path() / name).string() + " " + options);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return rows_of(file(name, "injections.csv"));
  }
  std::string file(const std::string& name, const std::string& file) const {
    return read_text(files_.path() / name / file);
  }
  /// code_word_reads of summary.json.
  nlohmann::json reads(const std::string& name) const {
    return nlohmann::json::parse(file(name, "summary.json")).at("code_word_reads");
  }

  ScratchFolder files_;
  std::string config_;
};

TEST_F(MemoryCampaign, CorrectsEverySingleFlipAndDetectsEveryDoubleOne) {
  std::map<std::string, std::uint64_t>
      flips;  // by number of bits: one past the register is clipped
  for (const Row& row : campaign("a")) {
    const bool two = row.at("bits_flipped") == "2";
    const bool word = row.at("domain") == "function";
    ++flips[row.at("bits_flipped")];
    EXPECT_EQ(row.at("corrected_reads"), two ? "0" : "1");
    EXPECT_EQ(row.at("detected_reads"), two ? "1" : "0");
    EXPECT_EQ(row.at("miscorrected_reads"), "0");
    EXPECT_EQ(row.at("missed_reads"), "0");
    if (!two || !word) {
      EXPECT_EQ(row.at("effect"), "masked") << row.at("injection");
    }
    const std::string& verdict = row.at("memory.verdict");
    if (!word) {
      EXPECT_EQ(verdict, two ? "spurious_alarm" : "benign");
      EXPECT_EQ(row.at("merged.verdict"), "not_applicable");
    } else if (!two) {
      EXPECT_EQ(verdict, "benign");
      EXPECT_EQ(row.at("any_error.verdict"), "safe_detected");
    } else {
      EXPECT_EQ(verdict, row.at("effect") == "sdc" ? "detected" : "safe_detected");
      // A word of O is accepted in the cycle in which it stands at the reader, one before the
      // alarm.
      const bool output = row.at("site").rfind("o_buffer", 0) == 0;
      EXPECT_EQ(row.at("memory.detection"), output ? "after_commit" : "before_commit");
    }
    EXPECT_NE(row.at("any_error.alarm_cycle"), "");
    // The read is the first: a cycle for the buffer's latency and one for the alarm line.
    EXPECT_EQ(row.at("any_error.latency_from_activation_cycles"), "2");
    if (two) {
      EXPECT_EQ(row.at("memory.alarm_cycle"), row.at("any_error.alarm_cycle"));
    }
  }
  ASSERT_EQ(flips.size(), 2U);
  EXPECT_GT(flips["1"], 500U);
  EXPECT_GT(flips["2"], 500U);
  EXPECT_EQ(reads("a").at("corrected"), flips["1"]);
  EXPECT_EQ(reads("a").at("detected"), flips["2"]);
  EXPECT_EQ(reads("a").at("miscorrected"), 0U);
  EXPECT_EQ(reads("a").at("missed"), 0U);
}

TEST_F(MemoryCampaign, InterleavingTurnsAnAdjacentDoubleIntoTwoCorrectedSingles) {
  std::string interleaved;
  for (const char* buffer : {"q", "k", "v", "o"})
    interleaved += std::string(" --set accelerator.buffers.") + buffer +
                   R"(.protection='{"code":"secded","data_bits":32,"interleaving":2}')";
  std::uint64_t bits = 0;
  for (const Row& row : campaign("a", interleaved)) {
    EXPECT_EQ(row.at("effect"), "masked");
    EXPECT_EQ(row.at("corrected_reads"), row.at("bits_flipped"));
    EXPECT_EQ(row.at("memory.alarm_cycle"), "");
    bits += std::stoul(row.at("bits_flipped"));
  }
  EXPECT_GT(bits, 2500U);
  EXPECT_EQ(reads("a").at("corrected"), bits);
  EXPECT_EQ(reads("a").at("detected"), 0U);
}

TEST_F(MemoryCampaign, ParityDetectsSinglesAndMissesDoubles) {
  std::string parity;
  for (const char* buffer : {"q", "k", "v", "o"})
    parity += std::string(" --set accelerator.buffers.") + buffer + ".protection.code=parity";
  for (const Row& row : campaign("a", parity)) {
    const bool two = row.at("bits_flipped") == "2";
    EXPECT_EQ(row.at("detected_reads"), two ? "0" : "1");
    EXPECT_EQ(row.at("missed_reads"), two ? "1" : "0");
    EXPECT_EQ(row.at("memory.alarm_cycle").empty(), two);
    if (!two && row.at("effect") == "sdc") {
      EXPECT_EQ(row.at("either.verdict"), "detected");
    }
  }
}

// The shipped example, every model included: ragged tiles, parity and SECDED, interleaving.
TEST_F(MemoryCampaign, IsTheSameForEveryFidelityEngineAndWorkers) {
  config_ = "configs/protected_buffers.json";
  const std::string models =
      R"( --set campaign.injections=3000 --set 'campaign.models=[{"kind":"bit_flip"},)"
      R"({"kind":"bit_flip","bits":2},{"kind":"bit_flip","bits":3},)"
      R"({"kind":"bit_flip","bits":3,"scattered":true},{"kind":"compound","count":2},)"
      R"({"kind":"intermittent","value":1,"period_cycles":20,"duty_cycles":3},)"
      R"({"kind":"stuck_at_0"},{"kind":"stuck_at_1"}]')";
  const std::vector<Row> rows = campaign("a", models + " --workers 1 --audit 100");
  campaign("b", models + " --set campaign.engine=full --workers 2");
  campaign("c", models + " --set accelerator.fidelity=cycle --workers 2");
  for (const char* other : {"b", "c"})
    for (const char* name : {"injections.csv", "coverage.csv", "strata.csv"})
      EXPECT_EQ(file("a", name), file(other, name)) << other << ' ' << name;
  std::map<std::string, int> seen;
  for (const Row& row : rows)
    for (const char* column :
         {"corrected_reads", "detected_reads", "miscorrected_reads", "missed_reads"})
      seen[column] += row.at(column) != "0" ? 1 : 0;
  for (const auto& [column, count] : seen) EXPECT_GT(count, 0) << column;
}

// Without protection nothing of it is in the files.
TEST_F(MemoryCampaign, AddsNoColumnWhereNothingIsProtected) {
  config_ = "configs/tiny_exhaustive.json";
  const std::vector<Row> rows =
      campaign("a", R"(--set campaign.sampling=stratified --set campaign.injections=100)");
  EXPECT_EQ(rows.at(0).count("corrected_reads"), 0U);
  EXPECT_FALSE(nlohmann::json::parse(file("a", "summary.json")).contains("code_word_reads"));
}

}  // namespace
}  // namespace attnguard
