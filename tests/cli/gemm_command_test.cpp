// Plain matrix products through the executable: what every command makes of them. ctest starts in
// the repository's root.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "src/workload/npy.h"
#include "tests/support/attnguard_command.h"
#include "tests/support/csv_rows.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Json = nlohmann::json;

// 3 × 2 folds, ragged in rows and columns.
constexpr const char* kSmall = R"({
  "accelerator": {"array": {"rows": 4, "cols": 3}, "formats": {"output": "float32"}},
  "checkers": {"abft": {"kind": "matmul_abft"}},
  "workload": {"kind": "gemm", "m": 10, "n": 5, "k": 6},
  "campaign": {"injections": 400}})";

class GemmCommand : public ::testing::Test {
 protected:
  void SetUp() override { config_ = files_.write("small.json", kSmall); }

  fs::path folder(const std::string& name) const { return files_.path() / name; }
  CommandResult attnguard(const std::string& command, const std::string& name,
                          const std::string& options = "") const {
    return run_attnguard(command + " " + config_ + " --out " + folder(name).string() + " " +
                         options);
  }
  std::string file(const std::string& name, const std::string& file) const {
    return read_text(folder(name) / file);
  }
  Json json(const std::string& name, const std::string& what) const {
    return Json::parse(file(name, what));
  }
  std::string refused(const std::string& options) const {
    const CommandResult result = attnguard("run", "refused", options);
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_FALSE(fs::exists(folder("refused")));
    return result.output;
  }

  ScratchFolder files_;
  std::string config_;
};

TEST_F(GemmCommand, RunReportsCyclesAsThePolicyCountsThem) {
  // 6 folds of 6 + 4 + 3 − 2.
  ASSERT_EQ(attnguard("run", "full", "--set accelerator.array.fold_policy=serial_full").exit_code,
            0);
  const Json full = json("full", "run.json");
  EXPECT_EQ(full["workload"], Json::parse(R"({"kind": "gemm", "m": 10, "n": 5, "k": 6})"));
  EXPECT_EQ(full["fold_policy"], "serial_full");
  EXPECT_EQ(full["cycles"], 66);
  EXPECT_EQ(full["scalesim_total_cycles"], 65);
  EXPECT_EQ(full["macs"], 300);
  EXPECT_DOUBLE_EQ(full["utilization"], 300.0 / (66 * 12));
  EXPECT_EQ(full["units"]["array"]["busy_cycles"], 36);
  EXPECT_EQ(full["checkers"]["abft"]["checks"], 10 * 2) << "a row of C in each of 2 column tiles";
  EXPECT_EQ(full["checkers"]["abft"]["alarms"], 0);
  EXPECT_EQ(full["bytes"]["array_to_result_memory"], 10 * 5 * 4);
  EXPECT_EQ(full["bytes"]["a_buffer_to_array"], 2 * 10 * 6 * 2) << "once per column tile";
  EXPECT_EQ(full["bytes"]["b_buffer_to_array"], 3 * 5 * 6 * 2) << "once per row tile";
  for (const auto& unit : full["units"]) {
    std::uint64_t cycles = unit["busy_cycles"];
    for (const auto& stall : unit["stall_cycles"]) cycles += stall.get<std::uint64_t>();
    EXPECT_EQ(cycles, 66U);
  }
  double sum = 0;
  for (const auto& unit : full["cost"]["units"]) sum += unit["energy_pj"].get<double>();
  EXPECT_DOUBLE_EQ(sum, full["cost"]["accelerator"]["energy_pj"]);

  // 6 folds of 6 + 3, and for each of them its rows and columns: 2 × (4 + 4 + 2) + 3 × (3 + 2).
  ASSERT_EQ(
      attnguard("run", "occupied", "--set accelerator.array.fold_policy=serial_occupied").exit_code,
      0);
  const Json occupied = json("occupied", "run.json");
  EXPECT_EQ(occupied["cycles"], 6 * 9 + 20 + 15);
  EXPECT_EQ(occupied["scalesim_total_cycles"], 65);
  EXPECT_EQ(occupied["output_sha256"], full["output_sha256"]);

  ASSERT_EQ(attnguard("run", "overlapped").exit_code, 0);
  EXPECT_EQ(json("overlapped", "run.json")["cycles"], 5 * 6 + 11);
}

