// Calibrate and roc with the built executable on real simulations. ctest names it in ATTNGUARD.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "src/campaign/figures/statistics.h"
#include "src/files/csv_reader.h"
#include "tests/support/attnguard_command.h"
#include "tests/support/process_tree.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Two query heads on one key head, 6 queries, width 4, on a 4 × 2 array; small enough for thousands
// of runs.
constexpr const char* kConfig = R"({
  "accelerator": {"array": {"rows": 4, "cols": 2}, "external_memory": {"latency_cycles": 4}},
  "checkers": {"merged": {"kind": "flash_abft"},
               "bounded": {"kind": "flash_abft", "score_check": true, "threshold": {"rule": "bound"}},
               "two_check": {"kind": "matmul_abft", "score_threshold": {"rule": "absolute"}},
               "efta": {"kind": "efta"}, "columns": {"kind": "attnchecker", "threshold": 0.01},
               "range": {"kind": "range_check"}, "duplicated": {"kind": "duplicated_softmax"},
               "patient": {"kind": "flash_abft", "nonfinite": "ignore"},
               "region": {"kind": "statistical_abft"},
               "joined": {"kind": "any_of", "members": ["merged", "range"]}},
  "workload": {"kind": "attention", "mask": "causal", "heads": 2, "kv_heads": 1, "tokens_q": 6, "tokens_k": 6, "head_dim": 4},
  "campaign": {"injections": 1200},
  "calibration": {"inferences": 600, "rate_per_check": 1e-3, "rate_per_inference": 0.05}})";

using Row = std::map<std::string, std::string>;

std::vector<Row> rows_of(const fs::path& file) {
  CsvTable table(file, file.string());
  std::vector<Row> rows;
  while (table.next()) {
    Row& row = rows.emplace_back();
    for (std::size_t i = 0; i < table.header().size(); ++i) row[table.header()[i]] = table[i];
  }
  return rows;
}

class CalibrationCommand : public ::testing::Test {
 protected:
  void SetUp() override { config_ = files_.write("small.json", kConfig); }
  void call(const std::string& arguments, int exit_code = 0) {
    const CommandResult result = run_attnguard(arguments);
    ASSERT_EQ(result.exit_code, exit_code) << arguments << '\n' << result.output;
    output_ = result.output;
  }
  void expect_refused(const std::string& arguments, const std::string& message) {
    call(arguments + " --out " + folder("refused"), 2);
    EXPECT_THAT(output_, HasSubstr(message));
    EXPECT_FALSE(fs::exists(folder("refused")));
  }
  std::string folder(const std::string& name) const { return (files_.path() / name).string(); }
  std::string file(const std::string& name, const std::string& file) const {
    return read_text(files_.path() / name / file);
  }

  ScratchFolder files_;
  std::string config_, output_;
};

TEST_F(CalibrationCommand, WritesTheSameFilesForAnyWorkersAndFidelity) {
  call("calibrate " + config_ + " --write-residuals --workers 1 --quiet --out " + folder("a"));
  EXPECT_EQ(output_, "");
  call("calibrate " + config_ + " --write-residuals --workers 3 --out " + folder("b"));
  EXPECT_THAT(output_, HasSubstr("--set checkers.bounded.threshold.rule=relative"));
  call("calibrate " + config_ + " --write-residuals --set accelerator.fidelity=cycle --out " +
       folder("c"));
  for (const char* name : {"thresholds.csv", "distribution.csv", "maxima.csv", "residuals.csv"}) {
    EXPECT_EQ(file("a", name), file("b", name)) << name;
    EXPECT_EQ(file("a", name), file("c", name)) << name;
  }
  EXPECT_EQ(file("a", "calibration.json"), file("b", "calibration.json"));
  call("calibrate " + config_ + " --quiet --seed 2 --out " + folder("d"));
  EXPECT_NE(file("a", "maxima.csv"), file("d", "maxima.csv"));
  EXPECT_FALSE(fs::exists(folder("d") + "/residuals.csv"));
}

