// Energy and area as the commands report them, against a job counted by hand. ctest starts in the
// repository's root.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/attnguard_command.h"
#include "tests/support/scratch_folder.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

constexpr const char* kSmall = R"({
  "accelerator": {"array": {"rows": 2, "cols": 2}},
  "checkers": {"merged": {"kind": "flash_abft"}},
  "workload": {"kind": "attention", "mask": "none", "heads": 1, "tokens_q": 4, "tokens_k": 4,
               "head_dim": 4}})";

std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> all;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, ',');) all.push_back(field);
  return all;
}

std::vector<std::vector<std::string>> read_csv(const fs::path& file) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream stream(read_text(file));
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    rows.push_back(fields(line));
  }
  return rows;
}

class CostCommand : public ::testing::Test {
 protected:
  Json run(const std::string& config, const std::string& more = "") const {
    const CommandResult result =
        run_attnguard("run " + config + " --quiet --force --out " + out().string() + " " + more);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return Json::parse(read_text(out() / "run.json"))["cost"];
  }
  void expect_refused(const std::string& config, const std::string& message) const {
    const CommandResult result = run_attnguard("run " + config + " --out " + out().string());
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.output, HasSubstr(message));
    EXPECT_FALSE(fs::exists(out()));
  }
  fs::path out() const { return files_.path() / "out"; }
  ScratchFolder files_;
};

TEST_F(CostCommand, CountsWhatTheSmallJobDoes) {
  run(files_.write("small.json", kSmall));
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> counts;
  for (const auto& row : read_csv(out() / "cost.csv"))
    if (row[0] != "unit")
      counts[row[0] + " " + row[1]] = {std::stoull(row[2]), std::stoull(row[4])};
  // 4 tiles of 2 queries × 2 keys, d = 4, in 2 passes of P·V: 16 scores, 8 rows of tiles, 32
  // partial products, 16 outputs, 4 query rows. {events, units}
  const auto expect = [&](const std::string& item, std::uint64_t events, std::uint64_t units) {
    EXPECT_EQ(counts[item], std::make_pair(events, units)) << item;
    counts.erase(item);
  };
  // S and P·V: 16 · 4 each. Written: west, north and accumulator of each, 48 results drained, P.
  expect("array multiply_bfloat16", 128, 4);
  expect("array add_float32", 128, 4);
  expect("array register_bit", 128 * (16 + 16 + 32) + 48 * 32 + 16 * 16,
         4 * (16 + 16 + 32 + 32) + 2 * 4 * 16);
  // Scale, maximum; 24 differences and exponentials (6 products, 7 sums); sum; l of 8 rows.
  expect("softmax multiply_float32", 16 + 24 * 6 + 8, 2 + 3 * 6 + 1);
  expect("softmax add_float32", 24 + 24 * 7 + 16 + 8, 3 + 3 * 7 + 2 + 1);
  expect("softmax compare_float32", 16, 2);
  expect("softmax register_bit", 16 * (32 + 16) + 8 * 3 * 32, 2 * 32 + 2 * 3 * 32 + 2 * 16);
  // Rescaling, then 1/l (8 cycles, a row every 2) and 16 products.
  expect("accumulator multiply_float32", 32 + 16, 2);
  expect("accumulator add_float32", 32, 2);
  expect("accumulator divide_float32", 4, 4);
  expect("accumulator register_bit", 32 * (32 + 32 + 8 + 4 + 4 + 16),
         32 * (4 + 4 + 2 + 2 * 4 + 2 + 2));
  // Lines of two 16-bit words, 4 of each tile. K and V fit their buffers: each loaded once.
  for (const std::string buffer : {"q", "k", "v"}) {
    expect(buffer + "_buffer sram_write", 2 * 4 * 32, 0);
    expect(buffer + "_buffer sram_read", 4 * 4 * 32, 0);
  }
  expect("o_buffer sram_write", 2 * 4 * 32, 0);
  expect("o_buffer sram_read", 2 * 4 * 32, 0);
  for (const std::string buffer : {"q", "o"}) expect(buffer + "_buffer sram_bit", 0, 8192 * 16);
  for (const std::string buffer : {"k", "v"}) expect(buffer + "_buffer sram_bit", 0, 65536 * 16);
  expect("external_memory external_memory_byte", 4 * 4 * 4 * 2, 0);
  // In and out 4 · 32 twice (o: out of the accumulator too); operands 3 · 64; 16 scores and p; 12
  // scalars; 32 partial products.
  expect("links link_byte", 2 * 4 * 32 + 32 + 3 * 64 + 16 * (4 + 2) + 12 * 4 + 32 * 4, 0);
  // As in checker_arithmetic_test.
  expect("checksum.merged add_float32", 132, 13);
  expect("checksum.merged multiply_float32", 52, 7);
  expect("checksum.merged divide_float32", 8, 8);
  expect("checksum.merged compare_float32", 4, 1);
  expect("checksum.merged register_bit", 32 * 60, 32 * 16);
  // V as it is read, p, 12 scalars, and of each output row the accumulator, the output and, with
  // each of two slices, 1/l.
  expect("checksum.merged link_byte", 64 + 16 * 4 + 12 * 4 + (16 * 2 + 4 * 2) * 4, 0);
  EXPECT_TRUE(counts.empty()) << counts.begin()->first;
}

