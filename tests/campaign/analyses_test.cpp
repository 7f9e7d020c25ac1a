// paired.csv, error_size.csv, latency.csv and fmeda.csv of a campaign of twelve injections, worked
// out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "src/campaign/figures/detection_budget.h"
#include "src/campaign/figures/error_size.h"
#include "src/campaign/figures/fmeda.h"
#include "src/campaign/figures/latency_curve.h"
#include "src/campaign/figures/paired.h"
#include "src/files/csv.h"
#include "tests/support/scripted_campaign.h"

namespace attnguard {
namespace {

using ::testing::ElementsAre;

CampaignConfig twelve_draws() {
  CampaignConfig config;
  config.injections = 12;
  config.sites = {"array.pe[*][*].acc", "k_buffer.word[*]"};
  config.safety = SafetyConfig{1e6, 2e6, "5 cycles"};
  return config;
}

/// Six strata with two draws each. The accumulators are live in 60 cycles together, the words in
/// 62: a draw weighs 30, 240 and 690 (sign, exponent and mantissa of float32) or 31, 248 and 217
/// (of bfloat16).
class Analyses : public ::testing::Test {
 protected:
  struct Outcome {
    double error = 0;
    std::optional<std::uint64_t> a{}, b{};  ///< latency of the alarm
    bool crash = false, nonfinite = false;
  };

  Analyses() {
    const std::vector<Outcome> outcomes{{0.5, 5, {}},      // 0: accumulator, sign
                                        {2, 7, 3},         // 1: accumulator, exponent
                                        {0.005, 2, {}},    // 2: accumulator, mantissa; tolerable
                                        {0.5, {}, {}},     // 3: word, sign
                                        {0, {}, 9, true},  // 4: word, exponent
                                        {},                // 5: word, mantissa
                                        {0.02, {}, 4},     // 6: accumulator, sign
                                        {0, 1, {}, false, true}};  // 7: accumulator, exponent
    for (std::uint64_t i = 0; i < campaign_.plan.size(); ++i) {
      const Record record = this->record(i, i < outcomes.size() ? outcomes[i] : Outcome{});
      tally_.add(record);
      pairs_.add(record);
      sizes_.add(record);
    }
  }

  Record record(std::uint64_t number, const Outcome& outcome) const {
    Record record{campaign_.plan.injection(number), {}};
    Measurement& m = record.measurement;
    m.cycles = 60;
    m.fault.activated = true;
    m.completion = outcome.crash ? Completion::crash : Completion::finished;
    m.difference.changed_values = outcome.error > 0 || outcome.nonfinite ? 1 : 0;
    m.difference.max_row_error = outcome.error;
    m.difference.nonfinite = outcome.nonfinite;
    m.checkers.resize(2);
    if (outcome.a) m.checkers[0].alarm_cycle = record.injection.first_cycle + *outcome.a;
    if (outcome.b) m.checkers[1].alarm_cycle = record.injection.first_cycle + *outcome.b;
    return record;
  }

  /// Fields `first` to `last` of the lines that begin with `start`, joined by commas.
  static std::vector<std::string> fields(const std::string& csv, const std::string& start,
                                         std::size_t first, std::size_t last) {
    std::vector<std::string> found;
    std::istringstream lines(csv);
    for (std::string line; std::getline(lines, line);) {
      if (line.rfind(start + ",", 0) != 0) continue;
      line.pop_back();
      std::istringstream stream(line);
      std::string field, text;
      for (std::size_t i = 0; std::getline(stream, field, ','); ++i)
        if (i >= first && i <= last) text += (i > first ? "," : "") + field;
      found.push_back(text);
    }
    return found;
  }
  static std::string text(double value) { return CsvLine().add(value).fields(); }

