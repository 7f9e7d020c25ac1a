// Reading a configuration: what is accepted, what the effective configuration is, and the exact
// text of every complaint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/config/document.h"
#include "src/config/read_config.h"
#include "src/config/user_error.h"
#include "src/simulation/combinations.h"
#include "tests/support/read_text_config.h"

namespace attnguard {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kKinds =
    "flash_abft, matmul_abft, efta, attnchecker, statistical_abft, range_check, "
    "duplicated_softmax, memory_protection, any_of";
const std::string kWorkload =
    R"("workload": {"kind": "attention", "heads": 2, "tokens_q": 8, "tokens_k": 8, "head_dim": 16})";

std::string with_workload(const std::string& rest) { return "{" + rest + ", " + kWorkload + "}"; }
std::string with_array(const std::string& rest) {
  return with_workload(R"("accelerator": {"array": {)" + rest + "}}");
}

TEST(Config, ReadsEverySectionAndKeepsTheOrderOfCheckers) {
  const Config config = read(with_workload(
      R"("seed": 18446744073709551615, "accelerator": {"fidelity": "cycle", "clock_mhz": 1e3,
         "array": {"rows": 4, "cols": 8}, "formats": {"operand": "float16"}},
         "checkers": {"z": {"kind": "matmul_abft", "pv_check": "carried"},
                      "a": {"kind": "flash_abft", "score_check": true, "threshold": {"rule": "bound"}}},
         "campaign": {"injections": 7, "sites": ["array.*", "softmax.*"], "faults": [{"site": "x", "bit": 1, "cycle": 2}]},
         "sweep": {"grid": {"accelerator.array.rows": [4, 8]}, "mode": "campaign"})"));
  EXPECT_EQ(config.seed, 18446744073709551615U);
  EXPECT_EQ(config.accelerator.fidelity, Fidelity::cycle);
  EXPECT_EQ(config.accelerator.clock_mhz, 1000.0);
  EXPECT_EQ(config.accelerator.array.rows, 4U);
  EXPECT_EQ(config.accelerator.formats.operand, Format::float16);
  ASSERT_EQ(config.checkers.size(), 2U);
  EXPECT_EQ(config.checkers[0].name, "z");
  EXPECT_EQ(config.checkers[0].options.get_if<MatmulAbftConfig>()->pv_check, PvCheck::carried);
  EXPECT_EQ(config.checkers[1].name, "a");
  EXPECT_TRUE(config.checkers[1].options.get_if<FlashAbftConfig>()->score_check);
  EXPECT_EQ(config.checkers[1].options.get_if<FlashAbftConfig>()->threshold.rule,
            ThresholdRule::bound);
  EXPECT_EQ(config.campaign.sites, (std::vector<std::string>{"array.*", "softmax.*"}));
  ASSERT_EQ(config.campaign.faults.size(), 1U);
  EXPECT_EQ(config.campaign.faults[0].cycle, 2U);
  EXPECT_EQ(config.sweep.mode, SweepMode::campaign);
  ASSERT_EQ(config.sweep.grid.size(), 1U);
  EXPECT_EQ(config.sweep.grid[0].values[1], Json(8));
}

TEST(Config, AttentionIsOutputStationaryAndInRealNumbers) {
  EXPECT_EQ(complaint(with_array(R"("dataflow": "weight_stationary")")),
            "c.json#/accelerator/array/dataflow: \"weight_stationary\"; output_stationary with "
            "attention");
  EXPECT_EQ(complaint(with_array(R"("dataflow": "input_stationary")")),
            "c.json#/accelerator/array/dataflow: \"input_stationary\"; output_stationary with "
            "attention");
  EXPECT_EQ(complaint(with_workload(R"("accelerator": {"formats": {"operand": "int8"}})")),
            "c.json#/accelerator/formats/operand: \"int8\"; bfloat16, float16 or float32 with "
            "attention");
  EXPECT_EQ(complaint(with_workload(R"("accelerator": {"formats": {"output": "int32"}})")),
            "c.json#/accelerator/formats/output: \"int32\"; bfloat16 or float32 with attention");
}

TEST(Config, EffectiveConfigurationReadsBackAsItself) {
  const Config config = read(with_workload(
      R"("accelerator": {"clock_mhz": 0.1e4}, "checkers": {"m": {"kind": "flash_abft", "threshold": {"value": 1e-7}},
         "t": {"kind": "matmul_abft"}}, "sweep": {"grid": {"seed": [1, 2]}, "linked": [["seed"]]})"));
  const Json first = write_config(config);
  EXPECT_EQ(write_config(read(first.dump())).dump(), first.dump());
  EXPECT_EQ(first["accelerator"]["array"]["rows"], 16);  // a default, filled in
  EXPECT_EQ(first["checkers"]["m"]["threshold"]["value"], 1e-7);
}

TEST(Config, UnknownKeyNamesTheNearest) {
  EXPECT_EQ(complaint(with_array(R"("rwos": 8)")),
            "c.json#/accelerator/array/rwos: unknown key; did you mean \"rows\"? allowed: rows, "
            "cols, dataflow, fold_policy");
  EXPECT_EQ(
      complaint(with_array(R"("xyzzy": 8)")),
      "c.json#/accelerator/array/xyzzy: unknown key; allowed: rows, cols, dataflow, fold_policy");
  EXPECT_EQ(complaint(with_workload(R"("a/b~\n": 8)")),
            "c.json#/a~1b~0\\n: unknown key; allowed: schema_version, seed, accelerator, checkers, "
            "workload, "
            "recovery, campaign, calibration, sweep, technology");
}

TEST(Config, DuplicateKeyIsNamedWithItsPath) {
  EXPECT_EQ(complaint(with_array(R"("rows": 8, "rows": 8)")),
            "c.json#/accelerator/array/rows: duplicate key; each key at most once");
  EXPECT_EQ(
      complaint(R"({"campaign": {"faults": [{"site": "a", "bit": 1, "cycle": 2, "bit": 1}]}})"),
      "c.json#/campaign/faults/0/bit: duplicate key; each key at most once");
  EXPECT_EQ(complaint(with_workload(
                R"("checkers": {"m": {"kind": "flash_abft"}, "m": {"kind": "flash_abft"}})")),
            "c.json#/checkers/m: duplicate key; each key at most once");
}

TEST(Config, MissingKeyIsNamed) {
  EXPECT_EQ(complaint("{}"), "c.json#/workload: missing; required: what is computed");
  EXPECT_EQ(complaint(R"({"workload": {}})"),
            "c.json#/workload/kind: missing; required: what is computed");
  EXPECT_EQ(
      complaint(R"({"workload": {"kind": "attention", "heads": 1, "tokens_q": 1, "tokens_k": 1}})"),
      "c.json#/workload/head_dim: missing; an integer, or files for q, k and v");
  EXPECT_EQ(complaint(R"({"workload": {"kind": "attention", "q": "q.npy", "v": "v.npy"}})"),
            "c.json#/workload/k: missing; a .npy file, as q is given");
  EXPECT_EQ(complaint(with_workload(R"("checkers": {"m": {}})")),
            "c.json#/checkers/m/kind: missing; allowed: " + kKinds);
}

TEST(Config, OptionsOfACheckerThatDoNotGoTogetherAreRefused) {
  const auto variance = [](const std::string& rest) {
    return complaint(with_workload(R"("checkers": {"m": {"kind": "matmul_abft", )" + rest + "}}"));
  };
  EXPECT_EQ(variance(R"("pv_threshold": {"rule": "variance"}, "pv_check": "carried")"),
            "c.json#/checkers/m/pv_threshold/rule: \"variance\"; absolute, relative or bound with "
            "pv_check carried, whose sum is no product of two matrices");
  EXPECT_EQ(variance(R"("score_threshold": {"rule": "variance"}, "format": "bfloat16")"),
            "c.json#/checkers/m/score_threshold/rule: \"variance\"; absolute, relative or bound "
            "with format bfloat16");
  EXPECT_EQ(variance(R"("pv_threshold": {"rule": "variance"}, "format": "bfloat16")"),
            "c.json#/checkers/m/pv_threshold/rule: \"variance\"; absolute, relative or bound with "
            "format bfloat16");
  EXPECT_EQ(complaint(with_workload(
                R"("checkers": {"m": {"kind": "flash_abft", "threshold": {"rule": "variance"}}})")),
            "c.json#/checkers/m/threshold/rule: \"variance\"; allowed: absolute, relative, bound");
  for (const std::string region : {"score_region", "pv_region"})
    EXPECT_EQ(complaint(with_workload(R"("checkers": {"m": {"kind": "statistical_abft", ")" +
                                      region + R"(": {"corners": []}}})")),
              "c.json#/checkers/m/" + region + "/corners: []; at least one corner");
}

