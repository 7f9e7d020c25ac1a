// Campaigns of every fault model through the executable: mixes, exact faults, fault lists.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/attnguard_command.h"
#include "tests/support/csv_rows.h"

namespace attnguard {
namespace {

using ::testing::HasSubstr;

constexpr const char* kConfig = R"({
  "accelerator": {"array": {"rows": 4, "cols": 2}, "external_memory": {"latency_cycles": 4}},
  "checkers": {"merged": {"kind": "flash_abft"}, "two_check": {"kind": "matmul_abft"}},
  "workload": {"kind": "attention", "mask": "causal", "heads": 2, "kv_heads": 1, "tokens_q": 6, "tokens_k": 6, "head_dim": 4},
  "campaign": {"injections": 1500, "models": [
    {"kind": "bit_flip", "weight": 3},
    {"kind": "bit_flip", "bits": 4, "scattered": true},
    {"kind": "carry", "carry": "wrong"},
    {"kind": "carry", "carry": "missing"},
    {"kind": "compound", "count": 3},
    {"kind": "intermittent", "value": 1, "period_cycles": 20, "duty_cycles": 3},
    {"kind": "intermittent", "value": 0, "period_cycles": 9, "duty_cycles": 9},
    {"kind": "stuck_at_0", "weight": 2},
    {"kind": "stuck_at_1", "weight": 2},
    {"kind": "drop"}, {"kind": "duplicate"}, {"kind": "delay", "delay_cycles": 11},
    {"kind": "error_response"}, {"kind": "address"}]}})";

class FaultCampaign : public ::testing::Test {
 protected:
  void SetUp() override { config_ = files_.write("small.json", kConfig); }

  /// Runs it into folder `name`.
  void campaign(const std::string& name, const std::string& options) {
    const CommandResult result =
        run_attnguard("campaign " + config_ + " --quiet --out " + folder(name) + " " + options);
    ASSERT_EQ(result.exit_code, 0) << result.output;
  }
  /// What is said of a configuration that is refused.
  std::string complaint(const std::string& options) {
    const CommandResult result = run_attnguard("campaign " + config_ + " --quiet --out " +
                                               folder("refused") + " " + options);
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_FALSE(std::filesystem::exists(folder("refused")));
    return result.output;
  }
  std::string list_complaint(const std::string& text) {
    files_.write("list.csv", text);
    return complaint("--set campaign.fault_list=list.csv");
  }
  /// Classes of the sequencer's state among the faults of a campaign.
  int sequencer_classes(const std::string& name, const std::string& options) {
    campaign(name, options);
    std::map<std::string, int> classes;
    for (const Row& row : rows_of(file(name, "injections.csv")))
      if (row.at("site_class").rfind("sequencer.", 0) == 0) ++classes[row.at("site_class")];
    return static_cast<int>(classes.size());
  }
  std::string folder(const std::string& name) const { return (files_.path() / name).string(); }
  std::string file(const std::string& name, const std::string& file) const {
    return read_text(files_.path() / name / file);
  }

  ScratchFolder files_;
  std::string config_;
};

TEST_F(FaultCampaign, OfEveryModelIsTheSameForEveryFidelityEngineAndWorkers) {
  campaign("a", "--workers 1 --audit 200");
  campaign("b", "--set campaign.engine=full --workers 2");
  campaign("c", "--set accelerator.fidelity=cycle --workers 2");
  campaign("d", "--set campaign.engine=full --set accelerator.fidelity=cycle");
  for (const char* other : {"b", "c", "d"})
    for (const char* name : {"injections.csv", "coverage.csv", "strata.csv"})
      EXPECT_EQ(file("a", name), file(other, name)) << other << ' ' << name;

  std::map<std::string, int> models, classes, effects;
  for (const Row& row : rows_of(file("a", "injections.csv"))) {
    ++models[row.at("fault_model")];
    ++classes[row.at("fault_class")];
    ++effects[row.at("effect")];
    EXPECT_EQ(row.at("faults"), row.at("fault_model") == "compound" ? "3" : "1");
  }
  EXPECT_EQ(models.size(), 11U);
  EXPECT_EQ(classes.size(), 3U);
  EXPECT_EQ(effects["sim_error"], 0);
  EXPECT_GT(effects["hang"], 10);
  EXPECT_GT(effects["crash"], 10);
}