TEST_F(GemmCommand, OperandsFromFilesGiveTheProductExpected) {
  // Small integers: every sum is exact.
  const fs::path at = files_.path();
  write_npy(at / "a.npy", {2, 3}, {1, 2, 3, 4, 5, 6});
  write_npy(at / "b.npy", {3, 2}, {1, 0, 0, 1, 2, -1});
  write_npy(at / "c.npy", {2, 2}, {7, -1, 16, -1});
  const std::string files = R"("a": "a.npy", "b": "b.npy", "expected_output": "c.npy")";
  config_ = files_.write("files.json", R"({"workload": {"kind": "gemm", )" + files + "}}");
  const CommandResult result = attnguard("run", "files");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(json("files", "run.json")["expected"]["max_abs_error"], 0);
  const NpyTensor output = parse_npy(file("files", "output.npy"), TensorFormat::floating);
  EXPECT_EQ(output.shape, (std::vector<std::uint64_t>{2, 2}));
  EXPECT_EQ(output.values, (std::vector<float>{7, -1, 16, -1}));

  // The effective configuration, run from its folder, gives the same.
  config_ = (folder("files") / "config.json").string();
  ASSERT_EQ(attnguard("run", "again").exit_code, 0);
  EXPECT_EQ(json("again", "run.json")["output_sha256"], json("files", "run.json")["output_sha256"]);
  EXPECT_EQ(json("again", "run.json")["config_sha256"], json("files", "run.json")["config_sha256"]);
}

TEST_F(GemmCommand, CampaignsAreTheSameForEveryEngineFidelityAndNumberOfWorkers) {
  ASSERT_EQ(attnguard("campaign", "a", "--workers 1").exit_code, 0);
  ASSERT_EQ(attnguard("campaign", "b", "--workers 2 --set campaign.engine=full").exit_code, 0);
  ASSERT_EQ(attnguard("campaign", "c", "--set accelerator.fidelity=cycle").exit_code, 0);
  const std::string injections = file("a", "injections.csv");
  EXPECT_EQ(file("b", "injections.csv"), injections);
  EXPECT_EQ(file("c", "injections.csv"), injections);
  EXPECT_EQ(file("b", "coverage.csv"), file("a", "coverage.csv"));
  EXPECT_EQ(json("a", "timing.json")["engine_shares"]["full"], 400);

  std::set<std::string> verdicts, classes;
  for (const Row& row : rows_of(injections)) {
    EXPECT_EQ(row.at("head"), "");
    EXPECT_EQ(row.at("key_tile"), "");
    EXPECT_NE(row.at("effect"), "sim_error");
    verdicts.insert(row.at("abft.verdict"));
    classes.insert(row.at("site_class"));
    if (row.at("effect") != "sdc" || row.at("site_class") != "array.pe[*][*].acc") continue;
    EXPECT_EQ(row.at("changed_values"), "1") << "output-stationary: one sum, one value";
    EXPECT_NE(row.at("query_row"), "");
  }
  EXPECT_EQ(verdicts.count("detected") + verdicts.count("undetected"), 2U);
  for (const char* site_class :
       {"a_buffer.word[*]", "b_buffer.word[*]", "array.pe[*][*].drain",
        "link.array_to_result_memory.data", "checksum.abft.row[*].score_sum"})
    EXPECT_EQ(classes.count(site_class), 1U) << site_class;

  for (int number = 0; number < 400; number += 57) {
    const CommandResult replay =
        run_attnguard("replay " + folder("a").string() + " " + std::to_string(number));
    EXPECT_EQ(replay.exit_code, 0) << replay.output;
    EXPECT_THAT(replay.output, HasSubstr("row reproduced"));
  }
}

TEST_F(GemmCommand, StationaryAndIntegerCampaignsAreTheSameForEveryFidelity) {
  const std::string integers =
      " --set accelerator.formats.operand=int8 --set accelerator.formats.output=int32"
      " --set workload.distribution.scale_a=40 --set workload.distribution.scale_b=40";
  int number = 0;
  for (const std::string dataflow : {"weight_stationary", "input_stationary", "output_stationary"})
    for (const std::string& formats : {std::string(), integers}) {
      if (dataflow == "output_stationary" && formats.empty()) continue;  // above
      const std::string name = "d" + std::to_string(number++);
      const std::string options = "--set accelerator.array.dataflow=" + dataflow + formats;
      CommandResult result = attnguard("campaign", name, options);
      ASSERT_EQ(result.exit_code, 0) << result.output;
      result = attnguard("campaign", name + "c", options + " --set accelerator.fidelity=cycle");
      ASSERT_EQ(result.exit_code, 0) << result.output;
      EXPECT_EQ(file(name, "injections.csv"), file(name + "c", "injections.csv"));
      std::set<std::string> classes;
      for (const Row& row : rows_of(file(name, "injections.csv"))) {
        classes.insert(row.at("site_class"));
        // Sums of int8 are checked exactly: a line of C with one wrong value does not pass, however
        // small the error. (Of several, as of a west operand, the errors may cancel.)
        const std::string& site = row.at("site_class");
        if (!formats.empty() && site.rfind("array.", 0) == 0 && site != "array.pe[*][*].west" &&
            row.at("changed_values") != "0") {
          EXPECT_NE(row.at("abft.alarm_cycle"), "") << row.at("site");
        }
      }
      if (dataflow == "output_stationary") continue;
      for (const char* site_class : {"array.pe[*][*].stationary", "array.pe[*][*].preload",
                                     "array.pe[*][*].sum", "checksum.abft.preload[*]",
                                     "checksum.abft.operand[*]", "checksum.abft.line[*].partial"})
        EXPECT_EQ(classes.count(site_class), 1U) << site_class << " of " << dataflow;
    }
}