TEST(Config, MembersOfACombinationExistAndDoNotLeadBack) {
  const auto with_checkers = [](const std::string& combinations) {
    return complaint(with_workload(
        R"("checkers": {"merged": {"kind": "flash_abft"}, "range": {"kind": "range_check"}, )" +
        combinations + "}"));
  };
  EXPECT_EQ(with_checkers(R"("c": {"kind": "any_of", "members": ["merged", "rnage"]})"),
            "c.json#/checkers/c/members/1: \"rnage\"; did you mean \"range\"? allowed: merged, "
            "range");
  EXPECT_EQ(with_checkers(R"("c": {"kind": "any_of", "members": []})"),
            "c.json#/checkers/c/members: []; at least one checker");
  EXPECT_EQ(with_checkers(R"("c": {"kind": "any_of", "members": ["merged", "range", "merged"]})"),
            "c.json#/checkers/c/members/2: \"merged\"; each checker at most once");
  EXPECT_EQ(with_checkers(R"("c": {"kind": "any_of"})"),
            "c.json#/checkers/c/members: missing; required: names of the checkers of which one "
            "alarm is enough");
  EXPECT_EQ(with_checkers(R"("c": {"kind": "any_of", "members": ["merged", "c"]})"),
            "c.json#/checkers/c/members/1: \"c\"; a checker that does not lead back to it (c > c)");
  EXPECT_EQ(with_checkers(R"("a": {"kind": "any_of", "members": ["b"]},
                             "b": {"kind": "any_of", "members": ["range", "a"]})"),
            "c.json#/checkers/b/members/1: \"a\"; a checker that does not lead back to it "
            "(a > b > a)");
}