// From the residuals alone, what is said of the held-out half comes out again.
TEST_F(CalibrationCommand, FiguresFollowFromTheResiduals) {
  call("calibrate " + config_ + " --write-residuals --quiet --out " + folder("a"));
  std::map<std::string, std::uint64_t> checks, above;
  std::map<std::string, double> threshold;
  const std::vector<Row> thresholds = rows_of(folder("a") + "/thresholds.csv");
  for (const Row& row : thresholds)
    if (row.at("per") == "check" && !row.at("threshold").empty())
      threshold[row.at("checker") + "." + row.at("comparison")] = std::stod(row.at("threshold"));
  for (const Row& row : rows_of(folder("a") + "/residuals.csv")) {
    const std::string name = row.at("checker") + "." + row.at("comparison");
    if (std::stoul(row.at("inference")) < 300 || threshold.count(name) == 0) continue;
    ++checks[name];
    if (std::stod(row.at("residual")) > threshold[name] * std::stod(row.at("scale"))) ++above[name];
  }
  std::size_t compared = 0;
  for (const Row& row : thresholds) {
    if (row.at("per") != "check" || row.at("threshold").empty()) continue;
    const std::string name = row.at("checker") + "." + row.at("comparison");
    EXPECT_EQ(std::stoul(row.at("held_out")), checks[name]) << name;
    EXPECT_EQ(std::stoul(row.at("held_out_alarms")), above[name]) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 20U);
}

// The thresholds of 1 000 inferences, tried on 4 000 others.
TEST_F(CalibrationCommand, ThresholdsKeepTheirRatesOnFreshInferences) {
  const std::string calibrate = "calibrate " + config_ + " --quiet --set calibration.inferences=";
  call(calibrate + "2000 --out " + folder("made"));
  const auto made = nlohmann::json::parse(file("made", "calibration.json"));
  const nlohmann::json flat = made["thresholds"].flatten();
  EXPECT_TRUE(made["supported"]);
  for (const bool tightened : {false, true}) {
    std::string sets;
    for (const auto& key : flat.items()) {  // "/checkers/merged/…": value
      std::string path = key.key().substr(1);
      std::replace(path.begin(), path.end(), '/', '.');
      nlohmann::json value = key.value();
      if (tightened && value.is_number()) value = value.get<double>() * 0.1;
      sets += " --set '" + path + "=" + value.dump() + "'";
    }
    const std::string out = folder(tightened ? "tight" : "tried");
    call(calibrate + "4000 --seed 2" + sets + " --out " + out);
    std::size_t judged = 0;
    for (const Row& row : rows_of(out + "/thresholds.csv")) {
      const std::string& name = row.at("checker");
      if (row.at("comparison") == "any" || row.at("sample").empty() || name == "range" ||
          name == "duplicated" || row.at("comparison") == "sum_range")
        continue;  // those keep their thresholds
      ++judged;
      const std::uint64_t trials = std::stoull(row.at("sample")) + std::stoull(row.at("held_out")),
                          seen = std::stoull(row.at("configured_alarms"));
      const double rate = std::stod(row.at("rate"));
      if (tightened) {
        EXPECT_GT(static_cast<double>(seen), rate * static_cast<double>(trials)) << name;
      } else {
        EXPECT_LE(clopper_pearson(seen, trials, 0.9).low, rate)
            << name << ' ' << row.at("comparison") << ' ' << row.at("per") << ": " << seen << " of "
            << trials;
      }
    }
    EXPECT_EQ(judged, 24U);
  }
}

TEST_F(CalibrationCommand, HeadsOfGivenTensorsAreSplit) {
  call("calibrate configs/tiny_gpt.json --out " + folder("a"));
  EXPECT_THAT(output_, HasSubstr("the sample is too small for the rate asked"));
  EXPECT_THAT(output_, HasSubstr("tensors of "));
  const auto json = nlohmann::json::parse(file("a", "calibration.json"));
  EXPECT_EQ(json["unit"], "kv_head");
  EXPECT_EQ(json["units"], 4);
  EXPECT_EQ(json["calibration_units"], 2);
  EXPECT_EQ(json["supported"], false);
  for (const Row& row : rows_of(folder("a") + "/thresholds.csv"))
    if (row.at("checker") == "merged" && row.at("comparison") == "output") {
      const bool check = row.at("per") == "check";
      EXPECT_EQ(row.at("sample"), check ? "512" : "2");
      EXPECT_EQ(row.at("rate"), check ? "0.0001" : "0.0025") << "0.01 shared by four heads";
      EXPECT_EQ(row.at("sample_needed"), check ? "29956" : "1197");
    }
}