TEST_F(GemmCommand, IntegerOperandsFromFilesMustBeIntegers) {
  const fs::path at = files_.path();
  write_npy(at / "a.npy", {2, 2}, {127, -128, 3, 4});
  write_npy(at / "b.npy", {2, 1}, {100, -100});
  write_npy(at / "c.npy", {2, 1}, {25500, -100});
  const std::string start = R"({"accelerator": {"formats": {"operand": "int8", "output": "int32"}},
    "checkers": {"abft": {"kind": "matmul_abft"}},
    "workload": {"kind": "gemm", "a": "a.npy", "b": ")";
  config_ = files_.write("int.json", start + R"(b.npy", "expected_output": "c.npy"}})");
  const CommandResult result = attnguard("run", "int");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(json("int", "run.json")["expected"]["max_abs_error"], 0);
  EXPECT_EQ(json("int", "run.json")["checkers"]["abft"]["max_residual"], 0);
  EXPECT_GT(json("int", "run.json")["cost"]["units"]["array"]["energy_pj"], 0);
  const std::string output = file("int", "output.npy");
  EXPECT_THAT(output, HasSubstr("'<i4'"));
  EXPECT_EQ(output.substr(output.size() - 8), std::string("\x9c\x63\0\0\x9c\xff\xff\xff", 8));
  write_npy(at / "b.npy", {2, 1}, {100, 0.5});
  EXPECT_THAT(refused(""), HasSubstr("value 0.5 at [1, 0]; integers from -128 to 127"));
}

TEST_F(GemmCommand, OperandFilesSayShapeAndValuesAndFitEachOther) {
  write_npy(files_.path() / "a.npy", {2, 3}, std::vector<float>(6, 1));
  write_npy(files_.path() / "b.npy", {4, 2}, std::vector<float>(8, 1));
  config_ =
      files_.write("files.json", R"({"workload": {"kind": "gemm", "a": "a.npy", "b": "b.npy"}})");
  EXPECT_THAT(refused(""),
              HasSubstr("/workload/b: b.npy: shape (4, 2); a row for each of the 3 columns of a"));
  const std::string also = "given; not with a and b, whose files say the shape and the values";
  EXPECT_THAT(refused("--set workload.n=2"), HasSubstr("workload.n=2: " + also));
  EXPECT_THAT(refused("--set workload.distribution.scale_a=2"), HasSubstr(also));
}

TEST_F(GemmCommand, SitesAreServedByCompleteRuns) {
  ASSERT_EQ(attnguard("sites", "sites").exit_code, 0);
  const std::vector<Row> rows = rows_of(file("sites", "sites.csv"));
  EXPECT_GT(rows.size(), 10U);
  for (const Row& row : rows) EXPECT_EQ(row.at("engine"), "full") << row.at("site_class");
}

TEST_F(GemmCommand, SweepsOverFoldPoliciesAndSizes) {
  config_ = files_.write("sweep.json", R"({
    "workload": {"kind": "gemm", "m": 64, "n": 64, "k": 64},
    "sweep": {"grid": {"accelerator.array.fold_policy": ["serial_full", "serial_occupied"],
                       "accelerator.array.rows": [8, 16], "accelerator.array.cols": [8, 16]},
              "linked": [["accelerator.array.rows", "accelerator.array.cols"]]}})");
  const CommandResult result = attnguard("sweep", "sweep");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  std::vector<std::string> cycles, scalesim;
  for (const Row& row : rows_of(file("sweep", "sweep.csv"))) {
    cycles.push_back(row.at("cycles"));
    scalesim.push_back(row.at("scalesim_total_cycles"));
  }
  EXPECT_EQ(cycles, (std::vector<std::string>{"4992", "1504", "5312", "1584"}));
  EXPECT_EQ(scalesim, (std::vector<std::string>{"4991", "1503", "4991", "1503"}));
}

