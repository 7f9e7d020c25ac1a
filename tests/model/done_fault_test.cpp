// What is told of a flip of a done line without a run is what a complete run says.
#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>

#include "src/campaign/injections/verdict.h"
#include "src/simulation/simulation.h"
#include "tests/support/child_process.h"
#include "tests/support/random_system.h"
#include "tests/support/run_text.h"

namespace attnguard {
namespace {

constexpr const char* kEndings[] = {"finished", "hang", "crash"};

/// Everything a row of injections.csv is made of.
std::string measured(const RunResult& golden, const RunResult& run, const Fault& fault,
                     const OutputLayout& layout) {
  std::ostringstream text;
  Measurement measurement;
  measurement.completion = run.completion;
  measurement.cycles = run.cycles;
  measurement.fault = run.fault;
  OutputDifference& difference = measurement.difference;
  if (run.completion == Completion::finished) difference = compare_outputs(golden, run, layout);
  text << static_cast<int>(judge_effect(measurement, fault.cycle, 0.01)) << ' '
       << fault_text(run.fault) << ' ' << difference.changed_values << ' '
       << difference.changed_rows << ' ' << difference.max_abs_error << ' '
       << difference.max_row_error << ' ' << first_bad_commit(golden, run, layout);
  for (std::size_t c = 0; c < run.checkers.size(); ++c) {
    text << " alarm " << run.checkers[c].alarm_cycle << alarm_is_nonfinite(run.checkers[c]);
    for (const RatioMax& ratio : largest_ratios(golden.checkers[c], run.checkers[c], 8))
      text << ' ' << ratio.ratio.value_or(-1) << ' ' << ratio.cycle << ratio.nonfinite;
  }
  return text.str();
}

/// Every cycle of every done line: what is told wrongly, then how many flips were told by how the
/// run ends, and how many were left to it.
std::string compare_every_cycle(const TestSystem& system) {
  Simulation simulation(system.accelerator, system.checkers, system.job);
  const RunResult golden = simulation.run(true);
  const AttentionShape& shape = system.job.shape;
  const OutputLayout layout{shape.tokens_q, shape.head_dim, system.accelerator.formats.output};
  std::ostringstream text;
  std::map<std::string, int> tally;
  for (const char* line : {"load", "array", "accumulator", "store"}) {
    Fault fault;
    fault.site = simulation.universe().find(std::string("line.done.") + line).value();
    for (; fault.cycle <= golden.cycles; ++fault.cycle) {
      const RunResult run = simulation.run_with_fault(fault, 4 * golden.cycles + 10000);
      const auto foreseen = simulation.foresee(fault);
      if (!foreseen) {
        ++tally["left"];
        continue;
      }
      ++tally[foreseen->stale                ? "stale"
              : !foreseen->outcome.activated ? "dead"
                                             : kEndings[static_cast<int>(foreseen->ending)]];
      const std::string expected = measured(golden, run, fault, layout);
      const std::string told = measured(golden, simulation.foreseen_run(*foreseen), fault, layout);
      if (told != expected)
        text << "WRONG " << line << " cycle " << fault.cycle << "\n  run  " << expected << ' '
             << run.crash_reason << ' ' << run.crash_cycle << "\n  told " << told << '\n';
    }
  }
  for (const auto& [what, count] : tally) text << what << ' ' << count << '\n';
  return text.str();
}

TEST(DoneFault, WhatIsToldWithoutARunIsWhatTheRunSays) {
  std::vector<TestSystem> systems{small_system(true), small_system(false), small_system(true)};
  // Stores outlast the next tile's work.
  systems.back().accelerator.external_memory.bytes_per_cycle = 1;
  systems.back().accelerator.formats.output = Format::float32;
  shrink_buffers(systems.back().accelerator, systems.back().job.shape, true);
  FloatSamples samples(41);
  for (int trial = 0; trial < 16; ++trial) {
    systems.push_back(random_system(samples, {5, 5, 24, 10}));
    systems.back().checkers = shipped_checkers();
    if (trial % 4 == 3) systems.back().accelerator.fidelity = Fidelity::cycle;
  }
  const auto texts = run_in_children(
      systems.size(), [&](std::size_t i) { return compare_every_cycle(systems[i]); });
  std::map<std::string, int> sum;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(texts[i].find("WRONG"), std::string::npos) << "system " << i << '\n' << texts[i];
    std::istringstream words(texts[i]);
    int count = 0;
    for (std::string what; words >> what >> count;) sum[what] += count;
  }
  for (const auto& [what, count] : sum) RecordProperty(what, count);
  for (const char* what : {"dead", "finished", "hang", "crash", "stale"})
    EXPECT_GT(sum[what], 100) << what;
  EXPECT_LT(sum["left"], (sum["finished"] + sum["hang"] + sum["crash"] + sum["stale"]) / 2);
}

}  // namespace
}  // namespace attnguard
