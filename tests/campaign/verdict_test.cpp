#include "src/campaign/injections/verdict.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "models/checksum_unit/threshold.h"
#include "tests/support/scripted_campaign.h"

namespace attnguard {
namespace {

constexpr OutputLayout kLayout{2, 4, Format::bfloat16};

Effect effect_of(const RunResult& run, std::uint64_t fault_cycle,
                 const OutputDifference& difference, double tolerance) {
  Measurement measurement;
  measurement.completion = run.completion;
  measurement.cycles = run.cycles;
  measurement.fault = run.fault;
  measurement.difference = difference;
  return judge_effect(measurement, fault_cycle, tolerance);
}

struct Runs {
  ScriptedCampaign campaign{CampaignConfig{}};
  RunResult golden = campaign.golden, run = campaign.golden;
};

TEST(CompareOutputs, FindsNothingInEqualOutputs) {
  const Runs r;
  const OutputDifference d = compare_outputs(r.golden, r.run, kLayout);
  EXPECT_EQ(d.changed_values, 0U);
  EXPECT_EQ(d.max_row_error, 0);
}

TEST(CompareOutputs, MeasuresErrorAgainstTheLargestGoldenValueOfTheRow) {
  Runs r;
  r.run.output[0] = 0x3fc0;  // 1 → 1.5 in a row whose largest value is 2
  r.run.output[2] = 0xbf00;  // −1 → −0.5
  const OutputDifference d = compare_outputs(r.golden, r.run, kLayout);
  EXPECT_EQ(d.changed_values, 2U);
  EXPECT_EQ(d.changed_rows, 1U);
  EXPECT_EQ(d.max_abs_error, 0.5);
  EXPECT_EQ(d.max_row_error, 0.25);
  EXPECT_FALSE(d.nonfinite);
}

TEST(CompareOutputs, IsAbsoluteForAZeroRow) {
  Runs r;
  r.run.output[5] = 0x3e80;  // 0 → 0.25
  const OutputDifference d = compare_outputs(r.golden, r.run, kLayout);
  EXPECT_EQ(d.max_row_error, 0.25);
}

TEST(CompareOutputs, MeasuresAgainstTheFiniteGoldenValuesOfTheRow) {
  Runs r;
  r.golden.output[1] = r.run.output[1] = 0x7f80;  // infinite in both
  r.run.output[0] = 0x3fc0;  // 1 → 1.5, in a row whose largest other value is 1
  const OutputDifference d = compare_outputs(r.golden, r.run, kLayout);
  EXPECT_EQ(d.max_abs_error, 0.5);
  EXPECT_EQ(d.max_row_error, 0.5);
  EXPECT_FALSE(d.nonfinite);
}

TEST(CompareOutputs, FlagsValuesThatBecameInfiniteOrNan) {
  for (const std::uint32_t bits : {0x7f80U, 0xff80U, 0x7fc0U}) {
    Runs r;
    r.run.output[1] = bits;
    const OutputDifference d = compare_outputs(r.golden, r.run, kLayout);
    EXPECT_TRUE(d.nonfinite);
    EXPECT_EQ(effect_of(r.run, 0, d, 1e30), Effect::sdc);
  }
}

TEST(JudgeEffect, SeparatesToleranceFromCorruptionAtTheTolerance) {
  Runs r;
  r.run.output[0] = 0x3fc0;  // error 0.25
  const OutputDifference d = compare_outputs(r.golden, r.run, kLayout);
  EXPECT_EQ(effect_of(r.run, 0, d, 0.25), Effect::tolerable);
  EXPECT_EQ(effect_of(r.run, 0, d, std::nextafter(0.25, 0.0)), Effect::sdc);
}

TEST(JudgeEffect, CallsAChangedSignOfZeroTolerableEvenAtToleranceZero) {
  Runs r;
  r.run.output[3] = 0x8000;
  EXPECT_EQ(effect_of(r.run, 0, compare_outputs(r.golden, r.run, kLayout), 0), Effect::tolerable);
}

TEST(JudgeEffect, TellsMaskedFromNotActivatedAndNotInjected) {
  Runs r;
  const OutputDifference same;
  r.run.fault.activated = true;
  EXPECT_EQ(effect_of(r.run, 10, same, 0.01), Effect::masked);
  r.run.fault.activated = false;
  EXPECT_EQ(effect_of(r.run, 10, same, 0.01), Effect::not_activated);
  EXPECT_EQ(effect_of(r.run, 59, same, 0.01), Effect::not_activated);
  EXPECT_EQ(effect_of(r.run, 60, same, 0.01), Effect::not_injected);
  r.run.completion = Completion::hang;
  EXPECT_EQ(effect_of(r.run, 10, same, 0.01), Effect::hang);
  r.run.completion = Completion::crash;
  EXPECT_EQ(effect_of(r.run, 10, same, 0.01), Effect::crash);
  r.run.completion = Completion::failed;
  EXPECT_EQ(effect_of(r.run, 10, same, 0.01), Effect::sim_error);
}

TEST(FirstBadCommit, IsWhenTheSliceOfTheWrongWordWasAccepted) {
  Runs r;
  EXPECT_EQ(first_bad_commit(r.golden, r.run, kLayout), kNever);
  r.run.output[7] ^= 1;  // row 1, slice 1: 50 + 1 × 4 + 1 × 1
  EXPECT_EQ(first_bad_commit(r.golden, r.run, kLayout), 55U);
  r.run.output[4] ^= 1;  // row 1, slice 0
  EXPECT_EQ(first_bad_commit(r.golden, r.run, kLayout), 54U);
  r.run.output[1] ^= 1;  // row 0, slice 0
  EXPECT_EQ(first_bad_commit(r.golden, r.run, kLayout), 50U);
}

TEST(FirstBadCommit, IgnoresWordsThatWereNeverStored) {
  Runs r;
  r.run.output[7] ^= 1;
  r.run.commits[0].rows = 1;
  EXPECT_EQ(first_bad_commit(r.golden, r.run, kLayout), kNever);
}

TEST(FirstBadCommit, OfAWordWrittenTwiceTheLastWriteCounts) {
  Runs r;
  r.run.output[7] ^= 1;
  r.run.commits.push_back(r.run.commits.front());
  r.run.commits.back().first_cycle += 1000;
  EXPECT_EQ(first_bad_commit(r.golden, r.run, kLayout), 1055U);
}

TEST(Detection, IsBeforeTheCommitUpToTheCycleOfTheFirstWrongWord) {
  EXPECT_EQ(detection(54, 55), Detection::before_commit);
  EXPECT_EQ(detection(55, 55), Detection::before_commit);
  EXPECT_EQ(detection(56, 55), Detection::after_commit);
  EXPECT_EQ(detection(56, kNever), Detection::before_commit) << "no wrong word";
  EXPECT_EQ(detection(kNever, 55), Detection::none);
  EXPECT_EQ(detection(kNever, kNever), Detection::none);
}

TEST(Judge, FollowsTheTableOfVerdicts) {
  for (const Effect effect : {Effect::sdc, Effect::hang, Effect::crash}) {
    EXPECT_EQ(judge(FaultOwner::datapath, effect, true), Verdict::detected);
    EXPECT_EQ(judge(FaultOwner::datapath, effect, false), Verdict::undetected);
    EXPECT_EQ(judge(FaultOwner::this_checker, effect, true), Verdict::spurious_alarm);
    EXPECT_EQ(judge(FaultOwner::this_checker, effect, false), Verdict::benign);
    EXPECT_EQ(judge(FaultOwner::other_checker, effect, true), Verdict::not_applicable);
  }
  for (const Effect effect : {Effect::not_activated, Effect::masked, Effect::tolerable}) {
    EXPECT_EQ(judge(FaultOwner::datapath, effect, true), Verdict::safe_detected);
    EXPECT_EQ(judge(FaultOwner::datapath, effect, false), Verdict::benign);
    EXPECT_EQ(judge(FaultOwner::this_checker, effect, true), Verdict::spurious_alarm);
    EXPECT_EQ(judge(FaultOwner::this_checker, effect, false), Verdict::benign);
    EXPECT_EQ(judge(FaultOwner::other_checker, effect, true), Verdict::not_applicable);
  }
  EXPECT_EQ(judge(FaultOwner::datapath, Effect::not_injected, false), Verdict::not_applicable);
  EXPECT_EQ(judge(FaultOwner::datapath, Effect::sim_error, false), Verdict::not_applicable);
}

TEST(LargestRatios, LooksOnlyAtChecksWhoseInputsDiffer) {
  Runs r;
  CheckerResult& golden = r.golden.checkers[0];
  golden.checks = {ScriptedCampaign::check(0, 1, 0.5, 1), ScriptedCampaign::check(0, 2, 1e-7, 1),
                   ScriptedCampaign::check(0, 3, 1e-7, 4)};
  CheckerResult faulty = golden;
  EXPECT_FALSE(largest_ratios(golden, faulty, 1)[0].ratio.has_value());
  faulty.checks[1] = ScriptedCampaign::check(0, 2, 0.125, 1);
  faulty.checks[2] = ScriptedCampaign::check(0, 3, 0.25, 4);
  const RatioMax ratio = largest_ratios(golden, faulty, 1)[0];
  EXPECT_EQ(ratio.ratio, 0.125);
  EXPECT_EQ(ratio.cycle, 2U);
}

TEST(LargestRatios, KeepsNonfiniteChecksApart) {
  Runs r;
  const CheckerResult& golden = r.golden.checkers[1];
  CheckerResult faulty = golden;
  faulty.checks[0].residual = faulty.checks[0].lhs = std::numeric_limits<double>::quiet_NaN();
  faulty.checks[0].nonfinite = faulty.checks[0].alarm = true;
  const auto ratios = largest_ratios(golden, faulty, 2);
  EXPECT_TRUE(ratios[0].nonfinite);
  EXPECT_FALSE(ratios[0].ratio.has_value());
  EXPECT_FALSE(ratios[1].nonfinite);
  EXPECT_TRUE(alarm_is_nonfinite(faulty));
  faulty.checks[1].alarm = true;
  EXPECT_FALSE(alarm_is_nonfinite(faulty));
}

TEST(LargestRatios, TellWhatAnotherRelativeThresholdWouldDo) {
  struct Case {
    double residual, scale;
  };
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const auto& [residual, scale] :
       {Case{0.5, 4}, Case{0, 4}, Case{0, 0}, Case{0, -0.0}, Case{0.5, 0}, Case{0.5, -0.0},
        Case{0.5, -4}, Case{0, -4}, Case{1e-300, 1e-20}, Case{1e300, 1e-20}}) {
    RatioMax largest;
    add_changed_check(ScriptedCampaign::check(0, 1, residual, scale), largest);
    ASSERT_TRUE(largest.ratio.has_value());
    for (const double factor : {1e-300, 1e-6, 0.125, 1e6, 1e300}) {
      Check check = ScriptedCampaign::check(0, 1, residual, scale);
      check.threshold = factor * scale;
      judge(check, NonfiniteRule::alarm);
      EXPECT_EQ(check.alarm, *largest.ratio > factor) << residual << ' ' << scale << ' ' << factor;
    }
    const bool always = scale < 0 || (scale == 0 && residual > 0);
    EXPECT_EQ(largest.ratio == kInfinity, always || residual / scale == kInfinity);
  }
}

TEST(LargestRatios, OfEqualOnesTheFirstCycleStands) {
  RatioMax largest;
  add_changed_check(ScriptedCampaign::check(0, 7, 0.5, 4), largest);
  add_changed_check(ScriptedCampaign::check(0, 9, 0.25, 2), largest);
  EXPECT_EQ(largest.ratio, 0.125);
  EXPECT_EQ(largest.cycle, 7U);
}

TEST(LargestRatios, LeaveOutChecksThatAreNotFinite) {
  RatioMax largest;
  add_changed_check(ScriptedCampaign::check(0, 7, 0.5, 4), largest);
  for (const double scale : {1.0, -1.0, 0.0}) {
    Check check = ScriptedCampaign::check(0, 9, std::numeric_limits<double>::infinity(), scale);
    check.nonfinite = true;
    add_changed_check(check, largest);
  }
  EXPECT_EQ(largest.ratio, 0.125);
  EXPECT_EQ(largest.cycle, 7U);
  EXPECT_TRUE(largest.nonfinite);
}

TEST(OwnerOf, GoesByTheWholeNameOfTheChecker) {
  const auto owner = [](const char* path, Domain domain, const char* checker) {
    return owner_of({path, {}, 1, domain, StorageKind::register_file, 1}, checker);
  };
  EXPECT_EQ(owner("array.pe[{}][{}].acc", Domain::function, "a"), FaultOwner::datapath);
  EXPECT_EQ(owner("checksum.a.row[{}].sum", Domain::safety_mechanism, "a"),
            FaultOwner::this_checker);
  EXPECT_EQ(owner("checksum.ab.row[{}].sum", Domain::safety_mechanism, "a"),
            FaultOwner::other_checker);
  EXPECT_EQ(owner("line.alarm.a", Domain::safety_mechanism, "a"), FaultOwner::this_checker);
  EXPECT_EQ(owner("line.alarm.ab", Domain::safety_mechanism, "a"), FaultOwner::other_checker);
  EXPECT_EQ(owner("link.array_to_checksum.data", Domain::safety_mechanism, "a"),
            FaultOwner::this_checker);
}

CheckerMeasurement alarm_at(std::uint64_t cycle, bool nonfinite) {
  CheckerMeasurement checker;
  checker.alarm_cycle = cycle;
  checker.alarm_is_nonfinite = nonfinite;
  return checker;
}

TEST(Combination, AlarmsWithTheFirstOfItsMembers) {
  const Members members{{}, {}, {}, {0, 1}, {1, 2}};
  std::vector<CheckerMeasurement> checkers{
      alarm_at(70, true), alarm_at(kNever, false), alarm_at(50, false), alarm_at(3, true), {}};
  combine(members, checkers);
  EXPECT_EQ(checkers[0].alarm_cycle, 70u);
  EXPECT_EQ(checkers[3].alarm_cycle, 70u);  // what stood there before is forgotten
  EXPECT_TRUE(checkers[3].alarm_is_nonfinite);
  EXPECT_EQ(checkers[4].alarm_cycle, 50u);
  EXPECT_FALSE(checkers[4].alarm_is_nonfinite);
  checkers[0] = checkers[2] = alarm_at(kNever, false);
  combine(members, checkers);
  EXPECT_EQ(checkers[3].alarm_cycle, kNever);
  EXPECT_FALSE(checkers[3].alarm_is_nonfinite);
  checkers[1] = alarm_at(9, true);
  checkers[2] = alarm_at(12, false);
  combine(members, checkers);
  EXPECT_EQ(checkers[4].alarm_cycle, 9u);
  EXPECT_FALSE(checkers[4].alarm_is_nonfinite);  // one member saw a finite difference
}

TEST(Combination, OwnsTheStateOfItsMembers) {
  const ScriptedCampaign campaign({});
  CampaignContext context = campaign.context();
  context.checkers.push_back("only_a");
  context.comparisons.push_back({});
  context.members = {{}, {}, {0}};
  FaultUniverse universe;
  const auto declare = [&](const char* path, Domain domain) {
    RegisterClass cls;
    cls.path = path;
    cls.bits = 1;
    cls.domain = domain;
    return universe.declare(cls);
  };
  const RegisterId of_a = declare("checksum.a.sum", Domain::safety_mechanism),
                   of_b = declare("checksum.b.sum", Domain::safety_mechanism),
                   line_a = declare("line.alarm.a", Domain::safety_mechanism),
                   link = declare("link.array_to_checksum.data", Domain::safety_mechanism),
                   acc = declare("array.acc", Domain::function);
  const CampaignContext with_sites{universe,          context.plan,        context.golden,
                                   context.checkers,  context.comparisons, context.layout,
                                   context.tolerance, context.members};
  const Owners owners(with_sites);
  EXPECT_EQ(owners(of_a, 2), FaultOwner::this_checker);
  EXPECT_EQ(owners(line_a, 2), FaultOwner::this_checker);
  EXPECT_EQ(owners(of_b, 2), FaultOwner::other_checker);
  EXPECT_EQ(owners(link, 2), FaultOwner::this_checker);
  EXPECT_EQ(owners(acc, 2), FaultOwner::datapath);
  EXPECT_EQ(owners(of_a, 1), FaultOwner::other_checker);
}

TEST(CheckBits, BelongToWhoeverHearsOfTheDecodersErrors) {
  const ScriptedCampaign campaign({});
  CampaignContext context = campaign.context();
  context.hears_decoders = {true, false};
  FaultUniverse universe;
  RegisterClass cls;
  cls.path = "k_buffer.check[{}]";
  cls.extents = {4};
  cls.coded = true;
  cls.domain = Domain::safety_mechanism;
  const RegisterId checks = universe.declare(cls);
  cls.path = "k_buffer.word[{}]";
  cls.domain = Domain::function;
  const RegisterId words = universe.declare(cls);
  const CampaignContext with_sites{universe,
                                   context.plan,
                                   context.golden,
                                   context.checkers,
                                   context.comparisons,
                                   context.layout,
                                   context.tolerance,
                                   context.members,
                                   true,
                                   context.hears_decoders};
  const Owners owners(with_sites);
  EXPECT_EQ(owners(checks, 0), FaultOwner::this_checker);
  EXPECT_EQ(owners(checks, 1), FaultOwner::other_checker);
  EXPECT_EQ(owners(words, 0), FaultOwner::datapath);
}

TEST(CheckPairs, PairTheNthOfEachComparisonWhateverTheirOrder) {
  const auto check = [](std::uint32_t comparison, double lhs) {
    Check made;
    made.comparison = comparison;
    made.lhs = lhs;
    return made;
  };
  const std::vector<Check> golden{check(0, 1), check(1, 10), check(0, 2)};
  CheckPairs pairs(golden, 2);
  EXPECT_EQ(pairs.next(check(1, 0))->lhs, 10);
  EXPECT_EQ(pairs.next(check(0, 0))->lhs, 1);
  EXPECT_EQ(pairs.next(check(0, 0))->lhs, 2);
  EXPECT_EQ(pairs.next(check(0, 0)), nullptr);
  EXPECT_EQ(pairs.next(check(1, 0)), nullptr);
}

}  // namespace
}  // namespace attnguard