  ScriptedCampaign campaign_{twelve_draws()};
  CampaignContext context_ = campaign_.context();
  CoverageTally tally_{context_, campaign_.config};
  PairTally pairs_{context_, campaign_.config};
  ErrorSizeTally sizes_{context_, campaign_.config};
};

TEST_F(Analyses, PairEveryTwoCheckersOnTheSameFaults) {
  const std::string csv = pairs_.csv();
  EXPECT_EQ(csv.substr(0, csv.find('\r')),
            "checker_a,checker_b,stratum,fault_class,tolerance,dangerous,both,only_a,only_b,"
            "neither,difference,standard_error,ci_low,ci_high,confidence,mcnemar_p");
  EXPECT_THAT(fields(csv, "a,b,total_logic", 3, 10),
              ElementsAre("transient,0.01,4,1,2,1,0," + text(240.0 / 540)));
  EXPECT_THAT(fields(csv, "a,b,total_sram", 3, 10),
              ElementsAre("transient,0.01,2,0,0,1,1," + text(-248.0 / 279)));
  EXPECT_THAT(fields(csv, "a,b,total", 3, 10),
              ElementsAre("transient,0.01,6,1,2,2,1," + text(-8.0 / 819)));
  EXPECT_THAT(fields(csv, "a,b,total", 15, 15), ElementsAre("1"));
  EXPECT_THAT(fields(csv, "a,b,array.pe[*][*].acc/sign", 5, 10), ElementsAre("2,0,1,1,0,0"));
  EXPECT_THAT(fields(csv, "a,b,k_buffer.word[*]/mantissa", 5, 14), ElementsAre("0,0,0,0,0,,,,,"));
}

TEST_F(Analyses, TellCoverageByTheSizeOfTheError) {
  const std::string csv = sizes_.csv();
  EXPECT_EQ(csv.substr(0, csv.find('\r')),
            "checker,site_class,fault_class,outcome,error_above,error_to,faults,detected,"
            "undetected,coverage,ci_low,ci_high,confidence,ci_method");
  EXPECT_THAT(fields(csv, "a,total,transient", 3, 9),
              ElementsAre("output_error,0,1e-06,0,0,0,", "output_error,1e-06,1e-05,0,0,0,",
                          "output_error,1e-05,0.0001,0,0,0,", "output_error,0.0001,0.001,0,0,0,",
                          "output_error,0.001,0.01,1,1,0,1", "output_error,0.01,0.1,1,0,1,0",
                          "output_error,0.1,1,2,1,1," + text(30.0 / 61),
                          "output_error,1,10,1,1,0,1", "output_error,10,100,0,0,0,",
                          "output_error,100,1000,0,0,0,", "output_error,1000,inf,0,0,0,",
                          "nonfinite,,,1,1,0,1", "hang,,,0,0,0,", "crash,,,1,0,1,0"));
}

TEST_F(Analyses, CountAnErrorThatEqualsTheToleranceBelowIt) {
  ErrorSizeTally sizes(context_, campaign_.config);
  sizes.add(record(0, {0.01}));
  EXPECT_EQ(fields(sizes.csv(), "a,total,transient", 3, 6)[4], "output_error,0.001,0.01,1");
}

TEST(ErrorBins, SplitAtTheTolerance) {
  std::vector<double> edges;
  for (const ErrorBin& bin : error_bins(0.03))
    if (bin.to) edges.push_back(*bin.to);
  EXPECT_EQ(edges[4], 0.01);
  EXPECT_EQ(edges[5], 0.03);
  EXPECT_EQ(edges[6], 0.1);
  EXPECT_EQ(error_bins(0).size(), error_bins(0.01).size());
}

TEST_F(Analyses, TellHowSoonFaultsAreDetected) {
  const std::string csv = latency_csv(context_, tally_, campaign_.config);
  EXPECT_EQ(csv.substr(0, csv.find('\r')),
            "checker,site_class,fault_class,tolerance,latency_cycles,dangerous,detected,incidence,"
            "ci_low,ci_high,confidence,ci_method");
  EXPECT_THAT(fields(csv, "a,total", 4, 7),
              ElementsAre("0,6,0,0", "1,6,1," + text(240.0 / 819), "2,6,1," + text(240.0 / 819),
                          "3,6,1," + text(240.0 / 819), "4,6,1," + text(240.0 / 819),
                          "6,6,2," + text(270.0 / 819), "7,6,3," + text(510.0 / 819)));
  EXPECT_THAT(fields(csv, "a,total_sram", 4, 7), ElementsAre("0,2,0,0")) << "never";
  EXPECT_DOUBLE_EQ(*tally_.total(0).coverage, 510.0 / 819) << "the plateau";
}

TEST(CurveCycles, HaveTwoStepsPerOctave) {
  EXPECT_THAT(curve_cycles(0), ElementsAre(0));
  EXPECT_THAT(curve_cycles(1), ElementsAre(0, 1));
  EXPECT_THAT(curve_cycles(12), ElementsAre(0, 1, 2, 3, 4, 6, 8, 12));
  EXPECT_THAT(curve_cycles(13), ElementsAre(0, 1, 2, 3, 4, 6, 8, 12, 13));
}

// 192 accumulator bits at 1 FIT and 128 bits of words at 2, over 60 cycles. Of the accumulators'
// 11520 bit-cycles draws of weight 540 are dangerous, of the words' 7680 such of 279.
TEST_F(Analyses, MakeFailureModesOfSiteClasses) {
  const auto modes = failure_modes(context_, tally_, campaign_.config, 500);
  ASSERT_EQ(modes.size(), 10U);  // of each checker two site classes and three totals
  const FailureMode &acc = modes[0], &word = modes[1], &total = modes[4];
  EXPECT_EQ(acc.name, "array.pe[*][*].acc");
  EXPECT_EQ(acc.bits, 192U);
  EXPECT_DOUBLE_EQ(*acc.raw_fit, 192);
  EXPECT_DOUBLE_EQ(*acc.dangerous_share, 540.0 / 11520);
  EXPECT_DOUBLE_EQ(*acc.dangerous_fit(), 9);
  EXPECT_DOUBLE_EQ(*acc.coverage, 510.0 / 540);
  EXPECT_DOUBLE_EQ(*acc.in_budget, 270.0 / 540) << "7 cycles are too late";
  EXPECT_GT(*acc.in_budget_low, 0);
  EXPECT_LT(*acc.in_budget_low, *acc.in_budget);
  EXPECT_LT(*acc.coverage_low, *acc.coverage);
  EXPECT_DOUBLE_EQ(*acc.residual_fit(), 9 * (1 - *acc.in_budget_low));
  EXPECT_EQ(word.in_budget_low, 0);
  EXPECT_DOUBLE_EQ(*word.raw_fit, 256);
  EXPECT_DOUBLE_EQ(*word.residual_fit(), 9.3);
  EXPECT_DOUBLE_EQ(*total.raw_fit, 448);
  EXPECT_DOUBLE_EQ(*total.dangerous_fit(), 18.3);
  EXPECT_DOUBLE_EQ(*total.coverage, 510.0 / (540 + 2 * 279));
  const std::string csv = fmeda_csv(modes, 0.95);
  EXPECT_EQ(csv.substr(0, csv.find('\r')),
            "failure_mode,safety_mechanism,fault_class,bits,raw_failure_rate_fit,dangerous_share,"
            "dangerous_failure_rate_fit,diagnostic_coverage,diagnostic_coverage_low,"
            "detected_within_budget,detected_within_budget_low,residual_failure_rate_fit,"
            "safe_failure_fraction,confidence");
  EXPECT_THAT(
      fields(csv, "k_buffer.word[*],a", 3, 13),
      ElementsAre("128,256," + text(279.0 / 7680) + "," + text(256 * (279.0 / 7680)) + ",0,0,0,0," +
                  text(256 * (279.0 / 7680)) + "," + text(1 - 279.0 / 7680) + ",0.95"));
}

TEST_F(Analyses, LeaveOutRatesThatAreNotGiven) {
  CampaignConfig config = campaign_.config;
  config.safety = SafetyConfig{};
  const CoverageTally& tally = tally_;
  for (const FailureMode& mode : failure_modes(context_, tally, config, 500)) {
    EXPECT_FALSE(mode.raw_fit || mode.residual_fit() || mode.in_budget);
    EXPECT_TRUE(mode.residual_share().has_value());
  }
  EXPECT_DOUBLE_EQ(*failure_modes(context_, tally, config, 500)[4].coverage, 510.0 / 819);
  config.safety->logic_fit_per_mbit = 1;
  EXPECT_FALSE(failure_modes(context_, tally, config, 500)[4].raw_fit) << "not that of SRAM";
  EXPECT_TRUE(failure_modes(context_, tally, config, 500)[2].raw_fit);
}

TEST_F(Analyses, DoNotDependOnTheOrderOfTheRecords) {
  PairTally pairs(context_, campaign_.config);
  ErrorSizeTally sizes(context_, campaign_.config);
  std::vector<Record> records;
  for (std::uint64_t i = 0; i < 12; ++i)
    records.push_back(
        record(i, {i % 2 == 0 ? 0.5 : 0.001, i % 3 == 0 ? std::optional(i) : std::nullopt, {}}));
  PairTally other_pairs = pairs;
  ErrorSizeTally other_sizes = sizes;
  for (std::size_t i = 0; i < records.size(); ++i) {
    pairs.add(records[i]);
    sizes.add(records[i]);
    other_pairs.add(records[records.size() - 1 - i]);
    other_sizes.add(records[records.size() - 1 - i]);
  }
  EXPECT_EQ(pairs.csv(), other_pairs.csv());
  EXPECT_EQ(sizes.csv(), other_sizes.csv());
}

TEST(DetectionBudget, NeedsAUnit) {
  EXPECT_EQ(budget_cycles("5000 cycles", 500), 5000U);
  EXPECT_EQ(budget_cycles("10 us", 500), 5000U);
  EXPECT_EQ(budget_cycles("10us", 500), 5000U);
  EXPECT_EQ(budget_cycles("7 ns", 1000), 7U);
  EXPECT_EQ(budget_cycles("3 ns", 500), 1U) << "whole cycles within it";
  EXPECT_EQ(budget_cycles("0.5 ms", 2), 1000U);
  EXPECT_EQ(budget_cycles("1 s", 1), 1000000U);
  EXPECT_EQ(budget_cycles("0 cycles", 1), 0U);
  for (const char* text : {"10", "", "us", "10 minutes", "-1 us", "nan us", "inf us", "10 us us",
                           "1e30 s", "10 US", "1,5 us"})
    EXPECT_EQ(budget_cycles(text, 500), std::nullopt) << text;
}

}  // namespace
}  // namespace attnguard