TEST_F(GemmCommand, CalibratesThresholdsFromFreshOperands) {
  const CommandResult result =
      attnguard("calibrate", "calibrate", "--set calibration.inferences=20");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(file("calibrate", "thresholds.csv"), HasSubstr("abft,product"));
}

TEST_F(GemmCommand, RefusesWhatAProductHasNoUseFor) {
  EXPECT_THAT(refused("--set workload.mask=causal"),
              HasSubstr("workload.mask=causal: unknown key; allowed: kind"));
  EXPECT_THAT(refused("--set workload.a=a.npy"),
              HasSubstr("/workload/b: missing; a .npy file, as a is given"));
  EXPECT_THAT(refused("--set workload.k=0"), HasSubstr("an integer from 1 to 65536"));
  EXPECT_THAT(refused("--set checkers.abft.kind=flash_abft"),
              HasSubstr("\"flash_abft\"; with a gemm workload: matmul_abft, any_of"));
  EXPECT_THAT(refused("--set checkers.abft.key_sum=at_write"),
              HasSubstr("at_write; at_read with a gemm workload"));
  EXPECT_THAT(refused("--set checkers.abft.query_source=own"),
              HasSubstr("own; shared with a gemm workload"));
  EXPECT_THAT(refused("--set accelerator.array.dataflow=weight_stationary "
                      "--set accelerator.array.fold_policy=serial_occupied"),
              HasSubstr("serial_occupied; serial_full or overlapped with weight_stationary"));
  EXPECT_THAT(refused("--set accelerator.array.dataflow=weight_stationary "
                      "--set checkers.abft.score_threshold.rule=variance"),
              HasSubstr("variance; absolute, relative or bound with weight_stationary"));
  EXPECT_THAT(refused("--set accelerator.formats.operand=int8"),
              HasSubstr("int32, as int8 operands have int32 sums"));
  EXPECT_THAT(refused("--set accelerator.formats.output=int32"),
              HasSubstr("int32; bfloat16 or float32; int32 of int8 operands"));
  EXPECT_THAT(
      refused("--set accelerator.formats.operand=int8 --set "
              "accelerator.formats.output=int32 --set checkers.abft.score_threshold.value=1"),
      HasSubstr("none with int8 operands, whose checksums are exact"));
  EXPECT_THAT(refused("--set recovery.policy=recompute_tile"),
              HasSubstr("recompute_tile; none with a gemm workload"));
  EXPECT_THAT(refused("--set accelerator.buffers.q.protection.code=parity"),
              HasSubstr("only the default with a gemm workload"));
  EXPECT_THAT(refused("--set accelerator.buffers.k.words=64"),
              HasSubstr("/accelerator/buffers/k/words: 64; only the default with a gemm workload"));
  EXPECT_THAT(refused("--set accelerator.softmax.exp2=piecewise_linear"),
              HasSubstr("\"piecewise_linear\"; only the default with a gemm workload"));
  EXPECT_THAT(refused("--set accelerator.formats.probability=float32"),
              HasSubstr("\"float32\"; only the default with a gemm workload"));
  EXPECT_THAT(refused("--set workload.m=65536 --set workload.n=65536 --set workload.k=1"),
              HasSubstr("4294967296 values in the product; at most 67108864"));
  EXPECT_THAT(refused("--set workload.m=65536 --set workload.n=1 --set workload.k=65536"),
              HasSubstr("workload.k=65536: 4294967296 values; at most 67108864 in an operand"));
  EXPECT_THAT(refused("--set workload.distribution.outlier_channels=7"),
              HasSubstr(": 7 outlier_channels; at most k, 6"));
  config_ = "configs/tiny_gpt.json";
  EXPECT_THAT(refused("--set accelerator.array.fold_policy=serial_full"),
              HasSubstr("\"serial_full\"; overlapped with attention"));
}

TEST_F(GemmCommand, RunsTheShippedConfiguration) {
  config_ = "configs/gemm.json";
  ASSERT_EQ(attnguard("run", "shipped").exit_code, 0);
  const Json run = json("shipped", "run.json");
  EXPECT_EQ(run["cycles"], 555008);
  EXPECT_EQ(run["scalesim_total_cycles"], 555007);
  EXPECT_EQ(run["checkers"]["abft"]["alarms"], 0);
}

}  // namespace
}  // namespace attnguard