TEST_F(CalibrationCommand, RefusesWhatCannotBeCalibrated) {
  expect_refused("calibrate configs/tiny_gpt.json --set calibration.split=seeds",
                 "seeds; heads, as the tensors are given");
  expect_refused("calibrate " + config_ + R"( --set 'calibration={"split":"heads"}')",
                 "heads; tensors of at least 2 kv heads");
  expect_refused("calibrate " + config_ + " --set calibration.split=heads",
                 "inferences: 600; only with split seeds: heads divides one inference");
  expect_refused(
      "calibrate configs/tiny_gpt.json --set calibration.inferences=500",
      "/calibration/inferences: 500; nothing with tensors given: one inference is divided by its "
      "kv heads");
  expect_refused("calibrate " + config_ + " --set calibration.inferences=1",
                 "1; an integer from 2 to 10000000");
  expect_refused("calibrate " + config_ + " --set calibration.rate_per_check=0",
                 "0; a number from 1e-12 to 1");
  expect_refused("calibrate " + config_ + " --set 'checkers={}'", "at least one checker");
}

class RocCommand : public CalibrationCommand {
 protected:
  std::map<std::string, Row> totals(const std::string& campaign, const std::string& total) {
    std::map<std::string, Row> found;
    for (const Row& row : rows_of(folder(campaign) + "/coverage.csv"))
      if (row.at("site_class") == total && row.at("tolerance") == "0.01")
        found[row.at("checker")] = row;
    return found;
  }
};

TEST_F(RocCommand, PassesThroughTheCampaignAndFallsFromThere) {
  const std::string memory =
      R"( --set accelerator.buffers.o.protection='{"code":"parity","data_bits":32}')"
      R"( --set checkers.memory='{"kind":"memory_protection"}')";
  call("campaign " + config_ + memory + " --quiet --out " + folder("a"));
  call("roc " + folder("a"));
  EXPECT_THAT(output_, HasSubstr("memory: no curve"));
  const std::vector<Row> roc = rows_of(folder("a") + "/roc/roc.csv");
  std::size_t compared = 0;
  const Row* before = nullptr;
  for (const Row& row : roc) {
    const bool goes_on = before != nullptr && before->at("checker") == row.at("checker") &&
                         before->at("comparison") == row.at("comparison") &&
                         before->at("site_class") == row.at("site_class");
    if (goes_on) {
      EXPECT_LT(std::stod(before->at("factor")), std::stod(row.at("factor")));
      EXPECT_GE(std::stod(before->at("coverage")), std::stod(row.at("coverage")));
      EXPECT_GE(std::stoull(before->at("check_alarms")), std::stoull(row.at("check_alarms")));
      EXPECT_GE(std::stoull(before->at("unit_alarms")), std::stoull(row.at("unit_alarms")));
    }
    before = &row;
    if (row.at("factor") != "1" || row.at("comparison") != "any") continue;
    const Row known = totals("a", row.at("site_class")).at(row.at("checker"));
    for (const char* column : {"fault_class", "detected", "undetected", "coverage", "ci_low",
                               "ci_high", "confidence", "ci_method"})
      EXPECT_EQ(row.at(column), known.at(column)) << row.at("checker") << ' ' << column;
    EXPECT_EQ(row.at("check_alarms"), "0");
    ++compared;
  }
  EXPECT_EQ(compared, 30U) << "ten checkers, three totals";
}

// What the curve says of another threshold is what a campaign at that threshold finds.
TEST_F(RocCommand, PointsAreWhatCampaignsAtTheirThresholdsFind) {
  call("campaign " + config_ + " --quiet --out " + folder("a"));
  call("roc " + folder("a") + " --quiet");
  int others = 0;
  for (const double least : {0.02, 10.0, 3e3, 1e6}) {
    std::map<std::string, Row> points;
    for (const Row& row : rows_of(folder("a") + "/roc/roc.csv"))
      if (row.at("checker") == "merged" && std::stod(row.at("factor")) >= least)
        points.try_emplace(row.at("site_class"), row);
    const std::string out = "at_" + std::to_string(least);
    const Row& point = points.at("total");
    call("campaign " + config_ + " --quiet --set checkers.merged.threshold.value=" +
         point.at("threshold") + " --out " + folder(out));
    others += point.at("detected") != totals("a", "total").at("merged").at("detected") ? 1 : 0;
    const Row found = totals(out, "total").at("merged");
    for (const char* column : {"detected", "undetected", "coverage", "ci_low", "ci_high"})
      EXPECT_EQ(point.at(column), found.at(column)) << column << " at " << point.at("factor");
  }
  EXPECT_GE(others, 3) << "the curve is no flat line";
}

