#include "src/campaign/figures/row.h"

#include <gtest/gtest.h>

#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "src/campaign/injections/measure.h"
#include "src/simulation/errors.h"
#include "tests/support/scripted_campaign.h"

namespace attnguard {
namespace {

CampaignConfig sampled(std::uint64_t injections) {
  CampaignConfig config;
  config.injections = injections;
  return config;
}

std::vector<std::string> split(const std::string& line, char separator) {
  std::vector<std::string> fields;
  std::istringstream stream(line + separator);
  for (std::string field; std::getline(stream, field, separator);) fields.push_back(field);
  return fields;
}

TEST(Measure, PassesTheWatchdogOfFourGoldenRunsAndTenThousandCycles) {
  const ScriptedCampaign campaign(sampled(1));
  std::uint64_t watchdog = 0;
  measure_fully(
      campaign.context(),
      [&](const std::vector<Fault>& faults, std::uint64_t cycles) {
        watchdog = cycles;
        return campaign.simulate(faults.front());
      },
      campaign.plan.injection(0));
  EXPECT_EQ(watchdog, 4 * campaign.golden.cycles + 10000);
}

/// Of a fault that checker a sees, in a campaign in which its alarm interrupts and the run then
/// goes as `edit` makes it: from a golden one whose tile was done again in cycles 45 to 75.
RecoveryMeasurement recovery_of(const std::function<void(RunResult&)>& edit,
                                RecoveryPolicy policy = RecoveryPolicy::recompute_query_block) {
  const ScriptedCampaign campaign(sampled(1));
  RecoveryConfig config;
  config.policy = policy;
  CampaignContext context = campaign.context();
  context.recovery = RecoveryContext{{0}, config, [&](const std::vector<Fault>&, std::uint64_t) {
                                       RunResult run = campaign.golden;
                                       run.cycles += 20;
                                       run.recovery = {1, false, 45, 75};
                                       edit(run);
                                       return run;
                                     }};
  RunResult seen = campaign.golden;
  ScriptedCampaign::raise(seen.checkers[0], 1, 44);
  Measurement measurement = measure(context, seen);
  measure_recovery(context, campaign.plan.injection(0), measurement);
  return measurement.recovery.value();
}

TEST(MeasureRecovery, TellsWhatBecameOfTheAlarm) {
  const RecoveryMeasurement recovered = recovery_of([](RunResult&) {});
  EXPECT_EQ(recovered.outcome, RecoveryOutcome::recovered);
  EXPECT_EQ(recovered.retries, 1U);
  EXPECT_EQ(recovered.cycles_to_recover, 30U);
  EXPECT_EQ(recovered.extra_cycles, 20);

  const RecoveryMeasurement failed = recovery_of([](RunResult& run) { run.output[0] ^= 1; });
  EXPECT_EQ(failed.outcome, RecoveryOutcome::failed);
  EXPECT_EQ(failed.changed_values, 1U);
  EXPECT_EQ(failed.cycles_to_recover, 0U);

  const auto idle = [](RunResult& run) { run.recovery.retries = 0; };
  EXPECT_EQ(recovery_of(idle).outcome, RecoveryOutcome::too_late);
  EXPECT_EQ(recovery_of(idle, RecoveryPolicy::correct).outcome, RecoveryOutcome::not_located);
  EXPECT_EQ(recovery_of([](RunResult& run) { run.recovery.exhausted = true; }).outcome,
            RecoveryOutcome::exhausted);
  EXPECT_EQ(recovery_of([](RunResult& run) { run.completion = Completion::hang; }).outcome,
            RecoveryOutcome::hang);
  EXPECT_EQ(recovery_of([](RunResult& run) { run.completion = Completion::crash; }).outcome,
            RecoveryOutcome::crash);
}

void check_consistent(const ScriptedCampaign& campaign, const RunResult& run) {
  require_consistent(campaign.context(), campaign.plan.injection(0),
                     measure(campaign.context(), run));
}

TEST(Consistent, IsNoOutputThatChangedWithoutActivation) {
  const ScriptedCampaign campaign(sampled(1));
  RunResult run = campaign.golden;
  EXPECT_NO_THROW(check_consistent(campaign, run));
  run.output[0] ^= 1;
  EXPECT_THROW(check_consistent(campaign, run), ModelError);
}

TEST(Consistent, IsNoSampledFaultThatWasNotInjected) {
  const ScriptedCampaign campaign(sampled(1));
  RunResult run = campaign.golden;
  run.cycles = 1;
  EXPECT_THROW(check_consistent(campaign, run), ModelError);
}

TEST(Consistent, IsNoAlarmBeforeTheFault) {
  CampaignConfig config;
  config.faults = {{"k_buffer.word[1]", 3, 30, 1}};
  const ScriptedCampaign campaign(config);
  RunResult run = campaign.golden;
  ScriptedCampaign::raise(run.checkers[0], 0, 29);
  EXPECT_THROW(check_consistent(campaign, run), ModelError);
  run.checkers[0].alarm_cycle = 30;
  EXPECT_NO_THROW(check_consistent(campaign, run));
}

TEST(Record, GivesTheSameRowFromItsBytes) {
  const ScriptedCampaign campaign(sampled(200));
  const CampaignContext context = campaign.context();
  const RecordCodec codec(context);
  RowWriter rows(context);
  Record copy;  // reused: nothing of the record before may stay
  for (std::uint64_t i = 0; i < 200; ++i) {
    const Record record = campaign.record(i);
    std::string bytes;
    codec.encode(record, bytes);
    EXPECT_EQ(bytes.size(), codec.size());
    EXPECT_EQ(RecordCodec::number(bytes), i);
    codec.decode(bytes, copy);
    EXPECT_EQ(rows.row(copy), rows.row(record));
  }
}

TEST(Record, RefusesAMeasurementOfOtherCheckers) {
  const ScriptedCampaign campaign(sampled(1));
  Record record = campaign.record(0);
  record.measurement.checkers[1].ratios.pop_back();
  std::string bytes;
  EXPECT_THROW(RecordCodec(campaign.context()).encode(record, bytes), std::logic_error);
}

std::vector<std::string> lines_of(const ScriptedCampaign& campaign) {
  const CampaignContext context = campaign.context();
  RowWriter rows(context);
  std::string csv = injections_header(context);
  for (std::uint64_t i = 0; i < campaign.plan.size(); ++i) csv += rows.row(campaign.record(i));
  return split(csv, '\n');
}

TEST(Row, HoldsEveryColumnOfTheContractInItsPlace) {
  CampaignConfig config;
  config.faults = {{"array.pe[1][1].acc", 9, 7, 2},
                   {"line.done.dma", 0, 50, 1},
                   {"checksum.a.row[0].sum", 3, 12, 1}};
  const ScriptedCampaign campaign(config);
  const std::vector<std::string> lines = lines_of(campaign);
  EXPECT_EQ(lines[0],
            "injection,stratum,weight,fault_model,fault_class,site,site_class,domain,bit,bits_"
            "flipped,inject_cycle,duration_cycles,faults,"
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
            "function,9,2,7,1,1,8,0x00001234,0x00001434,"
            "0,1,,sdc,0,1,1,0.0625,0.03125,50,detected,before_commit,19,12,11,1,44,0,undetected,"
            "none,,,,,,0,,,0\r");
  EXPECT_EQ(
      lines[2],
      "1,line.done.dma,1,bit_flip,transient,line.done.dma,line.done.dma,function,0,1,50,1,1,51,"
      "0x1234,0x1235,"
      "0,1,,hang,,,,,,,undetected,none,,,,,,0,undetected,none,,,,,,0,,,0\r");
  EXPECT_EQ(lines[3],
            "2,checksum.a.row[*].sum,1,bit_flip,transient,checksum.a.row[0].sum,checksum.a.row[*]."
            "sum,safety_mechanism,3,1,12,1,1,13,"
            "0x00001234,0x0000123c,0,1,,masked,0,0,0,0,0,,spurious_alarm,before_commit,18,6,5,1,44,"
            "0,not_applicable,none,,,,,,0,,,0\r");
}

TEST(Row, OfAnInjectionThatFailedHasNoMeasuredValues) {
  CampaignConfig config;
  config.faults = {{"array.pe[1][1].acc", 9, 7, 2}};
  const ScriptedCampaign campaign(config);
  const CampaignContext context = campaign.context();
  Record record = RecordCodec(context).blank(campaign.plan.injection(0));
  record.measurement.completion = Completion::failed;
  EXPECT_EQ(RowWriter(context).row(record),
            "0,array.pe[*][*].acc,1,bit_flip,transient,array.pe[1][1].acc,array.pe[*][*].acc,"
            "function,9,2,7,1,1,,,,,,,sim_error,,,,,,,not_applicable,,,,,,,,not_applicable,,,,,,,,"
            ",,\r\n");
}

}  // namespace
}  // namespace attnguard