TEST(Config, StopRulesThatCannotBeAreRefused) {
  const auto stop = [](const std::string& rule, const std::string& campaign = "") {
    return complaint(with_workload(
        R"("checkers": {"merged": {"kind": "flash_abft"}}, "campaign": {"injections": 1000, "stop": {)" +
        rule + "}" + campaign + "}"));
  };
  const std::string rule = R"("checker": "merged", "half_width": 0.01, "looks": [100, 500])";
  EXPECT_EQ(stop(rule), "accepted");
  EXPECT_EQ(stop(R"("checker": "mergd", "half_width": 0.01, "looks": [100])"),
            "c.json#/campaign/stop/checker: \"mergd\"; did you mean \"merged\"? allowed: merged");
  EXPECT_EQ(stop(R"("checker": "merged", "half_width": 0.01, "looks": [])"),
            "c.json#/campaign/stop/looks: []; at least one count");
  EXPECT_EQ(stop(R"("checker": "merged", "half_width": 0.01, "looks": [100, 1000])"),
            "c.json#/campaign/stop/looks/1: 1000; more than 100 and less than the 1000 of "
            "`injections`");
  EXPECT_EQ(stop(R"("checker": "merged", "half_width": 0.01, "looks": [100, 100])"),
            "c.json#/campaign/stop/looks/1: 100; more than 100 and less than the 1000 of "
            "`injections`");
  EXPECT_EQ(stop(R"("checker": "merged", "half_width": 0, "looks": [100])"),
            "c.json#/campaign/stop/half_width: 0; a number from 1e-06 to 0.5");
  EXPECT_EQ(stop(R"("checker": "merged", "half_width": 0.1)"),
            "c.json#/campaign/stop/looks: missing; required: counts of injections at which to "
            "look, ascending, below `injections`");
  EXPECT_EQ(stop(rule, R"(, "sampling": "exhaustive")"),
            "c.json#/campaign/stop: given; only with sampling stratified or uniform");
  EXPECT_EQ(stop(rule, R"(, "faults": [{"site": "x", "cycle": 1}])"),
            "c.json#/campaign/stop: given; only with sampling stratified or uniform");
  EXPECT_EQ(complaint(with_workload(R"("campaign": {"stop": {)" + rule + "}}")),
            "c.json#/campaign/stop: given; only with a checker");
}

