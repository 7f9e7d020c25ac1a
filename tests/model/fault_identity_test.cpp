// Every fault has one outcome: the same at both fidelities, and an effect exactly where the golden
// run says a bit is live.
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "models/checksum_unit/memory_protection.h"
#include "src/simulation/simulation.h"
#include "tests/support/child_process.h"
#include "tests/support/compare_fidelities.h"
#include "tests/support/random_checkers.h"
#include "tests/support/random_faults.h"
#include "tests/support/random_system.h"
#include "tests/support/run_text.h"

namespace attnguard {
namespace {

void compare_fidelities(const TestSystem& system, std::size_t per_class, std::uint32_t seed,
                        FaultTally& tally, Faults which = Faults::flips) {
  compare_fidelities(system.accelerator, system.checkers, system.job, per_class, seed, tally,
                     which);
}

TEST(FaultIdentity, EveryRegisterClassOfASmallAccelerator) {
  for (const bool resident : {false, true}) {
    FaultTally tally;
    compare_fidelities(small_system(resident), 30, 22, tally);
    EXPECT_GT(tally.live, tally.faults / 4);
    EXPECT_GT(tally.unfinished, 5);
    for (const char* unit : {"array", "softmax", "accumulator", "q_buffer", "k_buffer", "v_buffer",
                             "o_buffer", "link", "line", "checksum"})
      EXPECT_EQ(tally.classes.count(unit), 1U) << unit;
    RecordProperty(resident ? "resident" : "streamed", tally.faults);
  }
}

TEST(FaultIdentity, RandomAccelerators) {
  FloatSamples samples(23);
  for (std::uint32_t trial = 0; trial < 12; ++trial) {
    TestSystem system = random_system(samples, {5, 5, 14, 10});
    system.checkers = trial % 2 == 0 ? shipped_checkers() : every_kind();
    FaultTally tally;
    compare_fidelities(system, 6, 100 + trial, tally);
    EXPECT_GT(tally.live, 0) << trial;
  }
}

TEST(FaultIdentity, ProtectedBuffers) {
  FloatSamples samples(25);
  FaultTally tally;
  for (std::uint32_t trial = 0; trial < 12; ++trial) {
    TestSystem system =
        trial < 2 ? small_system(trial == 0) : random_system(samples, {5, 5, 14, 10});
    protect_buffers(system.accelerator, samples, true);
    system.checkers = {{"merged", FlashAbftConfig{}},
                       {"memory", MemoryProtectionConfig{}},
                       {"any_error", MemoryProtectionConfig{true}}};
    compare_fidelities(system, 6, 300 + trial, tally,
                       trial % 3 == 2 ? Faults::every_model : Faults::flips);
    compare_fidelities(system, 2, 400 + trial, tally, Faults::transfers);
  }
  EXPECT_GT(tally.decoded.corrected, 50);
  EXPECT_GT(tally.decoded.detected, 20);
  EXPECT_GT(tally.decoded.miscorrected, 0);
  EXPECT_GT(tally.decoded.missed, 0);
}

TEST(FaultIdentity, EveryModelAndSeveralFaultsAtOnce) {
  for (const bool resident : {false, true}) {
    TestSystem system = small_system(resident);
    FaultTally tally;
    compare_fidelities(system, 20, resident ? 31 : 32, tally, Faults::every_model);
    EXPECT_GT(tally.live, tally.faults / 3);
    RecordProperty(resident ? "resident" : "streamed", tally.faults);
  }
  FloatSamples samples(24);
  for (std::uint32_t trial = 0; trial < 12; ++trial) {
    TestSystem system = random_system(samples, {5, 5, 14, 10});
    system.checkers = shipped_checkers();
    FaultTally tally;
    compare_fidelities(system, 6, 200 + trial, tally, Faults::every_model);
    EXPECT_GT(tally.live, tally.faults / 3) << trial;
  }
}

// None leaves the simulator stuck or broken: this test ends, and every run has a completion.
TEST(FaultIdentity, TransactionsOfEveryLink) {
  int unfinished = 0;
  for (const bool resident : {false, true}) {
    FaultTally tally;
    compare_fidelities(small_system(resident), 8, 33, tally, Faults::transfers);
    EXPECT_GT(tally.live, tally.faults * 3 / 4);
    unfinished += tally.unfinished;
    RecordProperty(resident ? "resident" : "streamed", tally.faults);
  }
  EXPECT_GT(unfinished, 100);
  FloatSamples samples(25);
  for (std::uint32_t trial = 0; trial < 12; ++trial) {
    TestSystem system = random_system(samples, {5, 5, 14, 10});
    system.checkers = shipped_checkers();
    FaultTally tally;
    compare_fidelities(system, 4, 300 + trial, tally, Faults::transfers);
    EXPECT_GT(tally.live, tally.faults / 2) << trial;
  }
}

/// A run with one flip of a line.
struct LineRun {
  int completion;              ///< 0 finished, 1 hang, 2 crash
  bool live, activated, lost;  ///< lost: the flip took a done away, else it came too early
  bool as_golden;              ///< everything but the fault's own record
  std::uint64_t activate_cycle, alarm_cycle, crash_cycle;
};

std::vector<LineRun> flip_every_cycle(const TestSystem& system, const std::string& line) {
  const std::string text = run_in_children(1, [&](std::size_t) {
    Simulation simulation(system.accelerator, system.checkers, system.job);
    const RunResult golden = simulation.run(true);
    const LiveMap live(simulation.universe(), simulation.live_blocks());
    std::ostringstream out;
    Fault fault;
    fault.site = simulation.universe().find(line).value();
    for (; fault.cycle < golden.cycles; ++fault.cycle) {
      RunResult run = simulation.run_with_fault(fault, 4 * golden.cycles + 10000);
      out << static_cast<int>(run.completion) << ' ' << live.live(fault) << ' '
          << run.fault.activated << ' ' << run.fault.value_before << ' ' << run.fault.activate_cycle
          << ' ' << run.checkers[0].alarm_cycle << ' ' << run.crash_cycle << ' ';
      run.fault = golden.fault;
      out << (run_text(run) == run_text(golden)) << '\n';
    }
    return out.str();
  })[0];
  std::vector<LineRun> runs;
  std::istringstream stream(text);
  for (LineRun r{}; stream >> r.completion >> r.live >> r.activated >> r.lost >> r.activate_cycle >>
                    r.alarm_cycle >> r.crash_cycle >> r.as_golden;)
    runs.push_back(r);
  return runs;
}

// A lost done is waited for until the watchdog ends the run. One that comes too early lets the next
// command meet a busy unit, unless that command comes so late that the unit is free by then.
TEST(DoneLine, ALostDoneHangsAnEarlyOneNeverDoesAndOutsideLivenessNothingChanges) {
  TestSystem system = small_system(true);
  system.accelerator.external_memory.bytes_per_cycle = 1;  // stores outlast the next tile's work
  system.accelerator.formats.output = Format::float32;
  shrink_buffers(system.accelerator, system.job.shape, true);
  for (const char* line :
       {"line.done.load", "line.done.array", "line.done.accumulator", "line.done.store"}) {
    const auto runs = flip_every_cycle(system, line);
    ASSERT_GT(runs.size(), 100U);
    int crashes = 0, hangs = 0, dead = 0;
    for (std::size_t cycle = 0; cycle < runs.size(); ++cycle) {
      const LineRun& run = runs[cycle];
      EXPECT_EQ(run.activated, run.live) << line << " cycle " << cycle;
      if (!run.live) {
        ++dead;
        EXPECT_TRUE(run.as_golden) << line << " cycle " << cycle;
        continue;
      }
      EXPECT_GT(run.activate_cycle, cycle) << line;
      EXPECT_EQ(run.completion == 1, run.lost) << line << " cycle " << cycle;
      if (run.completion == 1) ++hangs;
      if (run.completion == 2) {
        ++crashes;
        EXPECT_GE(run.crash_cycle, run.activate_cycle) << line;
      }
    }
    RecordProperty(std::string(line) + ".crashes", crashes);
    RecordProperty(std::string(line) + ".hangs", hangs);
    RecordProperty(std::string(line) + ".dead", dead);
    EXPECT_GT(crashes, 0) << line;
    EXPECT_GT(hangs, 0) << line;
    EXPECT_GT(dead, 0) << line;
  }
}

TEST(AlarmLine, AFlipIsReadTheNextCycle) {
  const auto runs = flip_every_cycle(small_system(true), "line.alarm.merged");
  ASSERT_GT(runs.size(), 100U);
  for (std::size_t cycle = 0; cycle < runs.size(); ++cycle) {
    const LineRun& run = runs[cycle];
    EXPECT_EQ(run.completion, 0) << cycle;
    EXPECT_TRUE(run.live && run.activated) << cycle;
    EXPECT_EQ(run.activate_cycle, cycle + 1);
    EXPECT_EQ(run.alarm_cycle, cycle + 1);
  }
}

}  // namespace
}  // namespace attnguard
