// A campaign's results do not depend on what resolves its injections: complete runs at either
// fidelity and the differential engine write the same bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "src/config/sha256.h"
#include "tests/support/attnguard_command.h"

namespace attnguard {
namespace {

constexpr const char* kHardened =
    R"("hardened": {"kind": "flash_abft", "softmax_scalars": "duplicated",
  "row_sum": "at_write", "score_check": true, "key_sum": "at_write", "query_source": "own"})";

class DifferentialCampaign : public ::testing::Test {
 protected:
  struct Results {
    std::string injections, coverage;  ///< SHA-256
    std::size_t rows = 0;
  };

  Results campaign(const std::string& config, const std::string& name, const std::string& options) {
    const auto start = std::chrono::steady_clock::now();
    const CommandResult result =
        run_attnguard("campaign " + config + " --quiet --workers 2 --audit 0 --out " +
                      (files_.path() / name).string() + " " + options);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    EXPECT_EQ(result.exit_code, 0) << result.output;
    RecordProperty(name + "_seconds", std::to_string(seconds.count()));
    const std::string injections = read_text(files_.path() / name / "injections.csv");
    const std::string coverage = read_text(files_.path() / name / "coverage.csv");
    return {sha256_hex(injections), sha256_hex(coverage),
            static_cast<std::size_t>(std::count(injections.begin(), injections.end(), '\n')) - 1};
  }

  /// All three ways of `rows` injections.
  void expect_same_results(const std::string& config, std::size_t rows,
                           const std::string& options = "") {
    const std::string full = options + " --set campaign.engine=full";
    const Results differential = campaign(config, "differential", options);
    const Results transaction = campaign(config, "transaction", full);
    const Results cycle = campaign(config, "cycle", full + " --set accelerator.fidelity=cycle");
    EXPECT_EQ(differential.rows, rows);
    EXPECT_EQ(differential.injections, transaction.injections);
    EXPECT_EQ(differential.coverage, transaction.coverage);
    EXPECT_EQ(cycle.injections, transaction.injections);
    EXPECT_EQ(cycle.coverage, transaction.coverage);
  }

  /// One head at head_dim 128 under a causal mask.
  std::string large(std::uint32_t tokens) {
    const std::string count = std::to_string(tokens);
    return files_.write("large.json", R"({"workload": {"kind": "attention", "mask": "causal",
      "heads": 1, "kv_heads": 1, "head_dim": 128, "tokens_q": )" +
                                          count + R"(, "tokens_k": )" + count + R"(},
      "checkers": {"merged": {"kind": "flash_abft"}, )" +
                                          kHardened +
                                          R"(, "two_check": {"kind": "matmul_abft"}},
      "campaign": {"safety_mechanism_share": 0.3}})");
  }

  ScratchFolder files_;
};

TEST_F(DifferentialCampaign, EveryBitAndCycleOfOneByTwoProcessingElements) {
  const std::string config = files_.write("exhaustive.json", std::string(R"({
    "accelerator": {"array": {"rows": 1, "cols": 2},
      "softmax": {"exp_latency_cycles": 0}, "accumulator": {"divide_latency_cycles": 1},
      "buffers": {"q": {"words": 16}, "k": {"words": 16}, "v": {"words": 16}, "o": {"words": 16}},
      "external_memory": {"latency_cycles": 1, "bytes_per_cycle": 64}},
    "checkers": {)") + kHardened + R"(},
    "workload": {"kind": "attention", "mask": "causal", "heads": 1, "kv_heads": 1, "tokens_q": 2,
                 "tokens_k": 3, "head_dim": 3},
    "campaign": {"sampling": "exhaustive"}})");
  expect_same_results(config, 277539);
}

TEST_F(DifferentialCampaign, FaultsInEverySiteClassOfATrainedModel) {
  expect_same_results("configs/tiny_gpt.json", 600,
                      "--set campaign.injections=600 --set campaign.safety_mechanism_share=0.4");
}

TEST_F(DifferentialCampaign, FaultsAtHeadDim128) {
  expect_same_results(large(128), 100, "--set campaign.injections=100");
}

class DifferentialCampaignLong : public DifferentialCampaign {};

TEST_F(DifferentialCampaignLong, EveryBitAndCycleOfTheTinyAccelerator) {
  expect_same_results("configs/tiny_exhaustive.json", 630791);
}

TEST_F(DifferentialCampaignLong, TwentyThousandFaultsOfATrainedModel) {
  expect_same_results("configs/tiny_gpt.json", 20000, "--set campaign.injections=20000");
}

TEST_F(DifferentialCampaignLong, FaultsAt1024Tokens) {
  expect_same_results(large(1024), 500, "--set campaign.injections=500");
}

}  // namespace
}  // namespace attnguard