TEST_F(CostCommand, FiguresAddUpExactly) {
  const Json cost = run("configs/all_checkers.json");
  std::map<std::string, double> energy, area;
  for (const auto& row : read_csv(out() / "cost.csv")) {
    if (row[0] == "unit") continue;
    energy[row[0]] += std::stod(row[3]);
    area[row[0]] += std::stod(row[5]);
  }
  double accelerator_energy = 0, accelerator_area = 0;
  for (const auto& unit : cost["units"].items()) {
    EXPECT_EQ(unit.value()["energy_pj"].get<double>(), energy[unit.key()]) << unit.key();
    EXPECT_EQ(unit.value()["area_um2"].get<double>(), area[unit.key()]) << unit.key();
    if (unit.key() == "external_memory") continue;
    accelerator_energy += unit.value()["energy_pj"].get<double>();
    accelerator_area += unit.value()["area_um2"].get<double>();
  }
  EXPECT_EQ(cost["accelerator"]["energy_pj"].get<double>(), accelerator_energy);
  EXPECT_EQ(cost["accelerator"]["area_um2"].get<double>(), accelerator_area);
  const auto of = [&](const char* checker) {
    return cost["checkers"][checker]["energy_pj"].get<double>();
  };
  for (const auto& checker : cost["checkers"].items()) {
    EXPECT_GT(checker.value()["energy_pj"].get<double>(), 0) << checker.key();
    EXPECT_GT(checker.value()["area_um2"].get<double>(), 0) << checker.key();
  }
  EXPECT_EQ(of("merged"), energy["checksum.merged"]);
  EXPECT_EQ(of("merged_or_range"), of("merged") + of("range"));
  EXPECT_DOUBLE_EQ(cost["checkers"]["merged"]["energy_overhead_pct"].get<double>(),
                   100 * of("merged") / accelerator_energy);
}

TEST_F(CostCommand, BothFidelitiesCountTheSame) {
  run("configs/all_checkers.json", "--set accelerator.fidelity=transaction");
  const std::string transaction = read_text(out() / "cost.csv");
  run("configs/all_checkers.json", "--set accelerator.fidelity=cycle");
  EXPECT_EQ(read_text(out() / "cost.csv"), transaction);
}

