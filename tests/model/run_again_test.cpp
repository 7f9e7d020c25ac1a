// One elaboration runs as often as wanted, whatever became of the run before.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "src/simulation/simulation.h"
#include "tests/support/child_process.h"
#include "tests/support/random_checkers.h"
#include "tests/support/random_faults.h"
#include "tests/support/random_system.h"
#include "tests/support/run_text.h"

namespace attnguard {
namespace {

/// Every fault in this process, each followed by a golden run; with `fresh`, each in a fork that
/// has run no other. One line per fault: how it ended, whether the golden run was as the first.
std::string run_all(const TestSystem& system, std::uint32_t seed, bool fresh) {
  Simulation simulation(system.accelerator, system.checkers, system.job);
  const RunResult golden = simulation.run(true);
  const std::string golden_text = run_text(golden);
  FloatSamples samples(seed);
  std::vector<Fault> faults =
      random_faults(simulation.universe(), simulation.live_blocks(), golden.cycles, 1, samples);
  // Lines end most runs early: as many of them as of all the rest.
  Fault fault;
  for (const char* line : {"load", "array", "accumulator", "store"}) {
    fault.site = simulation.universe().find(std::string("line.done.") + line).value();
    for (int n = 0; n < 15; ++n) {
      fault.cycle = samples.integer(0, golden.cycles + 20);
      faults.push_back(fault);
    }
  }
  for (std::size_t i = faults.size() - 1; i > 0; --i)
    std::swap(faults[i], faults[static_cast<std::size_t>(samples.integer(0, i))]);

  std::string text;
  run_in_workers(
      {1, fresh ? 1 : faults.size()}, faults.size(), "fault",
      [&](std::uint64_t n) {
        const RunResult run = simulation.run_with_fault(faults[n], 4 * golden.cycles + 10000);
        std::string one = run_text(run) + "then ";
        one += fresh || run_text(simulation.run()) == golden_text ? "golden" : "NOT GOLDEN";
        return WorkResult{one + "\n", fresh};
      },
      [&](std::uint64_t, const std::string& bytes) { text += bytes; });
  return text;
}

void expect_runs_independent(const TestSystem& system, std::uint32_t seed) {
  const auto texts =
      run_in_children(2, [&](std::size_t i) { return run_all(system, seed, i == 0); });
  EXPECT_EQ(texts[0], texts[1]) << "seed " << seed;
  EXPECT_NE(texts[0].find("completion 1"), std::string::npos) << "seed " << seed;
  EXPECT_NE(texts[0].find("completion 2"), std::string::npos) << "seed " << seed;
}

TEST(RunAgain, AfterAnyFaultTheNextRunIsAsInAFreshProcess) {
  for (const bool resident : {false, true}) expect_runs_independent(small_system(resident), 31);
  FloatSamples samples(32);
  for (std::uint32_t trial = 0; trial < 2; ++trial) {
    TestSystem system = random_system(samples, {5, 5, 14, 10});
    system.checkers = trial % 2 == 0 ? shipped_checkers() : every_kind();
    system.accelerator.fidelity = trial % 2 == 0 ? Fidelity::transaction : Fidelity::cycle;
    expect_runs_independent(system, 33 + trial);
  }
}

}  // namespace
}  // namespace attnguard