TEST(Config, ADetectionBudgetHasAUnit) {
  const auto safety = [](const std::string& text, const std::string& campaign = "") {
    return complaint(with_workload(R"("campaign": {"safety": {)" + text + "}" + campaign + "}"));
  };
  EXPECT_EQ(safety(""), "accepted");
  EXPECT_EQ(safety(R"("sram_fit_per_mbit": 700, "detection_budget": "10 us")"), "accepted");
  EXPECT_EQ(
      safety(R"("detection_budget": "10")"),
      "c.json#/campaign/safety/detection_budget: \"10\"; a number with its unit, as \"10 us\" "
      "or \"5000 cycles\"; units: cycles, ns, us, ms, s");
  for (const char* none : {"0 us", "0 cycles", "1.9 ns"})
    EXPECT_EQ(safety(R"("detection_budget": ")" + std::string(none) + '"'),
              "c.json#/campaign/safety/detection_budget: \"" + std::string(none) +
                  "\"; at least one cycle, 2 ns");
  EXPECT_EQ(safety(R"("detection_budget": "2 ns")"), "accepted");
  EXPECT_EQ(safety(R"("detection_budget": 10)"),
            "c.json#/campaign/safety/detection_budget: 10; a string that is not empty");
  EXPECT_EQ(safety("", R"(, "faults": [{"site": "x", "cycle": 1}])"),
            "c.json#/campaign/safety: given; not with a list of faults, which says nothing of "
            "their rate");
}

TEST(Config, CombinationsStandBehindTheirMembers) {
  const Config config = read(with_workload(
      R"("checkers": {"all": {"kind": "any_of", "members": ["a", "b", "some"]},
                      "some": {"kind": "any_of", "members": ["b"]},
                      "a": {"kind": "flash_abft"}, "b": {"kind": "range_check"}})"));
  std::vector<std::string> names;
  for (const CheckerConfig& checker : config.checkers) names.push_back(checker.name);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "all", "some"}));
  EXPECT_EQ(members_of(config.checkers), (Members{{}, {}, {0, 1}, {1}}));
}

TEST(Config, IntegersAreIntegersInRange) {
  const std::string allowed = "; an integer from 1 to 128";
  const std::string at = "c.json#/accelerator/array/rows: ";
  for (const std::string value :
       {"8.5", "8.0", "-1", "0", "129", "true", "null", "\"8\"", "[8]", "18446744073709551616"}) {
    const std::string text = complaint(with_array("\"rows\": " + value));
    EXPECT_THAT(text, StartsWith(at)) << value;
    EXPECT_THAT(text, ::testing::EndsWith(allowed)) << value;
  }
  EXPECT_EQ(complaint(with_array(R"("rows": 8.5)")), at + "8.5" + allowed);
  EXPECT_EQ(complaint(with_workload(R"("seed": -1)")),
            "c.json#/seed: -1; an integer from 0 to 18446744073709551615");
}

TEST(Config, NumbersBooleansStringsAndListsAreChecked) {
  EXPECT_EQ(complaint(with_workload(R"("accelerator": {"clock_mhz": 0})")),
            "c.json#/accelerator/clock_mhz: 0; a number from 1 to 10000");
  EXPECT_EQ(complaint(with_workload(R"("accelerator": {"clock_mhz": true})")),
            "c.json#/accelerator/clock_mhz: true; a number from 1 to 10000");
  EXPECT_EQ(
      complaint(with_workload(R"("checkers": {"m": {"kind": "flash_abft", "score_check": 1}})")),
      "c.json#/checkers/m/score_check: 1; true or false");
  EXPECT_EQ(complaint(with_workload(R"("campaign": {"sites": "*"})")),
            "c.json#/campaign/sites: \"*\"; a list");
  EXPECT_EQ(complaint(with_workload(R"("campaign": {"sites": ["*", 3]})")),
            "c.json#/campaign/sites/1: 3; a string that is not empty");
  EXPECT_EQ(complaint(with_workload(R"("accelerator": 3)")), "c.json#/accelerator: 3; an object");
  EXPECT_EQ(complaint("[]"), "c.json#: []; an object");
}