TEST_F(CostCommand, MergedSchemeStaysWhereHorowitzsNumbersPutIt) {
  // Float32 at d = 64, one product and one sum per lane: neither a weight nor a divider. By hand,
  // 1.1 to 4.4 % of the energy and 2 to 7.4 % of the area.
  const Json cost = run("configs/checkers/merged.json",
                        "--set checkers.merged.threshold.rule=absolute "
                        "--set checkers.merged.normaliser=shared_reciprocal");
  const Json& merged = cost["checkers"]["merged"];
  EXPECT_GT(merged["energy_overhead_pct"].get<double>(), 1.1);
  EXPECT_LT(merged["energy_overhead_pct"].get<double>(), 4.4);
  EXPECT_GT(merged["area_overhead_pct"].get<double>(), 2);
  EXPECT_LT(merged["area_overhead_pct"].get<double>(), 7.4);
}

TEST_F(CostCommand, TechnologyIsRelativeToTheConfiguration) {
  Json technology = Json::parse(read_text("configs/technology/28nm.json"));
  technology["name"] = "mine";
  technology["external_memory_byte"]["energy_pj"] = 2.0;
  files_.write("constants/mine.json", technology.dump());
  Json config = Json::parse(kSmall);
  config["technology"] = "constants/mine.json";
  const std::string file = files_.write("small.json", config.dump());
  const Json cost = run(file);
  EXPECT_EQ(cost["technology"], "mine");
  EXPECT_EQ(cost["units"]["external_memory"]["energy_pj"], 256.0);

  // Contents count for the hash, the name does not; the effective configuration runs again.
  const auto hash = [&] { return Json::parse(read_text(out() / "run.json"))["config_sha256"]; };
  const Json before = hash();
  fs::copy_file(out() / "config.json", files_.path() / "again.json");
  fs::create_directories(files_.path() / "elsewhere");
  fs::rename(files_.path() / "again.json", files_.path() / "elsewhere" / "again.json");
  run((files_.path() / "elsewhere" / "again.json").string());
  EXPECT_EQ(hash(), before);
  technology["external_memory_byte"]["energy_pj"] = 3.0;
  files_.write("constants/mine.json", technology.dump());
  run(file);
  EXPECT_NE(hash(), before);
}

TEST_F(CostCommand, WrongTechnologyIsRefusedInOneLine) {
  Json technology = Json::parse(read_text("configs/technology/28nm.json"));
  technology["add"]["float32"]["energy_pj"] = -0.9;
  const std::string bad = files_.write("bad.json", technology.dump());
  const std::string file = files_.write("small.json", kSmall);
  expect_refused(file + " --set technology=bad.json",
                 bad + "#/add/float32/energy_pj: -0.9; a number from 0 to 1e+30");
  expect_refused(file + " --set technology=none.json", "none.json: No such file or directory");
}

TEST_F(CostCommand, SweepHasACostPerPoint) {
  Json config = Json::parse(kSmall);
  config["sweep"] = {{"grid", {{"accelerator.array.rows", {2, 4}}}}};
  const CommandResult result = run_attnguard("sweep " + files_.write("s.json", config.dump()) +
                                             " --quiet --workers 1 --out " + out().string());
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const auto rows = read_csv(out() / "sweep.csv");
  ASSERT_EQ(rows.size(), 3U);
  const auto value = [&](const std::string& column, std::size_t row) {
    for (std::size_t i = 0; i < rows[0].size(); ++i)
      if (rows[0][i] == column) return std::stod(rows[row].at(i));
    ADD_FAILURE() << "no column " << column;
    return 0.0;
  };
  const Json point = run(files_.write("small.json", kSmall));
  EXPECT_EQ(value("energy_array_pj", 1), point["units"]["array"]["energy_pj"].get<double>());
  EXPECT_EQ(value("area_accelerator_um2", 1), point["accelerator"]["area_um2"].get<double>());
  EXPECT_EQ(value("checker_energy_overhead_pct", 1),
            point["all_checkers"]["energy_overhead_pct"].get<double>());
  EXPECT_EQ(value("merged.area_overhead_pct", 1),
            point["checkers"]["merged"]["area_overhead_pct"].get<double>());
  EXPECT_GT(value("area_array_um2", 2), value("area_array_um2", 1));
}

}  // namespace
}  // namespace attnguard
