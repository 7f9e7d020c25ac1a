// `transaction` must be indistinguishable from `cycle`.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "src/simulation/prepared.h"
#include "src/simulation/simulation.h"
#include "tests/support/child_process.h"
#include "tests/support/random_checkers.h"
#include "tests/support/random_system.h"
#include "tests/support/run_text.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;

struct Both {
  std::string cycle, transaction;
};

Both run_both(const AcceleratorConfig& accelerator, const std::vector<CheckerConfig>& checkers,
              const Job& job) {
  const auto runs = run_in_children(2, [&](std::size_t i) {
    AcceleratorConfig config = accelerator;
    config.fidelity = i == 0 ? Fidelity::cycle : Fidelity::transaction;
    const RunResult run = Simulation(config, checkers, job).run();
    return run_text(run) + counts_text(run);
  });
  return {runs[0], runs[1]};
}

bool finished(const std::string& text) { return text.find("\ncycles ") != std::string::npos; }

TEST(Fidelity, CycleAndTransactionAgreeOnRandomSystems) {
  FloatSamples samples(11);
  for (int trial = 0; trial < 200; ++trial) {
    TestSystem system = random_system(samples, {12, 12, 60, 40});
    system.checkers = trial % 2 == 0 ? shipped_checkers() : every_kind();
    const Both runs = run_both(system.accelerator, system.checkers, system.job);
    EXPECT_TRUE(finished(runs.cycle)) << trial;
    EXPECT_EQ(runs.cycle, runs.transaction) << trial;
  }
}

TEST(Fidelity, CycleAndTransactionAgreeOnEveryShippedConfiguration) {
  int configurations = 0;
  for (const fs::path folder : {"configs", "configs/checkers"})
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() != ".json" || entry.path().stem() == "attnguard.schema")
        continue;
      CommandLine command_line;
      command_line.command = "run";
      command_line.positional = {entry.path().string()};
      const Prepared prepared = prepare(command_line);
      const Both runs =
          run_both(prepared.config.accelerator, prepared.config.checkers, prepared.job);
      EXPECT_TRUE(finished(runs.cycle)) << entry.path();
      EXPECT_EQ(runs.cycle, runs.transaction) << entry.path();
      ++configurations;
    }
  EXPECT_GE(configurations, 10);
}

TEST(Fidelity, ASimulationRepeatsItselfAfterFaults) {
  FloatSamples samples(12);
  for (int trial = 0; trial < 20; ++trial) {
    TestSystem system = random_system(samples, {6, 6, 20, 12});
    system.checkers = shipped_checkers();
    const auto runs = run_in_children(2, [&](std::size_t i) {
      AcceleratorConfig config = system.accelerator;
      config.fidelity = i == 0 ? Fidelity::cycle : Fidelity::transaction;
      Simulation simulation(config, system.checkers, system.job);
      const RunResult first = simulation.run();
      // A flip in every function register class, none on a control line: those end runs for good.
      const FaultUniverse& universe = simulation.universe();
      for (RegisterId reg = 0; reg < universe.classes().size(); ++reg) {
        Fault fault;
        fault.site.reg = reg;
        fault.cycle = first.cycles / 2;
        if (universe[reg].kind != StorageKind::line)
          simulation.run_with_fault(fault, 4 * first.cycles);
      }
      const RunResult again = simulation.run(true);
      return run_text(first) + counts_text(first) + "again\n" + run_text(again) +
             counts_text(again);
    });
    for (const std::string& run : runs) {
      const std::size_t middle = run.find("again\n");
      EXPECT_EQ(run.substr(0, middle), run.substr(middle + 6)) << trial;
    }
    EXPECT_EQ(runs[0], runs[1]) << trial;
  }
}

}  // namespace
}  // namespace attnguard