TEST(Config, UnknownNameGetsTheNearest) {
  EXPECT_EQ(complaint(with_workload(R"("accelerator": {"fidelity": "cylce"})")),
            "c.json#/accelerator/fidelity: \"cylce\"; did you mean \"cycle\"? allowed: cycle, "
            "transaction");
  EXPECT_EQ(complaint(R"({"workload": {"kind": "convolution"}})"),
            "c.json#/workload/kind: \"convolution\"; allowed: attention, gemm");
  EXPECT_EQ(
      complaint(with_workload(R"("checkers": {"m": {"kind": "flash_abtf"}})")),
      "c.json#/checkers/m/kind: \"flash_abtf\"; did you mean \"flash_abft\"? allowed: " + kKinds);
  EXPECT_EQ(complaint(with_workload(R"("checkers": {"m": {"kind": 3}})")),
            "c.json#/checkers/m/kind: 3; allowed: " + kKinds);
  EXPECT_EQ(complaint(with_workload(
                R"("checkers": {"m": {"kind": "matmul_abft", "score_check": true}})")),
            "c.json#/checkers/m/score_check: unknown key; allowed: kind, pv_check, row_sum, "
            "key_sum, query_source, "
            "format, score_threshold, pv_threshold, nonfinite");
  EXPECT_EQ(complaint(with_workload(R"("checkers": {"My": {"kind": "flash_abft"}})")),
            "c.json#/checkers/My: \"My\"; a name of a-z, 0-9 and _ that starts with a letter");
}

TEST(Config, FormatsDependOnThePlace) {
  const auto formats = [](const std::string& rest) {
    return with_workload(R"("accelerator": {"formats": {)" + rest + "}}");
  };
  EXPECT_EQ(
      complaint(formats(R"("operand": "float16", "probability": "float32", "output": "float32")")),
      "accepted");
  EXPECT_EQ(complaint(formats(R"("probability": "float16")")),
            "c.json#/accelerator/formats/probability: \"float16\"; did you mean \"bfloat16\"? "
            "allowed: bfloat16, float32");
  EXPECT_EQ(complaint(formats(R"("operand": "float64")")),
            "c.json#/accelerator/formats/operand: \"float64\"; did you mean \"float16\"? allowed: "
            "bfloat16, float16, float32, int8");
}

TEST(Config, BufferWordsAreChecked) {
  const auto buffer = [](const std::string& rest) {
    return with_workload(R"("accelerator": {"buffers": {"k": {)" + rest + "}}}");
  };
  EXPECT_EQ(complaint(buffer(R"("words": 1001)")),
            "c.json#/accelerator/buffers/k/words: 1001; an even number: two halves");
  EXPECT_EQ(complaint(buffer(R"("word_bits": 32)")),
            "c.json#/accelerator/buffers/k/word_bits: 32; 16, as the stored format has 16 bits");
}

TEST(Config, ProtectionFitsTheWordsAndTheLine) {
  const auto with = [](const std::string& protection, const std::string& buffer = "",
                       const std::string& formats = "") {
    return complaint(with_workload(R"("accelerator": {"array": {"rows": 4, "cols": 6}, )" +
                                   formats + R"("buffers": {"k": {)" + buffer +
                                   R"("protection": {)" + protection + "}}}}"));
  };
  const std::string at = "c.json#/accelerator/buffers/k/";
  EXPECT_EQ(with(R"("code": "secded", "data_bits": 16, "interleaving": 3)", R"("words": 1200, )"),
            "accepted");
  EXPECT_EQ(with(R"("code": "none", "data_bits": 64)"), "accepted");
  EXPECT_THAT(with(R"("data_bits": 16)"), StartsWith(at + "protection/code: missing; required"));
  EXPECT_EQ(with(R"("code": "hamming")"),
            at + "protection/code: \"hamming\"; allowed: none, parity, secded");
  EXPECT_EQ(with(R"("code": "parity", "data_bits": 24)"),
            at + "protection/data_bits: 24; 16, 32 or 64");
  EXPECT_EQ(with(R"("code": "parity", "data_bits": 16, "interleaving": 9)"),
            at + "protection/interleaving: 9; an integer from 1 to 8");
  EXPECT_EQ(with(R"("code": "secded", "data_bits": 16)", R"("word_bits": 32, )",
                 R"("formats": {"operand": "float32"}, )"),
            at + "protection/data_bits: 16; at least the 32 bits of a word");
  EXPECT_EQ(with(R"("code": "secded")"),
            at + "protection/data_bits: 64; 16, 32 or 64, a divisor of the 96 bits of a line (6 × "
                 "16)");
  EXPECT_EQ(with(R"("code": "secded", "data_bits": 16, "interleaving": 4)"),
            at + "protection/interleaving: 4; a divisor of 6: so many code words of 16 bits are in "
                 "the 96 bits of a line (6 × 16)");
  EXPECT_EQ(with(R"("code": "secded", "data_bits": 16, "interleaving": 3)", R"("words": 1202, )"),
            at + "words: 1202; a multiple of 6: each half holds whole groups of 3 code words of 16 "
                 "bits");
}

