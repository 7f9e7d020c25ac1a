// ROC curves of a few rows written by hand, on the toy hardware of scripted_campaign.h.
#include "src/calibration/roc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/config/user_error.h"
#include "tests/support/scripted_campaign.h"

namespace attnguard {
namespace {

using ::testing::HasSubstr;

constexpr const char* kHeader =
    "injection,stratum,fault_class,site_class,domain,effect,a.verdict,a.output.ratio_max,"
    "a.output.nonfinite,b.verdict,b.score.ratio_max,b.score.nonfinite,b.output.ratio_max,"
    "b.output.nonfinite\r\n";

class RocOfARow : public ::testing::Test {
 protected:
  RocOfARow() {
    const auto add = [&](std::size_t checker, const char* name, double factor,
                         const std::vector<double>& largest) {
      CleanComparison& comparison = clean_.comparisons.emplace_back();
      comparison.checker = checker;
      comparison.name = name;
      comparison.factor = factor;
      comparison.largest = largest;
      for (const double ratio : largest) comparison.checks[0].add(ratio);
    };
    clean_.units = 4;
    add(0, "output", 1e-5, {1e-6, 2e-6, 3e-6, 4e-6});
    add(1, "score", 2e-5, {2e-6, 2e-6, 2e-6, 8e-6});  // over 2e-5: 0.1, 0.1, 0.1, 0.4
    add(1, "output", 1e-5, {5e-6, 0, 0, 1e-6});       // 0.5, 0, 0, 0.1
  }

  static CampaignConfig stratified() {
    CampaignConfig config;
    config.injections = 100;
    return config;
  }
  /// A row of a dangerous fault in a stratum of the datapath: acc or word.
  static std::string row(const std::string& site, const std::string& a, const std::string& b) {
    const bool acc = site == "acc";
    return std::string("0,") +
           (acc ? "array.pe[*][*].acc/exponent,transient,array.pe[*][*].acc"
                : "k_buffer.word[*]/exponent,transient,k_buffer.word[*]") +
           ",function,sdc," + a + "," + b + "\r\n";
  }
  Roc roc(const std::string& rows, const std::vector<bool>& ignores = {false, false}) {
    return make_roc(files_.write("injections.csv", kHeader + rows), campaign_.context(),
                    campaign_.config, ignores, clean_);
  }
  std::string complaint(const std::string& rows) {
    try {
      roc(rows);
    } catch (const UserError& error) {
      return error.what();
    }
    return "accepted";
  }
  double weight(const std::string& stratum) const {
    for (const PlanStratum& s : campaign_.plan.strata())
      if (s.name == stratum) return s.weight;
    throw std::out_of_range(stratum);
  }
  const RocPoint& at(const Roc& roc, std::size_t curve, const std::string& total, double factor) {
    for (const RocPoint& point : roc.points)
      if (point.curve == curve && point.site_class == total && point.factor == factor) return point;
    throw std::out_of_range(total);
  }

