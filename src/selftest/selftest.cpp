#include "src/selftest/selftest.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <string_view>

#include "src/campaign/campaign.h"
#include "src/config/sha256.h"
#include "src/files/input_file.h"
#include "src/processes/worker_pool.h"
#include "src/selftest/scratch_folder.h"
#include "src/selftest/simd_targets.h"
#include "src/simulation/prepared.h"

namespace attnguard {
namespace {

// Ragged tiles in every dimension, query heads that share keys, checkers of both kinds and a
// combination, every buffer used twice.
constexpr const char* kSmallCampaign = R"({
  "accelerator": {"array": {"rows": 4, "cols": 3}},
  "checkers": {
    "merged": {"kind": "flash_abft"},
    "hardened": {"kind": "flash_abft", "softmax_scalars": "duplicated", "row_sum": "at_write",
                 "score_check": true, "key_sum": "at_write", "query_source": "own"},
    "two_check": {"kind": "matmul_abft"},
    "range": {"kind": "range_check"},
    "either": {"kind": "any_of", "members": ["merged", "range"]}
  },
  "workload": {"kind": "attention", "mask": "causal", "heads": 2, "kv_heads": 1, "tokens_q": 10,
               "tokens_k": 11, "head_dim": 7},
  "campaign": {"injections": 2000, "models": [{"kind": "bit_flip", "bits": 1, "weight": 4},
                                              {"kind": "bit_flip", "bits": 2, "weight": 1}]}
})";

std::string golden_text(std::uint64_t cycles, std::string_view output_sha256) {
  return fmt::format("{} cycles, output {}", cycles, output_sha256);
}

/// The fault-free run on the first line, then injections.csv.
std::string campaign_text(const ScratchFolder& folder, const SelftestVariant& variant,
                          std::size_t number) {
  CommandLine line;
  line.command = "campaign";
  line.positional = {(folder.path() / "selftest.json").string()};
  line.sets = variant.sets;
  line.out = (folder.path() / std::to_string(number)).string();
  CampaignOptions options;
  options.workers = 1;
  options.out = *line.out;
  options.audit = 0;
  const CampaignSummary summary = run_campaign(prepare(line), options);
  require_sound(summary);
  const std::vector<std::uint32_t>& output = summary.golden.output;
  const std::string_view bytes(reinterpret_cast<const char*>(output.data()),
                               output.size() * sizeof output[0]);
  return golden_text(summary.golden.cycles, sha256_hex(bytes)) + '\n' +
         read_file(options.out / "injections.csv");
}

std::vector<std::string> cut(std::string text, char at) {
  if (!text.empty() && text.back() == '\r') text.pop_back();
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, at);) parts.push_back(part);
  return parts;
}

/// The first value that differs, of both: one line.
std::string difference(const std::string& reference, const std::string& text) {
  const std::vector<std::string> must = cut(reference, '\n'), is = cut(text, '\n');
  const std::size_t rows = std::min(must.size(), is.size());
  const std::size_t row = static_cast<std::size_t>(
      std::mismatch(must.begin(), must.begin() + rows, is.begin()).first - must.begin());
  if (row == rows) return fmt::format("{} rows; must be {}", is.size(), must.size());
  if (row == 0) return fmt::format("fault-free run: {}; must be {}", is[0], must[0]);
  const std::vector<std::string> names = cut(must[1], ','), fields = cut(must[row], ','),
                                 found = cut(is[row], ',');
  for (std::size_t f = 0; f < std::min({names.size(), fields.size(), found.size()}); ++f)
    if (fields[f] != found[f])
      return fmt::format("injections.csv line {}, {}: {}; must be {}", row, names[f], found[f],
                         fields[f]);
  return fmt::format("injections.csv line {}: {}; must be {}", row, is[row], must[row]);
}

void check_answers(const Selftest& selftest, std::vector<SelftestFinding>& findings) {
  for (const KnownAnswer& known : selftest.answers)
    for_each_simd_target([&](const std::string& target) {
      const std::uint64_t answer = known.answer();
      const bool same = answer == known.expected;
      findings.push_back(
          {fmt::format("{} on {}", known.name, target),
           fmt::format("{:#018x}", answer) +
               (same ? std::string() : fmt::format("; must be {:#018x}", known.expected)),
           same});
    });
}

void check_campaigns(const Selftest& selftest, std::vector<SelftestFinding>& findings) {
  const ScratchFolder folder;
  folder.write("selftest.json", kSmallCampaign);
  std::vector<std::string> texts;
  run_in_workers(
      {1, 1}, selftest.variants.size(), "campaign",
      [&](std::uint64_t v) {
        return WorkResult{campaign_text(folder, selftest.variants[v], v), true};
      },
      [&](std::uint64_t, const std::string& text) { texts.push_back(text); });

  const std::string& reference = texts.at(0);
  const std::string golden = reference.substr(0, reference.find('\n'));
  const std::string expected = golden_text(selftest.golden_cycles, selftest.golden_output_sha256);
  findings.push_back({"fault-free run",
                      golden == expected ? golden : fmt::format("{}; must be {}", golden, expected),
                      golden == expected});
  for (std::size_t v = 0; v < texts.size(); ++v) {
    const bool same = texts[v] == reference;
    const auto rows = std::count(texts[v].begin(), texts[v].end(), '\n') - 2;
    findings.push_back(
        {selftest.variants[v].name,
         same ? fmt::format("{} injections, {}", rows, sha256_hex(texts[v]).substr(0, 16))
              : difference(reference, texts[v]),
         same});
  }
}

}  // namespace

Selftest default_selftest() {
  Selftest selftest;
  // Changes with the campaign above, or with docs/arithmetic.md or a latency formula.
  selftest.golden_cycles = 771;
  selftest.golden_output_sha256 =
      "86a9889d655fb40a645e0557272d53f78177f47114890a4a831c7edc94907b88";
  const std::string cycle = "accelerator.fidelity=cycle", full = "campaign.engine=full";
  selftest.variants = {{"cycle, full", {cycle, full}},
                       {"transaction, full", {full}},
                       {"cycle, differential", {cycle}},
                       {"transaction, differential", {}}};
  return selftest;
}

std::vector<SelftestFinding> run_selftest(const Selftest& selftest) {
  std::vector<SelftestFinding> findings;
  check_answers(selftest, findings);
  check_campaigns(selftest, findings);
  return findings;
}

}  // namespace attnguard