TEST(Config, ARecoveryNamesEachCheckerOnce) {
  const auto recovery = [](const std::string& checkers) {
    return complaint(with_workload(
        R"("checkers": {"a": {"kind": "flash_abft"}, "b": {"kind": "matmul_abft"}},
           "recovery": {"policy": "recompute_head", "checkers": [)" +
        checkers + "]}"));
  };
  EXPECT_EQ(recovery(R"("b", "a")"), "accepted");
  EXPECT_EQ(recovery(R"("a", "b", "b")"),
            "c.json#/recovery/checkers/2: \"b\"; each checker at most once");
}

TEST(Config, InferencesAreForCalibrationsThatDrawTensors) {
  const auto calibration = [](const std::string& keys, const std::string& workload = kWorkload) {
    return complaint(R"({"calibration": {)" + keys + "}, " + workload + "}");
  };
  const std::string given = R"("workload": {"kind": "attention", "q": "q", "k": "k", "v": "v"})";
  const std::string at = "c.json#/calibration/inferences: 500; ";
  EXPECT_EQ(calibration(R"("inferences": 500)"), "accepted");
  EXPECT_EQ(calibration(R"("inferences": 500, "split": "seeds")"), "accepted");
  EXPECT_EQ(calibration(R"("inferences": 500, "split": "heads")"),
            at + "only with split seeds: heads divides one inference");
  EXPECT_EQ(calibration("", given), "accepted");
  EXPECT_EQ(calibration(R"("inferences": 500)", given),
            at + "nothing with tensors given: one inference is divided by its kv heads");
}

TEST(Config, MemoryProtectionNeedsAProtectedBuffer) {
  const std::string checkers = R"("checkers": {"memory": {"kind": "memory_protection"}})";
  const auto buffer = [&](const std::string& code) {
    return with_workload(R"("accelerator": {"buffers": {"o": {"protection": {"code": ")" + code +
                         R"("}}}}, )" + checkers);
  };
  const std::string refused =
      "c.json#/checkers/memory/kind: \"memory_protection\"; only with "
      "accelerator.buffers.<q|k|v|o>.protection, as no buffer has check bits";
  EXPECT_EQ(complaint(buffer("secded")), "accepted");
  EXPECT_EQ(complaint(buffer("none")), refused);
  EXPECT_EQ(complaint(with_workload(checkers)), refused);
  EXPECT_EQ(complaint(with_workload(checkers), {"accelerator.buffers.q.protection.code=parity"}),
            "accepted");
}

TEST(Config, ATileThatFitsNoHalfNamesTheSmallestBuffer) {
  const ConfigOrigin origin{"c.json", {}};
  AttentionShape shape;
  shape.head_dim = 20;
  const auto check = [&](const AcceleratorConfig& accelerator) -> std::string {
    try {
      check_buffers(accelerator, shape, origin);
    } catch (const UserError& error) {
      return error.what();
    }
    return "fits";
  };
  AcceleratorConfig accelerator;
  accelerator.array = {4, 16};
  // K tile: 20 × 16 words; V tile: 16 keys × 2 lines of 16; O tile: 4 rows × 2 lines of 16; Q tile:
  // 20 × 4.
  accelerator.buffers.k.words = 640;
  accelerator.buffers.v.words = 1024;
  accelerator.buffers.o.words = 256;
  accelerator.buffers.q.words = 160;
  EXPECT_EQ(check(accelerator), "fits");
  accelerator.buffers.k.words = 638;
  EXPECT_EQ(check(accelerator),
            "c.json#/accelerator/buffers/k/words: 638; at least 640, as one half must hold a "
            "key tile of 320 words");
  accelerator.buffers.k.words = 640;
  accelerator.formats.output = Format::float32;
  EXPECT_EQ(check(accelerator),
            "c.json#/accelerator/buffers/o/words: 256; at least 512, as one half must hold a "
            "output tile of 256 words");
  accelerator.buffers.o.word_bits = 32;
  EXPECT_EQ(check(accelerator), "fits");
}

