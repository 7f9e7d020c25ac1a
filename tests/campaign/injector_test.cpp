#include "src/campaign/injector.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <sstream>
#include <string>
#include <vector>

#include "src/campaign/coverage.h"
#include "src/simulation/errors.h"
#include "tests/support/scripted_campaign.h"

namespace attnguard {
namespace {

CampaignConfig sampled(std::uint64_t injections) {
  CampaignConfig config;
  config.injections = injections;
  return config;
}

struct Outcome {
  std::string csv, coverage;
  std::uint64_t audited = 0;
};

Outcome run(const ScriptedCampaign& campaign, std::uint32_t workers) {
  const CampaignContext context = campaign.context();
  CoverageTally tally(context, campaign.config);
  Outcome outcome{injections_header(context), "", 0};
  outcome.audited = inject_all(
      context, [&](const Fault& fault, std::uint64_t) { return campaign.simulate(fault); }, workers,
      [&](const Injection& injection, const InjectionRecord& record) {
        tally.add(injection, record);
        outcome.csv += record.row;
      });
  outcome.coverage = coverage_csv(tally.class_rows(), "site_class", 0.95);
  return outcome;
}

std::vector<std::string> split(const std::string& line, char separator) {
  std::vector<std::string> fields;
  std::istringstream stream(line + separator);
  for (std::string field; std::getline(stream, field, separator);) fields.push_back(field);
  return fields;
}

TEST(InjectAll, GivesTheSameFilesForAnyNumberOfWorkers) {
  const ScriptedCampaign campaign(sampled(2500));
  const Outcome one = run(campaign, 1), three = run(campaign, 3);
  EXPECT_EQ(one.csv, three.csv);
  EXPECT_EQ(one.coverage, three.coverage);
  EXPECT_EQ(one.audited, 3U);  // 0, 1000, 2000
  EXPECT_EQ(split(one.csv, '\n').size(), 2501U + 1U);
}

TEST(InjectAll, FailsTheAuditWhenARepeatedInjectionDiffers) {
  const ScriptedCampaign campaign(sampled(300));
  const pid_t parent = ::getpid();
  // A model whose result depends on the process: runs in the first worker read another value than
  // those after it.
  const Simulate unsteady = [&](const Fault& fault, std::uint64_t) {
    RunResult result = campaign.simulate(fault);
    result.fault.value_before = static_cast<std::uint64_t>(::getpid() - parent) & 0xffff;
    return result;
  };
  try {
    inject_all(campaign.context(), unsteady, 1, [](const Injection&, const InjectionRecord&) {});
    FAIL() << "no audit error";
  } catch (const AuditError& error) {
    EXPECT_EQ(
        std::string(error.what()).rfind("injection 0 gave another row when repeated:\n  0,", 0), 0U)
        << error.what();
  }
}

TEST(InjectAll, StopsWhenASampledFaultWasNotInjected) {
  const ScriptedCampaign campaign(sampled(20));
  const Simulate short_run = [&](const Fault&, std::uint64_t) {
    RunResult result = campaign.golden;
    result.cycles = 1;
    return result;
  };
  EXPECT_THROW(
      inject_all(campaign.context(), short_run, 1, [](const Injection&, const InjectionRecord&) {}),
      ModelError);
}

TEST(InjectAll, PassesTheWatchdogOfFourGoldenRunsAndTenThousandCycles) {
  const ScriptedCampaign campaign(sampled(1));
  std::uint64_t watchdog = 0;
  inject(
      campaign.context(),
      [&](const Fault& fault, std::uint64_t cycles) {
        watchdog = cycles;
        return campaign.simulate(fault);
      },
      0);
  EXPECT_EQ(watchdog, 4 * campaign.golden.cycles + 10000);
}

TEST(MakeRecord, RefusesAnOutputThatChangedWithoutActivation) {
  const ScriptedCampaign campaign(sampled(1));
  RunResult run = campaign.golden;
  run.output[0] ^= 1;
  EXPECT_THROW(make_record(campaign.context(), campaign.plan.injection(0), run), ModelError);
}

TEST(MakeRecord, RefusesAnAlarmBeforeTheFault) {
  CampaignConfig config;
  config.faults = {{"k_buffer.word[1]", 3, 30, 1}};
  const ScriptedCampaign campaign(config);
  RunResult run = campaign.golden;
  ScriptedCampaign::raise(run.checkers[0], 0, 29);
  EXPECT_THROW(make_record(campaign.context(), campaign.plan.injection(0), run), ModelError);
  run.checkers[0].alarm_cycle = 30;
  EXPECT_NO_THROW(make_record(campaign.context(), campaign.plan.injection(0), run));
}

TEST(Record, SurvivesThePipe) {
  const ScriptedCampaign campaign(sampled(50));
  for (std::uint64_t i = 0; i < 50; ++i) {
    const InjectionRecord record = inject(
        campaign.context(),
        [&](const Fault& fault, std::uint64_t) { return campaign.simulate(fault); }, i);
    const InjectionRecord copy = InjectionRecord::from_bytes(record.to_bytes());
    EXPECT_EQ(copy.row, record.row);
    EXPECT_EQ(copy.effect, record.effect);
    EXPECT_EQ(copy.row_error, record.row_error);
    ASSERT_EQ(copy.checkers.size(), record.checkers.size());
    EXPECT_EQ(copy.checkers[0].latency_cycles, record.checkers[0].latency_cycles);
  }
}

TEST(Row, HoldsEveryColumnOfTheContractInItsPlace) {
  CampaignConfig config;
  config.faults = {{"array.pe[1][1].acc", 9, 7, 2},
                   {"line.done.dma", 0, 50, 1},
                   {"checksum.a.row[0].sum", 3, 12, 1}};
  const ScriptedCampaign campaign(config);
  const std::vector<std::string> lines = split(run(campaign, 1).csv, '\n');
  EXPECT_EQ(lines[0],
            "injection,stratum,weight,fault_model,fault_class,site,site_class,domain,bit,bits_"
            "flipped,inject_cycle,duration_cycles,"
            "activate_cycle,value_before,value_after,head,query_row,key_tile,effect,nonfinite,"
            "changed_values,changed_rows,"
            "max_abs_error,max_row_error,first_bad_commit_cycle,a.verdict,a.detection,a.alarm_"
            "cycle,a.latency_cycles,"
            "a.latency_from_activation_cycles,a.output.ratio_max,a.output.ratio_max_cycle,a.output."
            "nonfinite,b.verdict,b.detection,"
            "b.alarm_cycle,b.latency_cycles,b.latency_from_activation_cycles,b.score.ratio_max,b."
            "score.ratio_max_cycle,"
            "b.score.nonfinite,b.output.ratio_max,b.output.ratio_max_cycle,b.output.nonfinite\r");
  // 2 → 2.0625 (bit 2 of the mantissa: 4 × 2^-6) in a row whose largest value is 2; a alarms at 7 +
  // 3 + 9.
  EXPECT_EQ(lines[1],
            "0,array.pe[*][*].acc,1,bit_flip,transient,array.pe[1][1].acc,array.pe[*][*].acc,"
            "function,9,2,7,1,8,0x00001234,0x00001434,"
            "0,1,,sdc,0,1,1,0.0625,0.03125,50,detected,before_commit,19,12,11,1,44,0,undetected,"
            "none,,,,,,0,,,0\r");
  EXPECT_EQ(lines[2],
            "1,line.done.dma,1,bit_flip,transient,line.done.dma,line.done.dma,function,0,1,50,1,51,"
            "0x1234,0x1235,"
            "0,1,,hang,,,,,,,undetected,none,,,,,,0,undetected,none,,,,,,0,,,0\r");
  EXPECT_EQ(lines[3],
            "2,checksum.a.row[*].sum,1,bit_flip,transient,checksum.a.row[0].sum,checksum.a.row[*]."
            "sum,safety_mechanism,3,1,12,1,13,"
            "0x00001234,0x0000123c,0,1,,masked,0,0,0,0,0,,spurious_alarm,before_commit,18,6,5,1,44,"
            "0,not_applicable,none,,,,,,0,,,0\r");
}

}  // namespace
}  // namespace attnguard