// The factor of a critical region is what the curve moves.
TEST_F(RocCommand, PointsAreWhatCampaignsWithThatCriticalRegionFind) {
  call("campaign " + config_ + " --quiet --out " + folder("a"));
  call("roc " + folder("a") + " --quiet");
  int others = 0;
  for (const double least : {0.001, 0.05, 30.0}) {
    Row point;
    for (const Row& row : rows_of(folder("a") + "/roc/roc.csv"))
      if (point.empty() && row.at("checker") == "region" && row.at("comparison") == "any" &&
          row.at("site_class") == "total" && std::stod(row.at("factor")) >= least)
        point = row;
    ASSERT_FALSE(point.empty());
    const std::string out = "region_" + point.at("factor");
    call("campaign " + config_ +
         " --quiet --set checkers.region.score_region.factor=" + point.at("factor") +
         " --set checkers.region.pv_region.factor=" + point.at("factor") + " --out " + folder(out));
    const Row found = totals(out, "total").at("region");
    for (const char* column : {"detected", "undetected", "coverage"})
      EXPECT_EQ(point.at(column), found.at(column)) << column << " at " << point.at("factor");
    others += found.at("detected") != totals("a", "total").at("region").at("detected") ? 1 : 0;
  }
  EXPECT_GE(others, 2);
}

TEST_F(RocCommand, TakesTheFalseAlarmsOfACalibration) {
  call("campaign " + config_ + " --quiet --out " + folder("a"));
  call("calibrate " + config_ + " --quiet --out " + folder("clean"));
  call("roc " + folder("a") + " --calibration " + folder("clean"));
  EXPECT_THAT(output_, HasSubstr("alarms in 600 inferences"));
  std::size_t silent = 0;
  for (const Row& row : rows_of(folder("a") + "/roc/roc.csv")) {
    EXPECT_EQ(row.at("units"), "600");
    if (row.at("checker") != "merged") continue;
    EXPECT_EQ(row.at("checks"), "7200") << "12 queries each";
    if (row.at("factor") == "0") {
      EXPECT_EQ(row.at("unit_alarms"), "600");
    }
    silent += row.at("unit_alarms") == "0" ? 1 : 0;
  }
  EXPECT_GT(silent, 0U);

  const std::string other = folder("other");
  call("calibrate " + config_ + " --quiet --set checkers.merged.threshold.value=1e-3 --out " +
       other);
  call("roc " + folder("a") + " --quiet --force --calibration " + other);
  call("calibrate " + config_ + " --quiet --force --set checkers.merged.format=float64 --out " +
       other);
  expect_refused("roc " + folder("a") + " --calibration " + other,
                 "/checkers/merged/format differs; a calibration of the campaign's accelerator");
  expect_refused("roc " + folder("a") + " --calibration " + folder("nothing"),
                 "nothing/config.json");
}

TEST_F(RocCommand, RefusesWhatIsNoCampaign) {
  expect_refused("roc " + folder("nothing"), "no injections.csv");
  call("run " + config_ + " --quiet --out " + folder("run"));
  expect_refused("roc " + folder("run"), "no injections.csv");
  call("campaign " + config_ + " --quiet --out " + folder("a"));
  call("roc " + folder("a") + " --quiet");
  call("roc " + folder("a"), 2);
  EXPECT_THAT(output_, HasSubstr("--force"));
  call("campaign " + config_ + " --quiet --force --out " + folder("a"));
  EXPECT_FALSE(fs::exists(folder("a") + "/roc")) << "it spoke of rows that are gone";
  fs::resize_file(files_.path() / "a" / "injections.csv",
                  file("a", "injections.csv").find('\n') + 1);
  expect_refused("roc " + folder("a"), "injections.csv: 0 rows");
}

TEST_F(CalibrationCommand, ASignalEndsItAndLeavesNothing) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const fs::path log = files_.path() / "log";
    RunningAttnguard running("calibrate " + config_ + " --quiet --write-residuals --out " +
                                 folder("out") + " --set calibration.inferences=1000000",
                             log);
    const auto partial = [&] {
      for (const auto& entry : fs::directory_iterator(files_.path()))
        if (entry.path().filename().string().front() == '.') return entry.path();
      return fs::path();
    };
    for (int i = 0; i < 5000 && partial().empty(); ++i) sleep_ms(2);
    ASSERT_FALSE(partial().empty());
    running.signal(signal);
    EXPECT_EQ(running.wait(), 130);
    EXPECT_EQ(read_text(log), "attnguard: interrupted; nothing is kept\n");
    EXPECT_EQ(partial(), fs::path());
    EXPECT_FALSE(fs::exists(folder("out")));
  }
}

}  // namespace
}  // namespace attnguard
