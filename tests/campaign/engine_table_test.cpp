// docs/campaigns.md says which engine serves which site class; so do engine_of() and sites.csv.
#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "src/campaign/differential/site_kind.h"
#include "src/campaign/faults/fault_config.h"
#include "src/simulation/simulation.h"
#include "tests/support/attnguard_command.h"
#include "tests/support/child_process.h"
#include "tests/support/random_system.h"

namespace attnguard {
namespace {

/// (glob or model, engine) per row of the documented table of these.
std::vector<std::pair<std::string, std::string>> documented(
    const std::string& what = "site classes") {
  std::vector<std::pair<std::string, std::string>> rows;
  std::istringstream lines(read_text("docs/campaigns.md"));
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("| " + what + " |", 0) == 0) inside = true;
    if (!inside || line.empty()) {
      inside = false;
      continue;
    }
    // Everything in backquotes; the last is the engine, what comes before are globs.
    std::vector<std::string> quoted;
    std::istringstream parts(line);
    for (std::string text; std::getline(parts, text, '`') && std::getline(parts, text, '`');)
      quoted.push_back(text);
    for (std::size_t i = 0; i + 1 < quoted.size(); ++i) rows.emplace_back(quoted[i], quoted.back());
  }
  return rows;
}

std::string documented_engine(const std::string& site_class, std::map<std::string, int>& used) {
  std::string engine;
  for (const auto& [glob, serves] : documented())
    if (glob_matches(glob, site_class)) {
      EXPECT_TRUE(engine.empty()) << site_class << " is in two rows";
      engine = serves;
      ++used[glob];
    }
  return engine;
}

/// Of a small system with all words protected, or none.
std::vector<std::pair<std::string, std::string>> engines_of_classes(bool secded) {
  const std::string text = run_in_children(1, [&](std::size_t) {
    TestSystem system = small_system(true);
    BuffersConfig& buffers = system.accelerator.buffers;
    if (secded)
      for (BufferConfig* buffer : {&buffers.q, &buffers.k, &buffers.v, &buffers.o})
        buffer->protection = ProtectionConfig{CodeKind::secded, 16, 1};
    const Simulation simulation(system.accelerator, system.checkers, system.job);
    std::ostringstream out;
    for (const RegisterClass& cls : simulation.universe().classes())
      out << cls.site_class() << '\t' << engine_of(cls) << '\n';
    return out.str();
  })[0];
  std::vector<std::pair<std::string, std::string>> engines;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    engines.emplace_back(line.substr(0, line.find('\t')), line.substr(line.find('\t') + 1));
  return engines;
}

TEST(EngineTable, IsWhatTheEngineDoesForEverySiteClass) {
  std::map<std::string, int> used;
  const auto engines = engines_of_classes(false);
  EXPECT_GT(engines.size(), 80U);
  for (const auto& [site_class, engine] : engines)
    EXPECT_EQ(documented_engine(site_class, used), engine) << site_class;
  // Words with check bits are served as these are.
  const std::string of_checks = documented_engine("k_buffer.check[*]", used);
  for (const auto& [site_class, engine] : engines_of_classes(true)) {
    const bool coded = glob_matches("*_buffer.word[*]", site_class);
    EXPECT_EQ(coded ? of_checks : documented_engine(site_class, used), engine) << site_class;
  }
  for (const auto& [glob, engine] : documented()) EXPECT_GT(used[glob], 0) << glob;
}

TEST(EngineTable, NamesTheEngineOfEveryModel) {
  std::map<std::string, std::string> engines;
  for (const auto& [model, engine] : documented("fault models"))
    EXPECT_TRUE(engines.emplace(model, engine).second) << model << " is in two rows";
  for (const auto& [model, name] : EnumNames<FaultModel>::names)
    EXPECT_EQ(engines[std::string(name)], engine_of(model)) << name;
  EXPECT_EQ(engines.size(), EnumNames<FaultModel>::names.size());
}

/// site class → engine.
std::map<std::string, std::string> sites_csv(const std::string& options) {
  const ScratchFolder files;
  const std::string folder = (files.path() / "sites").string();
  const CommandResult result =
      run_attnguard("sites configs/tiny_exhaustive.json --out " + folder + " " + options);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  std::map<std::string, std::string> engines;
  std::istringstream lines(read_text(files.path() / "sites" / "sites.csv"));
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    line.pop_back();  // CR
    const std::size_t quoted = line.find('"');
    const std::size_t at = quoted == std::string::npos ? line.rfind(',') + 1 : quoted + 1;
    std::string engine = line.substr(at);
    if (quoted != std::string::npos) engine.pop_back();
    engines[line.substr(0, line.find(','))] = engine;
  }
  return engines;
}

TEST(SitesCsv, NamesTheEngineOfEveryClass) {
  std::map<std::string, int> used;
  const auto engines = sites_csv("");
  EXPECT_GT(engines.size(), 60U);
  for (const auto& [site_class, engine] : engines)
    EXPECT_EQ(engine, documented_engine(site_class, used)) << site_class;
  for (const auto& [site_class, engine] : sites_csv("--set campaign.engine=full"))
    EXPECT_EQ(engine, "full") << site_class;
}

}  // namespace
}  // namespace attnguard