TEST_F(FaultCampaign, TakesTheSequencersStateWhereAGlobNamesIt) {
  EXPECT_EQ(sequencer_classes("a", ""), 0);
  const std::string named = R"( --set 'campaign.sites=["sequencer.*"]' --set 'campaign.models=)"
                            R"([{"kind":"bit_flip"},{"kind":"stuck_at_0"},{"kind":"stuck_at_1"}]')";
  EXPECT_EQ(sequencer_classes("b", named), 8);
  campaign("c", named + " --set accelerator.fidelity=cycle --set campaign.engine=full");
  EXPECT_EQ(file("b", "injections.csv"), file("c", "injections.csv"));
  std::map<std::string, int> effects;
  for (const Row& row : rows_of(file("b", "injections.csv"))) ++effects[row.at("effect")];
  EXPECT_EQ(effects["sim_error"], 0);
  EXPECT_GT(effects["hang"], 50);
  EXPECT_GT(effects["crash"], 50);
  EXPECT_GT(effects["sdc"], 0);
}

TEST_F(FaultCampaign, HasATablePerFaultClassAndWeightsAsTheMixSays) {
  campaign("a", "");
  std::map<std::string, double> weight;
  for (const Row& row : rows_of(file("a", "injections.csv")))
    if (row.at("domain") == "function" && row.at("fault_class") == "transient")
      weight[row.at("fault_model") == "bit_flip" || row.at("fault_model") == "carry" ||
                     row.at("fault_model") == "compound" || row.at("fault_model") == "address"
                 ? row.at("fault_model")
                 : "transfer"] += std::stod(row.at("weight"));
  // bit_flip 3 + 1, carry 1 + 1, compound 1, drop, duplicate, delay, error_response 4, address 1.
  double sum = 0;
  for (const auto& [model, w] : weight) sum += w;
  EXPECT_NEAR(weight["bit_flip"] / sum, 4.0 / 12, 1e-9);
  EXPECT_NEAR(weight["carry"] / sum, 2.0 / 12, 1e-9);
  EXPECT_NEAR(weight["compound"] / sum, 1.0 / 12, 1e-9);
  EXPECT_NEAR(weight["transfer"] / sum, 4.0 / 12, 1e-9);
  EXPECT_NEAR(weight["address"] / sum, 1.0 / 12, 1e-9);

  std::map<std::string, int> totals;
  for (const Row& row : rows_of(file("a", "coverage.csv")))
    if (row.at("site_class") == "total" && row.at("checker") == "merged" &&
        row.at("tolerance") == "0.01")
      ++totals[row.at("fault_class")];
  EXPECT_EQ(totals,
            (std::map<std::string, int>{{"transient", 1}, {"intermittent", 1}, {"permanent", 1}}));
  // Permanent: bits × polarities of the stratum, whatever was drawn.
  double bits = 0;
  for (const Row& row : rows_of(file("a", "injections.csv")))
    if (row.at("stratum") == "permanent/array.pe[*][*].acc") bits += std::stod(row.at("weight"));
  EXPECT_NEAR(bits, 4 * 2 * 32 * 2, 1e-6);
}

TEST_F(FaultCampaign, InjectsEveryPermanentFaultOfAnArray) {
  campaign("a", R"(--set 'campaign.models=[{"kind":"stuck_at_0"},{"kind":"stuck_at_1"}]' )"
                R"(--set campaign.sampling=exhaustive --set 'campaign.sites=["array.pe*"]')");
  const auto rows = rows_of(file("a", "injections.csv"));
  EXPECT_EQ(rows.size(), 4U * 2 * (16 + 16 + 32 + 32) * 2);
  for (const Row& row : rows) EXPECT_EQ(row.at("inject_cycle"), "0");
  EXPECT_THAT(file("a", "coverage.csv"), HasSubstr(",function,permanent,"));
}