TEST(Config, TensorFilesAndShapesExclude) {
  EXPECT_EQ(
      complaint(R"({"workload": {"kind": "attention", "q": "q", "k": "k", "v": "v", "heads": 1}})"),
      "c.json#/workload/heads: given; not with q, k and v, whose files say the shape and the "
      "values");
}

TEST(Config, BrokenJsonIsOneLineWithAPosition) {
  const std::string text = complaint("{\n  \"seed\": 1,\n}");
  EXPECT_THAT(text, StartsWith("c.json: parse error at line 3, column 1"));
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_THAT(complaint(""), HasSubstr("unexpected end of input"));
  EXPECT_THAT(complaint("{\"seed\": 1} // no comments"), HasSubstr("parse error"));
  EXPECT_THAT(complaint("{\"seed\": 1e999}"), HasSubstr("number overflow"));
  EXPECT_THAT(complaint(std::string(100, '[')), HasSubstr("more than 64 levels"));
}

TEST(SetOption, ReplacesAndAddsValues) {
  const std::string text = with_workload(R"("checkers": {"merged": {"kind": "flash_abft"}})");
  const Config config = read(
      text, {"accelerator.array.rows=8", "checkers.merged.softmax_scalars=duplicated",
             "workload.mask=causal", "checkers.two={\"kind\": \"matmul_abft\"}",
             "campaign.models=[{\"bits\": 2}]", "campaign.models.0.bits=3", "seed=5", "seed=6"});
  EXPECT_EQ(config.accelerator.array.rows, 8U);
  EXPECT_EQ(config.checkers.at(0).options.get_if<FlashAbftConfig>()->softmax_scalars,
            SoftmaxScalars::duplicated);
  EXPECT_EQ(config.workload.mask, Mask::causal);
  EXPECT_EQ(config.checkers.at(1).name, "two");
  EXPECT_EQ(config.campaign.models.at(0).bits, 3U);
  EXPECT_EQ(config.seed, 6U);
}

TEST(SetOption, ComplaintsNameTheOption) {
  const std::string text = "{" + kWorkload + "}";
  EXPECT_EQ(complaint(text, {"seed=-1"}),
            "--set seed=-1: -1; an integer from 0 to 18446744073709551615");
  EXPECT_EQ(
      complaint(text, {"accelerator.array.rwos=8"}),
      "--set accelerator.array.rwos=8#/accelerator/array/rwos: unknown key; did you mean \"rows\"? "
      "allowed: rows, cols, dataflow, fold_policy");
  EXPECT_EQ(complaint(text, {"workload.msak=none"}),
            "--set workload.msak=none: unknown key; did you mean \"mask\"? allowed: kind, mask, "
            "scale, allow_nonfinite, "
            "q, k, v, tensor_format, expected_output, heads, kv_heads, tokens_q, tokens_k, "
            "head_dim, distribution");
  EXPECT_EQ(complaint(text, {"accelerater.array.rows=8"}),
            "--set accelerater.array.rows=8: unknown key; did you mean \"accelerator\"? allowed: "
            "schema_version, seed, accelerator, "
            "checkers, workload, recovery, campaign, calibration, sweep, technology");
  EXPECT_EQ(complaint(text, {"seed"}),
            "--set seed: no path=value; for example --set accelerator.array.rows=8");
  EXPECT_EQ(complaint(text, {"workload..mask=none"}),
            "--set workload..mask=none: an empty name in the path; names joined by dots");
  EXPECT_EQ(complaint(text, {"workload.heads.x=1"}),
            "--set workload.heads.x=1: /workload/heads is no object and has no key x; a path of "
            "the configuration");
  EXPECT_EQ(complaint(text, {"campaign.sites=[\"*\"]", "campaign.sites.1=a"}),
            "--set campaign.sites.1=a: 1 is no element of /campaign/sites; an index below 1");
  EXPECT_EQ(
      complaint(text, {"campaign={\"sites\": [], \"sites\": []}"}),
      "--set campaign={\"sites\": [], \"sites\": []}#/sites: duplicate key; each key at most once");
}

}  // namespace
}  // namespace attnguard
