// Fault-free residuals, and the thresholds made from a sample small enough to work out by hand.
#include "src/calibration/thresholds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "models/checksum_unit/any_of.h"
#include "models/checksum_unit/attnchecker.h"
#include "models/checksum_unit/efta.h"
#include "models/checksum_unit/range_check.h"
#include "src/campaign/figures/statistics.h"
#include "src/config/user_error.h"
#include "tests/support/scratch_folder.h"

namespace attnguard {
namespace {

using ::testing::HasSubstr;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Rounding, GoesUpToTheNextNumberOfSoManyDigits) {
  EXPECT_EQ(rounded_up(0.1234, 3), 0.124);
  EXPECT_EQ(rounded_up(0.1231, 3), 0.124);
  EXPECT_EQ(rounded_up(0.5, 3), 0.5);
  EXPECT_EQ(rounded_up(0.123, 3), 0.123);
  EXPECT_EQ(rounded_up(9.991, 3), 10);
  EXPECT_EQ(rounded_up(0.09991, 2), 0.1);
  EXPECT_EQ(rounded_up(2.99e-7, 2), 3e-7);
  EXPECT_EQ(rounded_up(0x1p-17, 3), 7.63e-6);
  EXPECT_EQ(rounded_up(0, 3), 0);
  EXPECT_EQ(rounded_up(kInfinity, 3), kInfinity);
  EXPECT_EQ(rounded_up(std::numeric_limits<double>::max(), 3), kInfinity);
  EXPECT_GT(rounded_up(std::numeric_limits<double>::denorm_min(), 3), 0);
  EXPECT_EQ(rounded(0.1236, 3), 0.124);
  EXPECT_EQ(rounded(0.1234, 3), 0.123);
}

TEST(CleanRatio, IsWhatAThresholdMustExceed) {
  Check check;
  check.residual = 3;
  check.scale = 4;
  EXPECT_EQ(clean_ratio(check), 0.75);
  check.scale = 0;
  EXPECT_EQ(clean_ratio(check), kInfinity);
  check.residual = 0;
  EXPECT_EQ(clean_ratio(check), 0);
  check.scale = -1;
  EXPECT_EQ(clean_ratio(check), kInfinity);
  check.nonfinite = check.alarm = true;
  EXPECT_EQ(clean_ratio(check), kInfinity);
  check.alarm = false;  // ignored
  EXPECT_EQ(clean_ratio(check), 0);
}

TEST(RatioCounts, ThresholdIsTheOrderStatistic) {
  RatioCounts counts;
  for (const double ratio : {0.5, 0.1, 0.9, 0.2, 0.2, 0.7, 0.0}) counts.add(ratio);
  EXPECT_EQ(counts.total(), 7U);
  EXPECT_EQ(counts.threshold(0), 0.9);
  EXPECT_EQ(counts.threshold(1), 0.7);
  EXPECT_EQ(counts.threshold(2), 0.5);
  EXPECT_EQ(counts.threshold(3), 0.2);
  EXPECT_EQ(counts.threshold(4), 0.2) << "a tie";
  EXPECT_EQ(counts.threshold(5), 0.1);
  EXPECT_EQ(counts.threshold(6), 0);
  EXPECT_EQ(counts.above(0.9), 0U);
  EXPECT_EQ(counts.above(0.2), 3U);
  EXPECT_EQ(counts.above(0), 6U);
  counts.add(kInfinity);
  EXPECT_EQ(counts.threshold(0), kInfinity);
  EXPECT_EQ(counts.threshold(1), 0.9);
}

CleanComparison comparison(std::size_t checker, const std::string& name,
                           const std::vector<double>& calibration,
                           const std::vector<double>& held_out, std::optional<double> factor) {
  CleanComparison made;
  made.checker = checker;
  made.name = name;
  made.factor = factor;
  for (const double ratio : calibration) made.checks[0].add(ratio);
  for (const double ratio : held_out) made.checks[1].add(ratio);
  made.largest = calibration;
  made.largest.insert(made.largest.end(), held_out.begin(), held_out.end());
  return made;
}

// Four inferences of one check each: two calibrate, two judge.
class FourInferences : public ::testing::Test {
 protected:
  FourInferences() { sample_.units = 4; }
  void rates(double per_check, double per_inference, double confidence) {
    config_.calibration.rate_per_check = per_check;
    config_.calibration.rate_per_inference = per_inference;
    config_.calibration.confidence = confidence;
  }
  const ThresholdRow& row(const Thresholds& thresholds, const std::string& name,
                          const std::string& per) {
    for (const ThresholdRow& row : thresholds.rows())
      if (row.comparison == name && row.per == per) return row;
    throw std::out_of_range(name);
  }