TEST_F(FaultCampaign, WritesAListThatInjectsTheSameFaultsAgain) {
  campaign("a", "--write-faults");
  campaign("b", "--set campaign.fault_list=a/faults.csv --write-faults");
  EXPECT_EQ(file("a", "faults.csv"), file("b", "faults.csv"));
  auto drawn = rows_of(file("a", "injections.csv")), listed = rows_of(file("b", "injections.csv"));
  ASSERT_EQ(drawn.size(), listed.size());
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    for (const char* column : {"stratum", "weight"})
      drawn[i].erase(column), listed[i].erase(column);
    EXPECT_EQ(drawn[i], listed[i]) << i;
  }
  for (const char* number : {"3", "700", "1200", "1340"}) {
    EXPECT_EQ(run_attnguard("replay " + folder("a") + " " + number).exit_code, 0) << number;
    EXPECT_EQ(run_attnguard("replay " + folder("b") + " " + number).exit_code, 0) << number;
  }
}

TEST_F(FaultCampaign, TakesExactFaultsByCycleOrAccessAndSeveralInOneRun) {
  campaign("a", R"(--set 'campaign.faults=[
    {"site":"array.pe[0][1].acc","bit":30,"access":2},
    {"site":"k_buffer.word[1]","bit":3,"pattern":9,"cycle":40,
     "also":[{"site":"line.done.load","kind":"stuck_at_0"},{"site":"softmax.row[0].sum","kind":"carry","carry":"missing","bit":4,"access":1}]},
    {"site":"link.array_to_softmax.transfer","kind":"drop","access":3},
    {"site":"link.array_to_softmax.data","bit":33,"access":1}]')");
  const auto rows = rows_of(file("a", "injections.csv"));
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(std::stoull(rows[0].at("activate_cycle")), std::stoull(rows[0].at("inject_cycle")) + 1);
  EXPECT_EQ(rows[1].at("fault_model"), "compound");
  EXPECT_EQ(rows[1].at("faults"), "3");
  EXPECT_EQ(rows[1].at("effect"), "hang");
  EXPECT_EQ(rows[1].at("inject_cycle"), "0");
  EXPECT_EQ(rows[2].at("effect"), "hang");
  EXPECT_EQ(rows[3].at("activate_cycle"), rows[3].at("inject_cycle"));
  EXPECT_EQ(rows[3].at("query_row"), "");
}

TEST_F(FaultCampaign, RefusesMixesThatCannotBe) {
  const auto mix = [&](const std::string& models, const std::string& more = "") {
    return complaint("--set 'campaign.models=" + models + "' " + more);
  };
  EXPECT_THAT(
      mix(R"([{"kind":"carry","carry":"wrong"}])", R"(--set 'campaign.sites=["k_buffer.*"]')"),
      HasSubstr("\"carry\"; a model that some selected site can have; it acts on registers "
                "that hold a sum"));
  EXPECT_THAT(mix(R"([{"kind":"carry"}])"),
              HasSubstr("/0/carry: missing; required with kind carry"));
  EXPECT_THAT(mix(R"([{"kind":"bit_flip","value":1}])"),
              HasSubstr("value: given; only with kind intermittent"));
  EXPECT_THAT(mix(R"([{"kind":"intermittent","value":1,"period_cycles":4,"duty_cycles":5}])"),
              HasSubstr("duty_cycles: 5; at most period_cycles, 4"));
  EXPECT_THAT(
      mix(R"([{"kind":"drop"},{"kind":"bit_flip"}])", R"(--set 'campaign.sites=["array.*"]')"),
      HasSubstr("it acts on link.*.transfer"));
  EXPECT_THAT(mix(R"([{"kind":"carry","carry":"wrong"},{"kind":"bit_flip"}])",
                  "--set campaign.sampling=exhaustive"),
              HasSubstr("\"exhaustive\"; stratified or uniform with this mix"));
  EXPECT_THAT(mix(R"([{"kind":"stuck"}])"), HasSubstr("allowed: bit_flip, stuck_at_0"));
  EXPECT_THAT(mix(R"([{"kind":"bit_flip","count":3}])"), HasSubstr("only with kind compound"));
  EXPECT_THAT(mix(R"([{"scattered":true}])"), HasSubstr("scattered: true; false, or more"));
  EXPECT_THAT(mix(R"([{"kind":"drop","bits":2}])"), HasSubstr("bits: 2; 1 with kind drop"));
}