  ScriptedCampaign campaign_{stratified()};
  FaultFree clean_;
  ScratchFolder files_;
};

TEST_F(RocOfARow, PointsAreWhatEveryThresholdWouldDo) {
  const Roc result = roc(row("acc", "detected,3e-5,0", "undetected,1e-5,0,5e-6,0") +
                         row("acc", "undetected,5e-6,0", "detected,2.4e-5,0,0,0") +
                         row("word", "undetected,,0", "detected,0,0,2e-5,0") +
                         row("word", "detected,1e-6,1", "undetected,0,0,0,0"));
  // a, b, b.score, b.output.
  ASSERT_EQ(result.curves.size(), 4U);
  EXPECT_EQ(result.curves[0].comparison, "any");
  EXPECT_EQ(result.curves[2].comparison, "score");
  const double acc = weight("array.pe[*][*].acc/exponent"),
               word = weight("k_buffer.word[*]/exponent");

  // a as configured: 3e-5 and the one that is not finite.
  const RocPoint& own = at(result, 0, "total", 1);
  EXPECT_EQ(own.detected, 2U);
  EXPECT_EQ(own.undetected, 2U);
  EXPECT_DOUBLE_EQ(*own.estimate.share, (acc + word) / (2 * acc + 2 * word));
  const Interval expected = fay_feuer({{acc, 1, 1}, {word, 1, 1}}, 0.95);
  EXPECT_EQ(own.estimate.interval->low, expected.low);
  EXPECT_EQ(own.estimate.interval->high, expected.high);
  EXPECT_EQ(own.check_alarms, 0U);
  EXPECT_EQ(own.checks, 4U);
  // At half the threshold 5e-6 is just not above it; at 0.3 it is, and so is one clean inference.
  EXPECT_EQ(at(result, 0, "total_logic", 0.5).detected, 1U);
  EXPECT_EQ(at(result, 0, "total_logic", 0.3).detected, 2U);
  EXPECT_EQ(at(result, 0, "total_logic", 0.3).unit_alarms, 1U);
  EXPECT_EQ(at(result, 0, "total_logic", 0.1).unit_alarms, 3U);
  EXPECT_EQ(at(result, 0, "total_logic", 3).detected, 0U);
  EXPECT_EQ(at(result, 0, "total_sram", 1).detected, 1U) << "not finite alarms for ever";
  EXPECT_EQ(at(result, 0, "total_sram", 0).detected, 1U) << "no check saw it";

  // b by a common factor: scores 0.5, 1.2, 2, 0.
  EXPECT_EQ(at(result, 1, "total", 1).detected, 2U);
  EXPECT_EQ(at(result, 1, "total", 1.2).detected, 1U);
  EXPECT_EQ(at(result, 1, "total", 2).detected, 0U);
  EXPECT_EQ(at(result, 1, "total", 0.4).detected, 3U);
  EXPECT_EQ(at(result, 1, "total", 0.4).unit_alarms, 1U);
  EXPECT_EQ(at(result, 1, "total", 0.1).unit_alarms, 2U) << "0.5 in the first, 0.4 in the last";
  EXPECT_EQ(at(result, 1, "total", 0.1).check_alarms, 2U);
  EXPECT_EQ(at(result, 1, "total", 0).check_alarms, 6U);
  EXPECT_EQ(at(result, 1, "total", 0).checks, 8U);
  // Its output alone: 0.5, 0, 2, 0.
  EXPECT_EQ(at(result, 3, "total", 1).detected, 1U);
  const std::string csv = roc_csv(result, campaign_.context(), clean_, 0.95);
  EXPECT_THAT(csv, HasSubstr("a,any,transient,total,1,1e-05,2,2,"));
  EXPECT_THAT(csv, HasSubstr("b,any,transient,total,1,,2,2,"));
  EXPECT_THAT(csv, HasSubstr(",inference,4,"));
}

TEST_F(RocOfARow, AnIgnoredCheckThatIsNotFiniteNeverAlarms) {
  const std::string rows = row("acc", "undetected,5e-6,1", "undetected,0,0,0,0");
  EXPECT_EQ(at(roc(rows, {true, false}), 0, "total", 0.3).detected, 1U);
  EXPECT_EQ(at(roc(rows, {true, false}), 0, "total", 1).detected, 0U);
}

TEST_F(RocOfARow, ARunThatEndedBeforeItsAlarmIsUndetectedEverywhere) {
  const Roc result = roc(row("acc", "undetected,3e-5,0", "undetected,0,0,0,0"));
  EXPECT_EQ(result.ended_early, (std::vector<std::uint64_t>{1, 0}));
  EXPECT_EQ(at(result, 0, "total", 0).detected, 0U);
}

TEST_F(RocOfARow, InfiniteRatiosAlarmAtEveryThreshold) {
  const Roc result = roc(row("acc", "detected,inf,0", "undetected,0,0,0,0"));
  for (const RocPoint& point : result.points)
    if (point.curve == 0) {
      EXPECT_EQ(point.detected, 1U) << point.factor;
    }
}

TEST_F(RocOfARow, ACheckerWithoutAFactorHasNoCurve) {
  clean_.comparisons[1].factor.reset();
  const Roc result = roc(row("acc", "detected,3e-5,0", "undetected,1e-5,0,5e-6,0"));
  EXPECT_EQ(result.left_out, std::vector<std::size_t>{1});
  EXPECT_EQ(result.curves.size(), 1U);
}

TEST_F(RocOfARow, RowsThatContradictThemselvesOrTheCampaignAreRefused) {
  EXPECT_THAT(complaint(row("acc", "detected,1e-6,0", "undetected,0,0,0,0")),
              HasSubstr("injections.csv:2: a.verdict: \"detected\"; undetected, as no ratio_max is "
                        "above its threshold"));
  EXPECT_THAT(complaint(row("acc", "detected,-3,0", "undetected,0,0,0,0")),
              HasSubstr("injections.csv:2: a.output.ratio_max: \"-3\"; a number of at least 0"));
  EXPECT_THAT(complaint("0,nowhere,transient,array.pe[*][*].acc,function,sdc,,,,,,,,\r\n"),
              HasSubstr("stratum: \"nowhere\"; a stratum of the campaign"));
  EXPECT_THAT(complaint("0,x\r\n"), HasSubstr("injections.csv:2: 2 fields; 14"));
}

}  // namespace
}  // namespace attnguard