  Config config_;
  FaultFree sample_;
};

// Of two values the larger bounds a rate of 1 − sqrt(0.5) = 0.29 at 50 %, the smaller one of 0.71.
TEST_F(FourInferences, ThresholdsAreMadeFromOneHalfAndJudgedByTheOther) {
  config_.checkers = {{"a", FlashAbftConfig{}}};
  sample_.comparisons = {comparison(0, "output", {0.2, 0.6}, {0.5, 0.7}, 0.9)};
  rates(0.75, 0.3, 0.5);
  const Thresholds thresholds(sample_, config_);
  const ThresholdRow& check = row(thresholds, "output", "check");
  EXPECT_EQ(check.threshold, 0.2);
  EXPECT_EQ(check.limit.exceeding, 1U);
  EXPECT_NEAR(check.limit.rate_ci_high, 0.7071, 1e-4);
  EXPECT_EQ(check.held_out, 2U);
  EXPECT_EQ(check.held_out_alarms, 2U);
  EXPECT_EQ(check.configured, 0.9);
  const ThresholdRow& inference = row(thresholds, "output", "inference");
  EXPECT_EQ(inference.threshold, 0.6);
  EXPECT_EQ(inference.limit.exceeding, 0U);
  EXPECT_NEAR(inference.limit.rate_ci_high, 0.2929, 1e-4);
  EXPECT_EQ(inference.held_out_alarms, 1U);
  EXPECT_TRUE(thresholds.supported());
  // Both rates hold with the higher one; with it one of two held-out checks alarms.
  EXPECT_EQ(row(thresholds, "any", "check").held_out_alarms, 1U);
  EXPECT_EQ(thresholds.fragment().dump(), R"({"checkers":{"a":{"threshold":{"value":0.6}}}})");
  const std::string csv = thresholds_csv(thresholds.rows(), config_);
  EXPECT_THAT(csv, HasSubstr("a,output,check,0.75,0.5,2,1,1,1,0.70710678118654"));
  EXPECT_THAT(csv, HasSubstr(",0.2,0.9,0,2,2,1,1\r\n"));
}

TEST_F(FourInferences, ASampleTooSmallSaysWhichWouldDo) {
  config_.checkers = {{"a", FlashAbftConfig{}}};
  sample_.comparisons = {comparison(0, "output", {0.2, 0.6}, {0.5, 0.7}, 0.9)};
  rates(0.01, 1, 0.95);
  const Thresholds thresholds(sample_, config_);
  const ThresholdRow& check = row(thresholds, "output", "check");
  EXPECT_FALSE(check.limit.supported);
  EXPECT_EQ(check.needed, 299U);
  EXPECT_EQ(check.threshold, 0.6) << "the largest there is";
  EXPECT_NEAR(check.limit.rate_ci_high, 1 - std::sqrt(0.05), 1e-12);
  EXPECT_FALSE(thresholds.supported());
  EXPECT_TRUE(row(thresholds, "output", "inference").limit.supported);
  EXPECT_EQ(row(thresholds, "output", "inference").threshold, 0.2) << "any rate";
}

TEST_F(FourInferences, ComparisonsOfACheckerShareTheRateOfAnInference) {
  FlashAbftConfig flash;
  flash.score_check = true;
  flash.threshold.rule = ThresholdRule::bound;
  flash.score_threshold.rule = ThresholdRule::absolute;
  config_.checkers = {{"a", flash}};
  sample_.comparisons = {comparison(0, "output", {0.2, 0.6}, {0.7, 0.1}, 0.9),
                         comparison(0, "score", {0.3, 0.1}, {0.1, 0.4}, 0.9)};
  rates(1, 0.6, 0.5);
  const Thresholds thresholds(sample_, config_);
  const ThresholdRow& output = row(thresholds, "output", "inference");
  EXPECT_DOUBLE_EQ(output.rate, 0.3);
  EXPECT_DOUBLE_EQ(output.confidence, 0.75);
  EXPECT_NEAR(output.limit.rate_ci_high, 0.5, 1e-12) << "1 - sqrt(1 - 0.75)";
  EXPECT_FALSE(output.limit.supported);
  EXPECT_EQ(row(thresholds, "any", "inference").held_out_alarms, 2U) << "one by each comparison";
  EXPECT_EQ(row(thresholds, "any", "check").held_out, 4U);
  EXPECT_EQ(thresholds.fragment().dump(),
            R"({"checkers":{"a":{"threshold":{"rule":"relative","value":0.6},)"
            R"("score_threshold":{"value":0.3}}}})");
}

// 1 asks for nothing: neither the heads of an inference nor a checker's comparisons share it.
TEST_F(FourInferences, ARateOfOneIsNotDivided) {
  FlashAbftConfig flash;
  flash.score_check = true;
  config_.checkers = {{"a", flash}};
  sample_.comparisons = {comparison(0, "output", {0.2, 0.6}, {0.7, 0.1}, 0.9),
                         comparison(0, "score", {0.3, 0.1}, {0.1, 0.4}, 0.9)};
  for (const char* unit : {"inference", "kv_head"}) {
    sample_.unit = unit;
    rates(1, 1, 0.99);
    const Thresholds thresholds(sample_, config_);
    for (const char* name : {"output", "score", "any"})
      EXPECT_EQ(row(thresholds, name, unit).rate, 1) << name;
    EXPECT_EQ(row(thresholds, "output", unit).threshold, 0.2) << "the smallest of the half";
    EXPECT_EQ(row(thresholds, "score", unit).threshold, 0.1);
    EXPECT_TRUE(thresholds.supported());
    rates(1, 0.8, 0.99);
    const Thresholds shared(sample_, config_);
    const double heads = sample_.unit == "inference" ? 1 : 4;
    EXPECT_DOUBLE_EQ(row(shared, "output", unit).rate, 0.8 / heads / 2);
    EXPECT_DOUBLE_EQ(row(shared, "any", unit).rate, 0.8 / heads);
  }
}

TEST_F(FourInferences, KeysAndFixedThresholdsAreRespected) {
  EftaConfig efta;
  config_.checkers = {{"columns", AttnCheckerConfig{}},
                      {"range", RangeCheckConfig{}},
                      {"efta", efta},
                      {"both", AnyOfConfig{{"columns", "range"}}}};
  sample_.comparisons = {comparison(0, "score", {0.2, 0.3}, {0.4, 0.1}, 1),
                         comparison(0, "pv", {0.5, 0.4}, {0.6, 0}, 1),
                         comparison(1, "alpha", {0, 0}, {0, 0}, 0),
                         comparison(2, "exponent", {0, 0}, {0, 0}, 2),
                         comparison(2, "output", {0.1, kInfinity}, {0, 0}, 0x1p-17)};
  rates(1, 0.75, 0.5);
  const Thresholds thresholds(sample_, config_);
  EXPECT_EQ(thresholds.fragment().dump(),
            R"({"checkers":{"columns":{"threshold":0.5},"efta":{"exponent_tolerance":1e-300,)"
            R"("threshold":{"value":0.1}}}})")
      << "one key for both products; 0 would be the default; the rest cannot be set";
  for (const ThresholdRow& row : thresholds.rows())
    if (row.comparison == "any" && row.per == "check") {
      const bool sees_columns = row.checker == 0 || row.checker == 3;
      EXPECT_EQ(row.held_out_alarms, sees_columns ? 1U : 0U) << "0.6 is above the shared threshold";
    }
}

TEST_F(FourInferences, UnknownFactorsAndInfiniteResidualsHaveNoProposal) {
  config_.checkers = {{"a", FlashAbftConfig{}}, {"b", FlashAbftConfig{}}};
  sample_.comparisons = {comparison(0, "output", {0.2, 0.6}, {0.5, 0.7}, std::nullopt),
                         comparison(1, "output", {kInfinity, 0.1}, {0.5, 0.7}, 1)};
  rates(0.3, 0.3, 0.5);
  const Thresholds thresholds(sample_, config_);
  EXPECT_TRUE(thresholds.settings().empty());
  for (const ThresholdRow& row : thresholds.rows()) EXPECT_FALSE(row.threshold);
  EXPECT_FALSE(thresholds.supported()) << "b asks for what no sample gives";
}

TEST_F(FourInferences, ComesBackFromItsFiles) {
  config_.checkers = {{"a", FlashAbftConfig{}}, {"b", AttnCheckerConfig{}}};
  sample_.comparisons = {comparison(0, "output", {0.2, 0.6}, {0.5, kInfinity}, 0.9),
                         comparison(1, "score", {0, 1e-9}, {0, 0}, 1)};
  const ScratchFolder files;
  const std::vector<std::string> names{"a", "b"};
  files.write("maxima.csv", maxima_csv(sample_, names));
  files.write("distribution.csv", distribution_csv(sample_, names));
  const FaultFree read = read_fault_free(files.path(), sample_, names);
  EXPECT_EQ(read.unit, "inference");
  EXPECT_EQ(read.units, 4U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read.comparisons[i].largest, sample_.comparisons[i].largest);
    EXPECT_EQ(read.comparisons[i].checks[0].counts(), sample_.comparisons[i].checks[0].counts());
    EXPECT_EQ(read.comparisons[i].checks[1].counts(), sample_.comparisons[i].checks[1].counts());
  }
  const auto complaint = [&] {
    try {
      read_fault_free(files.path(), sample_, names);
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  files.write("distribution.csv",
              "checker,comparison,half,ratio,checks\r\na,output,held_out,x,1\r\n");
  EXPECT_THAT(complaint(), HasSubstr("distribution.csv:2: ratio: \"x\"; a number"));
  files.write("distribution.csv",
              "checker,comparison,half,ratio,checks\r\na,output,held_out,1,1\r\n");
  EXPECT_THAT(complaint(), HasSubstr("no check of b.score"));
  files.write("maxima.csv", "inference,half,a.output.ratio_max\r\n0,calibration,1\r\n");
  EXPECT_THAT(complaint(), HasSubstr("maxima.csv:1: b.score.ratio_max: missing"));
}

}  // namespace
}  // namespace attnguard