TEST_F(FaultCampaign, RefusesExactFaultsThatCannotBe) {
  const auto fault = [&](const std::string& text) {
    return complaint("--set 'campaign.faults=[" + text + "]'");
  };
  EXPECT_THAT(fault(R"({"site":"array.pe[0][0].acc","bit":3})"),
              HasSubstr("/campaign/faults/0/cycle: missing; a cycle, or an access in `access`"));
  EXPECT_THAT(fault(R"({"site":"array.pe[0][0].acc","kind":"stuck_at_0","cycle":3})"),
              HasSubstr("cycle: given; nothing or 0"));
  EXPECT_THAT(fault(R"({"site":"array.pe[0][0].west","kind":"carry","carry":"wrong","cycle":3})"),
              HasSubstr("carry; a model that array.pe[0][0].west can have"));
  EXPECT_THAT(
      fault(R"({"site":"array.pe[0][0].acc","kind":"carry","carry":"wrong","bit":31,"cycle":3})"),
      HasSubstr("31; a bit of the site, 0 to 30"));
  EXPECT_THAT(fault(R"({"site":"array.pe[0][0].acc","access":100000})"),
              HasSubstr("100000; an access that the fault-free run makes"));
  EXPECT_THAT(
      fault(
          R"({"site":"array.pe[0][0].acc","cycle":3,"also":[{"site":"array.pe[9][9].acc","cycle":1}]})"),
      HasSubstr("/campaign/faults/0/also/0/site: "));
  EXPECT_THAT(fault(R"({"site":"array.pe[0][0].acc","cycle":3,"pattern":6})"),
              HasSubstr("pattern: 6; an odd number"));
  EXPECT_THAT(fault(R"({"site":"array.pe[0][0].acc","cycle":3,"bit":29,"pattern":9})"),
              HasSubstr("/campaign/faults/0/pattern: 9; a mask of at most 3 bits: the site ends "
                        "with bit 31\n"));
  EXPECT_THAT(fault(R"({"site":"link.array_to_softmax.data","cycle":3,"bit":31,"pattern":3})"),
              HasSubstr("/campaign/faults/0/pattern: 3; a mask of at most 1 bits: the lane ends "
                        "with bit 31\n"));
  EXPECT_THAT(fault(R"({"site":"array.pe[0][0].acc","cycle":3,"pattern":3,"bits":2})"),
              HasSubstr("/campaign/faults/0/pattern: given; not with `bits`\n"));
  EXPECT_THAT(
      fault(R"({"site":"link.array_to_softmax.transfer","kind":"address","cycle":3})"),
      HasSubstr("address acts on link.*.transfer of a link whose target decodes addresses"));
}

