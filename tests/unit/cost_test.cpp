// Prices times counts. Runs in the repository's root.
#include "src/cost/cost.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "models/checksum_unit/any_of.h"
#include "src/config/document.h"
#include "src/cost/cost_report.h"
#include "tests/support/scratch_folder.h"

namespace attnguard {
namespace {

constexpr Format kFormats[] = {Format::bfloat16, Format::float16, Format::float32, Format::float64};
constexpr Operation kOperations[] = {Operation::add, Operation::multiply, Operation::divide,
                                     Operation::compare};

/// Some of everything.
Activity everything() {
  Activity activity;
  std::uint64_t n = 3;
  for (const Operation operation : kOperations)
    for (const Format format : kFormats) {
      activity.arithmetic.use(operation, format, n, n + 20);
      ++n;
    }
  activity.arithmetic.use(Operation::add, Format::int32, 30, 31);
  activity.arithmetic.use(Operation::multiply, Format::int8, 32, 33);
  activity.arithmetic.use(Operation::multiply, Format::int32, 34, 35);
  activity.storage.push_back({"registers", false, 4096, 0, 5000});
  activity.storage.push_back({"memory", true, 8 * 16384, 64000, 32000});
  activity.link_bytes = 777;
  activity.external_bytes = 888;
  return activity;
}

TEST(Price, OfIntegersIsKnownWhereTheHardwareHasThem) {
  const Technology technology = built_in_technology();
  EXPECT_DOUBLE_EQ(technology.of(Operation::multiply, Format::int8).energy_pj, 0.09);
  EXPECT_DOUBLE_EQ(technology.of(Operation::add, Format::int32).area_um2, 53.43);
  EXPECT_EQ(&technology.of(Operation::compare, Format::int32),
            &technology.of(Operation::compare, Format::float32));
  EXPECT_THROW(technology.of(Operation::add, Format::int8), std::logic_error);
  EXPECT_THROW(technology.of(Operation::divide, Format::int32), std::logic_error);
}

TEST(Price, IsCountsTimesConstants) {
  Activity activity;
  activity.arithmetic.use(Operation::multiply, Format::float32, 1000, 4);
  activity.storage.push_back({"registers", false, 128, 999, 640});
  activity.storage.push_back({"more registers", false, 32, 0, 60});
  activity.storage.push_back({"memory", true, 8 * 8192, 8 * 64, 8 * 32});
  activity.external_bytes = 10;
  const Bill bill = price("unit", activity, built_in_technology(), 2);
  ASSERT_EQ(bill.items.size(), 6U);
  const auto expect = [&](std::size_t i, const std::string& component, double energy, double area,
                          double leakage) {
    EXPECT_EQ(bill.items[i].component, component);
    EXPECT_DOUBLE_EQ(bill.items[i].cost.energy_pj, energy);
    EXPECT_DOUBLE_EQ(bill.items[i].cost.area_um2, area);
    EXPECT_DOUBLE_EQ(bill.items[i].cost.leakage_pj, leakage);
  };
  expect(0, "multiply_float32", 1665, 4 * 3003.0, 0);
  expect(1, "register_bit", 700 * 0.005, 160 * 2.94, 0);
  expect(2, "sram_read", 2 * 3.99, 0, 0);  // two lines of 32 bytes from 8 KB
  expect(3, "sram_write", 9.04, 0, 0);
  expect(4, "sram_bit", 0, 11900, 4.1 * 2 * 1000);  // mW × us = nJ
  expect(5, "external_memory_byte", 1625, 0, 0);
  EXPECT_DOUBLE_EQ(bill.total.energy_pj, 1665 + 3.5 + 7.98 + 9.04 + 1625);
}

TEST(Price, EveryFigureOfATechnologyMovesItsOwnShareAndNothingElse) {
  const Json shipped = parse_json_file("configs/technology/28nm.json");
  const ScratchFolder folder;
  const auto bill_of = [&](const Json& document) {
    return price("unit", everything(), read_technology(folder.write("t.json", document.dump())),
                 100);
  };
  const Bill before = bill_of(shipped);
  const auto expect_doubled = [&](const Json::json_pointer& constant, const std::string& component,
                                  double Cost::*figure) {
    Json document = shipped;
    // The wires' price is 0 as shipped: twice 0.5 then.
    const double value = document[constant].get<double>();
    Json half = document;
    if (value == 0) half[constant] = 0.5;
    document[constant] = value == 0 ? 1.0 : 2 * value;
    const Bill base = value == 0 ? bill_of(half) : before, after = bill_of(document);
    ASSERT_EQ(base.items.size(), after.items.size());
    bool found = false;
    for (std::size_t i = 0; i < base.items.size(); ++i) {
      const Cost &was = base.items[i].cost, &is = after.items[i].cost;
      for (double Cost::*each : {&Cost::energy_pj, &Cost::area_um2, &Cost::leakage_pj}) {
        const bool doubles = base.items[i].component == component && each == figure;
        EXPECT_DOUBLE_EQ(is.*each, doubles ? 2 * was.*each : was.*each)
            << constant.to_string() << " " << base.items[i].component;
        found |= doubles && was.*each > 0;
      }
    }
    EXPECT_TRUE(found) << constant.to_string();
  };
  const auto expect_both_doubled = [&](const std::string& operation, const char* format) {
    const std::string component = operation + "_" + format;
    const Json::json_pointer at = Json::json_pointer("/" + operation) / format;
    expect_doubled(at / "energy_pj", component, &Cost::energy_pj);
    expect_doubled(at / "area_um2", component, &Cost::area_um2);
  };
  for (const char* operation : {"add", "multiply", "divide", "compare"})
    for (const char* format : {"bfloat16", "float16", "float32", "float64"})
      expect_both_doubled(operation, format);
  expect_both_doubled("add", "int32");
  expect_both_doubled("multiply", "int8");
  expect_both_doubled("multiply", "int32");
  expect_doubled(Json::json_pointer("/register_bit/energy_pj"), "register_bit", &Cost::energy_pj);
  expect_doubled(Json::json_pointer("/register_bit/area_um2"), "register_bit", &Cost::area_um2);
  expect_doubled(Json::json_pointer("/link_byte/energy_pj"), "link_byte", &Cost::energy_pj);
  expect_doubled(Json::json_pointer("/external_memory_byte/energy_pj"), "external_memory_byte",
                 &Cost::energy_pj);
  // The memory has the capacity of the second one listed.
  const Json::json_pointer macro("/sram/macros/1");
  expect_doubled(macro / "read_pj", "sram_read", &Cost::energy_pj);
  expect_doubled(macro / "write_pj", "sram_write", &Cost::energy_pj);
  expect_doubled(macro / "area_um2", "sram_bit", &Cost::area_um2);
  expect_doubled(macro / "leakage_mw", "sram_bit", &Cost::leakage_pj);
}

/// A run of two checkers whose work is known, one that does not tell, and combinations.
struct ReportedRun {
  RunResult result;
  std::vector<CheckerConfig> checkers;
  CostReport report(const std::vector<std::string>& members) {
    AnyOfConfig combination;
    combination.members = members;
    checkers = {{"a", FlashAbftConfig{}},
                {"b", FlashAbftConfig{}},
                {"silent", FlashAbftConfig{}},
                {"both", combination}};
    const auto adds = [](std::uint64_t n) {
      Activity activity;
      activity.arithmetic.use(Operation::add, Format::float32, n, n);
      return activity;
    };
    result.cycles = 500;
    result.activity["array"] = adds(1000);
    result.activity["softmax"] = adds(600);
    result.activity["external_memory"].external_bytes = 100000;
    result.checkers.resize(4);
    result.checkers[0].activity = adds(40);
    result.checkers[1].activity = adds(8);
    return report_cost(result, checkers, 500, built_in_technology());
  }
};

TEST(CostReport, OverheadIsInPercentOfTheAcceleratorWithoutExternalMemory) {
  const CostReport report = ReportedRun().report({"a", "b"});
  EXPECT_DOUBLE_EQ(report.accelerator.energy_pj, 1600 * 0.405);
  EXPECT_DOUBLE_EQ(*report.energy_pct(report.by_checker[0].cost), 2.5);
  EXPECT_DOUBLE_EQ(*report.area_pct(report.by_checker[1].cost), 0.5);
  double energy = 0;
  for (const Bill& bill : report.units)
    if (bill.unit != "external_memory") energy += bill.total.energy_pj;
  EXPECT_EQ(energy, report.accelerator.energy_pj);
}

TEST(CostReport, ACombinationCostsItsMembersOnce) {
  const CostReport report = ReportedRun().report({"a", "b", "a"});
  EXPECT_DOUBLE_EQ(*report.energy_pct(report.by_checker[3].cost), 3);
}

TEST(CostReport, WhatIsNotToldIsUnknownAndNotZero) {
  const CostReport report = ReportedRun().report({"a", "silent"});
  for (const CheckerCost& checker :
       {report.by_checker[2], report.by_checker[3], report.all_checkers}) {
    EXPECT_FALSE(checker.cost) << checker.name;
    EXPECT_FALSE(report.energy_pct(checker.cost)) << checker.name;
  }
  EXPECT_TRUE(cost_json(report)["checkers"]["silent"]["energy_pj"].is_null());
  EXPECT_TRUE(cost_columns(report)["checker_area_overhead_pct"].is_null());
  EXPECT_TRUE(cost_columns(report)["both.energy_overhead_pct"].is_null());
  EXPECT_FALSE(cost_columns(report)["a.energy_overhead_pct"].is_null());
}

}  // namespace
}  // namespace attnguard
