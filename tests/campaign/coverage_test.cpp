#include "src/campaign/figures/coverage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "tests/support/scripted_campaign.h"

namespace attnguard {
namespace {

struct Tallied {
  explicit Tallied(const CampaignConfig& config)
      : campaign(config), context(campaign.context()), tally(context, campaign.config) {
    for (std::uint64_t i = 0; i < campaign.plan.size(); ++i) {
      records.push_back(campaign.record(i));
      tally.add(records.back());
    }
  }
  bool is_dangerous(const Record& record) const {
    return dangerous(
        judge_effect(record.measurement, record.injection.fault.cycle, context.tolerance));
  }
  static bool alarms(const Record& record) {
    return record.measurement.checkers[0].alarm_cycle != kNever;
  }
  const CoverageRow& row(const std::vector<CoverageRow>& rows, const std::string& checker,
                         const std::string& group, double tolerance) const {
    return *std::find_if(rows.begin(), rows.end(), [&](const CoverageRow& r) {
      return r.checker == checker && r.site_class == group && r.tolerance == tolerance;
    });
  }

  ScriptedCampaign campaign;
  CampaignContext context;
  CoverageTally tally;
  std::vector<Record> records;
};

CampaignConfig sampled(Sampling sampling) {
  CampaignConfig config;
  config.injections = 3000;
  config.sampling = sampling;
  return config;
}

TEST(Coverage, OfTheTotalWeighsEveryInjectionByItsStratum) {
  const Tallied t(sampled(Sampling::stratified));
  double detected = 0, dangerous_weight = 0;
  for (std::uint64_t i = 0; i < t.records.size(); ++i) {
    const Injection& injection = t.records[i].injection;
    const RegisterClass& cls = t.campaign.toy.universe[injection.fault.site.reg];
    if (!t.is_dangerous(t.records[i]) || cls.domain != Domain::function) continue;
    const double weight = t.campaign.plan.strata()[injection.stratum].weight;
    dangerous_weight += weight;
    if (Tallied::alarms(t.records[i])) detected += weight;
  }
  const CoverageRow total = t.tally.total(0);
  ASSERT_TRUE(total.coverage.has_value());
  EXPECT_NEAR(*total.coverage, detected / dangerous_weight, 1e-12);
  EXPECT_EQ(total.method, "fay_feuer");
  EXPECT_LT(total.interval->low, *total.coverage);
  EXPECT_GT(total.interval->high, *total.coverage);
  EXPECT_GT(*total.coverage, 0.1);
  EXPECT_LT(*total.coverage, 0.9);
  EXPECT_EQ(t.tally.total(1).coverage, 0.0);
}

TEST(Coverage, RowsAddUpToTheTotals) {
  const Tallied t(sampled(Sampling::stratified));
  const auto rows = t.tally.class_rows();
  for (const std::string checker : {"a", "b"})
    for (const double tolerance : {0.01, 0.0, 0.001}) {
      std::uint64_t injections = 0, detected = 0, undetected = 0, bits = 0, live = 0;
      for (const CoverageRow& row : rows) {
        const std::uint64_t verdicts =
            row.counts[Verdict::detected] + row.counts[Verdict::undetected] +
            row.counts[Verdict::safe_detected] + row.counts[Verdict::benign] +
            row.counts[Verdict::spurious_alarm] + row.counts[Verdict::not_applicable];
        EXPECT_EQ(verdicts, row.injections);
        if (row.checker != checker || row.tolerance != tolerance ||
            row.domain != Domain::function || row.site_class.rfind("total", 0) == 0)
          continue;
        injections += row.injections;
        detected += row.counts[Verdict::detected];
        undetected += row.counts[Verdict::undetected];
        bits += row.bits;
        live += row.live_bit_cycles;
      }
      const CoverageRow& total = t.row(rows, checker, "total", tolerance);
      EXPECT_EQ(total.injections, injections);
      EXPECT_EQ(total.injections, 2700U);
      EXPECT_EQ(total.counts[Verdict::detected], detected);
      EXPECT_EQ(total.counts[Verdict::undetected], undetected);
      EXPECT_EQ(total.bits, bits);
      EXPECT_EQ(total.live_bit_cycles, live);
      const CoverageRow &logic = t.row(rows, checker, "total_logic", tolerance),
                        &sram = t.row(rows, checker, "total_sram", tolerance);
      EXPECT_EQ(logic.injections + sram.injections, injections);
      EXPECT_EQ(sram.bits, 8U * 16U);
    }
}

TEST(Coverage, CountsMoreDangerousFaultsAtASmallerTolerance) {
  const Tallied t(sampled(Sampling::stratified));
  const auto rows = t.tally.class_rows();
  const auto dangerous_at = [&](double tolerance) {
    const CoverageRow& row = t.row(rows, "a", "total", tolerance);
    return row.counts[Verdict::detected] + row.counts[Verdict::undetected];
  };
  // Flips of bit 0 of the output change it by 2^-7 of the row's largest value: between 0.001 and
  // 0.01.
  EXPECT_GT(dangerous_at(0.001), dangerous_at(0.01));
  EXPECT_EQ(dangerous_at(0.0), dangerous_at(0.001));
}

TEST(Coverage, OfCheckerStateCountsAlarmsButHasNoCoverage) {
  const Tallied t(sampled(Sampling::stratified));
  const auto rows = t.tally.class_rows();
  const CoverageRow &own = t.row(rows, "a", "checksum.a.row[*].sum", 0.01),
                    &other = t.row(rows, "b", "checksum.a.row[*].sum", 0.01);
  EXPECT_GT(own.counts[Verdict::spurious_alarm], 0U);
  EXPECT_EQ(own.counts[Verdict::not_applicable], 0U);
  EXPECT_EQ(other.counts[Verdict::not_applicable], other.injections);
  EXPECT_FALSE(own.coverage.has_value());
  EXPECT_EQ(own.method, "");
}

TEST(Coverage, OfUniformDrawsIsAPlainProportion) {
  CampaignConfig config = sampled(Sampling::uniform);
  config.interval = IntervalMethod::clopper_pearson;
  const Tallied t(config);
  const CoverageRow total = t.tally.total(0);
  EXPECT_EQ(total.method, "clopper_pearson");
  const std::uint64_t detected = total.counts[Verdict::detected],
                      n = detected + total.counts[Verdict::undetected];
  EXPECT_DOUBLE_EQ(*total.coverage, static_cast<double>(detected) / static_cast<double>(n));
  EXPECT_EQ(total.interval->low, clopper_pearson(detected, n, 0.95).low);
}

// Two samplings of one population must estimate the same coverage, and the exhaustive list of live
// cells is the truth.
TEST(Coverage, OfBothSamplingsHoldsTheTruthInItsInterval) {
  const Tallied exhaustive(sampled(Sampling::exhaustive));
  std::uint64_t detected = 0, dangerous_cells = 0;
  const ToyHardware& toy = exhaustive.campaign.toy;
  for (const LiveBlock& block : toy.blocks) {
    const RegisterClass& cls = toy.universe[block.reg];
    if (cls.domain != Domain::function) continue;
    for (std::uint32_t i = 0; i < block.count[0]; ++i)
      for (std::uint32_t j = 0; j < block.count[1]; ++j)
        for (std::uint32_t k = 0; k < block.count[2]; ++k)
          for (std::uint64_t t = 0; t < block.length_at(i, j, k); ++t)
            for (std::uint32_t bit = 0; bit < block.bits(); ++bit) {
              const std::int64_t index = block.index + i * block.index_step[0] +
                                         j * block.index_step[1] + k * block.index_step[2];
              const auto start = static_cast<std::int64_t>(block.start) + i * block.start_step[0] +
                                 j * block.start_step[1] + k * block.start_step[2];
              const bool link = cls.kind == StorageKind::link;
              Fault fault{{block.reg, link ? 0 : static_cast<std::uint32_t>(index)},
                          link ? static_cast<std::uint32_t>(index) * cls.bits + bit : bit,
                          1,
                          static_cast<std::uint64_t>(start) + t};
              const Injection injection(0, 0, fault);
              const Record record{
                  injection,
                  measure_fully(exhaustive.context, exhaustive.campaign.simulate(), injection)};
              if (!exhaustive.is_dangerous(record)) continue;
              ++dangerous_cells;
              detected += Tallied::alarms(record);
            }
  }
  const double truth = static_cast<double>(detected) / static_cast<double>(dangerous_cells);
  for (const Sampling sampling : {Sampling::stratified, Sampling::uniform}) {
    const CoverageRow total = Tallied(sampled(sampling)).tally.total(0);
    EXPECT_LE(total.interval->low, truth);
    EXPECT_GE(total.interval->high, truth);
    EXPECT_LT(total.interval->high - total.interval->low, 0.2);
  }
  const CoverageRow census = exhaustive.tally.total(0);
  EXPECT_EQ(census.method, "census");
  EXPECT_FALSE(census.interval.has_value());
}

TEST(Coverage, OfStrataHasOneRowPerCheckerAndStratum) {
  const Tallied t(sampled(Sampling::stratified));
  const auto rows = t.tally.stratum_rows();
  ASSERT_EQ(rows.size(), 2 * t.campaign.plan.strata().size());
  for (std::size_t h = 0; h < t.campaign.plan.strata().size(); ++h) {
    EXPECT_EQ(rows[h].injections, t.campaign.plan.strata()[h].draws);
    EXPECT_TRUE(rows[h].method.empty() || rows[h].method == "wilson");
  }
}

TEST(Coverage, DoesNotDependOnTheOrderOfTheRecords) {
  const Tallied t(sampled(Sampling::stratified));
  CoverageTally backwards(t.context, t.campaign.config);
  for (auto record = t.records.rbegin(); record != t.records.rend(); ++record)
    backwards.add(*record);
  EXPECT_EQ(coverage_csv(t.tally.class_rows(), "site_class", 0.95),
            coverage_csv(backwards.class_rows(), "site_class", 0.95));
  EXPECT_EQ(coverage_csv(t.tally.stratum_rows(), "stratum", 0.95),
            coverage_csv(backwards.stratum_rows(), "stratum", 0.95));
}

TEST(Coverage, HasTheLargestLatencyThoughFaultsStayUndetected) {
  const Tallied t(sampled(Sampling::stratified));
  std::uint64_t largest = 0, undetected = 0;
  for (const Record& record : t.records) {
    const Injection& injection = record.injection;
    if (!t.is_dangerous(record) ||
        t.campaign.toy.universe[injection.fault.site.reg].domain != Domain::function)
      continue;
    if (!Tallied::alarms(record)) {
      ++undetected;
      continue;
    }
    largest = std::max(largest, record.measurement.checkers[0].alarm_cycle - injection.first_cycle);
  }
  ASSERT_GT(undetected, 0U);
  EXPECT_EQ(t.tally.total(0).max, largest);
  EXPECT_EQ(t.tally.total(1).max, std::nullopt) << "b detects nothing";
}

TEST(Coverage, SoFarIsThatOfTheTotal) {
  const Tallied t(sampled(Sampling::stratified));
  const CoverageRow total = t.tally.total(0);
  const CoverageSoFar so_far = t.tally.so_far(0);
  EXPECT_EQ(so_far.coverage, total.coverage);
  EXPECT_EQ(so_far.interval->low, total.interval->low);
  EXPECT_EQ(so_far.interval->high, total.interval->high);
}

TEST(Coverage, LeavesOutInjectionsThatFailed) {
  const Tallied t(sampled(Sampling::stratified));
  CoverageTally with_failed(t.context, t.campaign.config);
  for (const Record& record : t.records) with_failed.add(record);
  Record failed = t.records[0];
  failed.measurement.completion = Completion::failed;
  with_failed.add(failed);
  EXPECT_EQ(with_failed.effects()[static_cast<std::size_t>(Effect::sim_error)], 1U);
  EXPECT_EQ(coverage_csv(t.tally.class_rows(), "site_class", 0.95),
            coverage_csv(with_failed.class_rows(), "site_class", 0.95));
}

TEST(CoverageCsv, HasTheColumnsOfTheContract) {
  const std::string csv = coverage_csv({}, "site_class", 0.95);
  EXPECT_EQ(csv,
            "checker,site_class,domain,fault_class,tolerance,bits,live_bit_cycles,weight,"
            "injections,detected,"
            "undetected,safe_detected,"
            "spurious_alarms,benign,not_applicable,nonfinite_alarms,coverage,ci_low,ci_high,"
            "confidence,ci_method,latency_p50_cycles,"
            "latency_p95_cycles,latency_p99_cycles,latency_max_cycles,latency_given_detected_p50_"
            "cycles\r\n");
}

}  // namespace
}  // namespace attnguard