TEST_F(FaultCampaign, RefusesMalformedListsWithTheirLine) {
  const std::string head = "injection,fault_model,site,bit,inject_cycle\r\n";
  const std::string good = "0,bit_flip,array.pe[0][0].acc,3,50\r\n";
  EXPECT_THAT(complaint("--set campaign.fault_list=nothing.csv"), HasSubstr("cannot be read"));
  EXPECT_THAT(list_complaint(""), HasSubstr("list.csv:1: empty; a first line of injection,"));
  EXPECT_THAT(list_complaint("injection,fault_modl,site\r\n"),
              HasSubstr("list.csv:1: fault_modl: unknown column; allowed: injection, fault_model"));
  EXPECT_THAT(list_complaint("site,bit\r\n"),
              HasSubstr("list.csv:1: fault_model: missing; required"));
  EXPECT_THAT(list_complaint("site,site\r\n"), HasSubstr("list.csv:1: site: named twice"));
  EXPECT_THAT(list_complaint(head), HasSubstr("list.csv:2: no fault; at least one row"));
  EXPECT_THAT(list_complaint(head + good + "1,bit_flip,array.pe[0][0].acc,3\r\n"),
              HasSubstr("list.csv:3: 4 fields; 5, as the first line has"));
  EXPECT_THAT(list_complaint(head + good + "1,bit_flip,array.pe[0][0].acc,x3,50\r\n"),
              HasSubstr("list.csv:3: bit: \"x3\"; an integer from 0 to "));
  EXPECT_THAT(list_complaint(head + good + "1,bitflip,array.pe[0][0].acc,3,50\r\n"),
              HasSubstr("list.csv:3: fault_model: \"bitflip\"; did you mean \"bit_flip\"?"));
  EXPECT_THAT(list_complaint(head + good + "1,bit_flip,\"array.pe,3,50\r\n"),
              HasSubstr("list.csv:3: a quote that is never closed"));
  EXPECT_THAT(list_complaint(head + good + "1,bit_flip,array.pe[0][0].acc,3,50\r\n" + good),
              HasSubstr("list.csv:4: injection: 0; rows of one injection next to each other"));
  EXPECT_THAT(list_complaint(head + good + "1,bit_flip,array.pe[7][0].acc,3,50\r\n"),
              HasSubstr("list.csv:3: site: \"array.pe[7][0].acc\"; a site; "));
  EXPECT_THAT(list_complaint(head + good + good + "1,bit_flip,array.pe[0][0].acc,3,9999999\r\n"),
              HasSubstr("list.csv:4: inject_cycle: 9999999; a cycle of the run, 0 to "));
  EXPECT_THAT(list_complaint(head + "0,stuck_at_1,array.pe[0][0].acc,3,50\n"),
              HasSubstr("list.csv:2: inject_cycle: given; nothing or 0"));
  EXPECT_THAT(list_complaint(head + "0,compound,array.pe[0][0].acc,3,50\n"),
              HasSubstr("list.csv:2: fault_model: compound; a model; the faults of one run are "
                        "rows of the same `injection`\n"));
  // In the words of the list, which has other names than the configuration.
  const std::string keys = "fault_model,site,bit,bits_flipped,pattern,inject_cycle,access,value\n";
  const auto row_complaint = [&](const std::string& row) { return list_complaint(keys + row); };
  EXPECT_THAT(row_complaint("bit_flip,array.pe[0][0].acc,3,,,,,\n"),
              HasSubstr("list.csv:2: inject_cycle: missing; a cycle, or an access in `access`\n"));
  EXPECT_THAT(row_complaint("bit_flip,array.pe[0][0].acc,3,,,5,6,\n"),
              HasSubstr("list.csv:2: access: given; not with `inject_cycle`\n"));
  EXPECT_THAT(row_complaint("bit_flip,array.pe[0][0].acc,29,,0x9,5,,\n"),
              HasSubstr("list.csv:2: pattern: 0x9; a mask of at most 3 bits: the site ends with "
                        "bit 31\n"));
  EXPECT_THAT(row_complaint("bit_flip,array.pe[0][0].acc,29,,0x6,5,,\n"),
              HasSubstr("list.csv:2: pattern: 0x6; an odd number: bit 0 stands for `bit`\n"));
  EXPECT_THAT(row_complaint("drop,link.array_to_softmax.transfer,0,2,,5,,\n"),
              HasSubstr("list.csv:2: bits_flipped: given; one bit with fault_model drop\n"));
  EXPECT_THAT(row_complaint("bit_flip,array.pe[0][0].acc,3,,,5,,1\n"),
              HasSubstr("list.csv:2: value: given; only with fault_model intermittent\n"));
  EXPECT_THAT(row_complaint("intermittent,array.pe[0][0].acc,3,,,5,,1\n"),
              HasSubstr("list.csv:2: period_cycles: missing; required with fault_model "
                        "intermittent\n"));
  files_.write("list.csv", head + good);
  EXPECT_THAT(complaint("--set campaign.fault_list=list.csv --set 'campaign.faults=[{\"site\":"
                        "\"array.pe[0][0].acc\",\"cycle\":1}]'"),
              HasSubstr("fault_list=list.csv: given; not with `faults`"));
}

TEST(ProductionMix, IsShipped) {
  const ScratchFolder files;
  const std::string out = (files.path() / "mix").string();
  const CommandResult result = run_attnguard(
      "campaign configs/production_mix.json --quiet --set campaign.injections=2000 --out " + out);
  ASSERT_EQ(result.exit_code, 0) << result.output;
  std::map<std::string, double> weight;
  for (const Row& row : rows_of(read_text(files.path() / "mix" / "injections.csv")))
    if (row.at("domain") == "function")
      weight[row.at("fault_model")] += std::stod(row.at("weight"));
  const double sum = weight["bit_flip"] + weight["carry"] + weight["compound"];
  EXPECT_NEAR(weight["bit_flip"] / sum, 0.468, 1e-9);
  EXPECT_NEAR(weight["carry"] / sum, 0.251 + 0.241, 1e-9);
  EXPECT_NEAR(weight["compound"] / sum, 0.04, 1e-9);
}

}  // namespace
}  // namespace attnguard
