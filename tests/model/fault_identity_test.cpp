// Every fault has one outcome: the same at both fidelities, and an effect exactly where the golden
// run says a bit is live.
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>

#include "models/checksum_unit/memory_protection.h"
#include "src/simulation/simulation.h"
#include "tests/support/child_process.h"
#include "tests/support/random_checkers.h"
#include "tests/support/random_faults.h"
#include "tests/support/random_system.h"
#include "tests/support/run_text.h"

namespace attnguard {
namespace {

enum class Faults { flips, every_model, transfers };

bool contradicts(const RunResult& run, bool live) {
  return run.completion == Completion::finished ? run.fault.activated != live
                                                : !(live && run.fault.activated);
}

/// Every fault on one elaboration, whatever became of the one before: a line with the site, then
/// the run. "LIVENESS" where activation contradicts the golden run.
std::string all_faults(const TestSystem& system, Fidelity fidelity, std::size_t per_class,
                       std::uint32_t seed, Faults which) {
  AcceleratorConfig accelerator = system.accelerator;
  accelerator.fidelity = fidelity;
  Simulation simulation(accelerator, system.checkers, system.job);
  const RunResult golden = simulation.run(true);
  if (golden.completion != Completion::finished) return "golden run does not finish";
  const FaultUniverse& universe = simulation.universe();
  const LiveMap live(universe, simulation.live_blocks());
  FloatSamples samples(seed);
  std::vector<Fault> faults =
      which == Faults::transfers
          ? random_transfer_faults(universe, simulation.live_blocks(), golden.cycles, per_class,
                                   samples)
          : random_faults(universe, simulation.live_blocks(), golden.cycles, per_class, samples);
  if (which == Faults::every_model) vary_models(faults, universe, samples);
  std::ostringstream text;
  for (const Fault& fault : faults) {
    std::vector<Fault> together{fault};
    // Several faults in one run, now and then in one register or one unit.
    if (which != Faults::flips)
      while (samples.integer(0, 3) == 0)
        together.push_back(faults[samples.integer(0, faults.size() - 1)]);
    const RunResult run = simulation.run_with_faults(together, 4 * golden.cycles + 10000);
    // Only of a flip alone does the golden run say whether it is read.
    const bool live_flip = live.live(fault);
    const bool known = which == Faults::flips;
    text << "FAULT " << universe.name(fault.site) << " model " << static_cast<int>(fault.how.model)
         << " bit " << fault.bit << " cycle " << fault.cycle << " of " << together.size()
         << (known                 ? live_flip ? " live" : " dead"
             : run.fault.activated ? " live"
                                   : " dead")
         << (known && contradicts(run, live_flip) ? " LIVENESS" : "") << '\n'
         << run_text(run);
  }
  return text.str();
}

/// What the parent looks at: one entry per fault.
std::vector<std::string> split_faults(const std::string& text) {
  std::vector<std::string> faults;
  for (std::size_t at = text.find("FAULT "); at != std::string::npos;) {
    const std::size_t next = text.find("FAULT ", at + 1);
    faults.push_back(text.substr(at, next == std::string::npos ? next : next - at));
    at = next;
  }
  return faults;
}

/// Runs in which a code word was corrected, detected, miscorrected and missed.
struct DecodedRuns {
  int corrected = 0, detected = 0, miscorrected = 0, missed = 0;
};

struct Tally {
  int faults = 0, live = 0, unfinished = 0;
  DecodedRuns decoded;
  std::set<std::string> classes;  ///< first word of the site
};

void compare_fidelities(const TestSystem& system, std::size_t per_class, std::uint32_t seed,
                        Tally& tally, Faults which = Faults::flips) {
  const auto texts = run_in_children(2, [&](std::size_t i) {
    return all_faults(system, i == 0 ? Fidelity::cycle : Fidelity::transaction, per_class, seed,
                      which);
  });
  const auto cycle = split_faults(texts[0]), transaction = split_faults(texts[1]);
  ASSERT_GT(cycle.size(), 100U) << texts[0].substr(0, 200);
  ASSERT_EQ(cycle.size(), transaction.size());
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    EXPECT_EQ(cycle[i], transaction[i]) << "seed " << seed;
    EXPECT_EQ(cycle[i].find("LIVENESS"), std::string::npos) << "seed " << seed << ": " << cycle[i];
    ++tally.faults;
    tally.live += cycle[i].find(" live\n") != std::string::npos ? 1 : 0;
    tally.unfinished += cycle[i].find("completion 0") == std::string::npos ? 1 : 0;
    std::istringstream reads(cycle[i].substr(cycle[i].find("code reads ") + 11));
    int corrected = 0, detected = 0, miscorrected = 0, missed = 0;
    reads >> corrected >> detected >> miscorrected >> missed;
    tally.decoded.corrected += corrected > 0 ? 1 : 0;
    tally.decoded.detected += detected > 0 ? 1 : 0;
    tally.decoded.miscorrected += miscorrected > 0 ? 1 : 0;
    tally.decoded.missed += missed > 0 ? 1 : 0;
    std::string site = cycle[i].substr(6, cycle[i].find(' ', 6) - 6);
    tally.classes.insert(site.substr(0, site.find('.')));
  }
}

TEST(FaultIdentity, EveryRegisterClassOfASmallAccelerator) {
  for (const bool resident : {false, true}) {
    Tally tally;
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
    Tally tally;
    compare_fidelities(system, 6, 100 + trial, tally);
    EXPECT_GT(tally.live, 0) << trial;
  }
}

TEST(FaultIdentity, ProtectedBuffers) {
  FloatSamples samples(25);
  Tally tally;
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
    Tally tally;
    compare_fidelities(system, 20, resident ? 31 : 32, tally, Faults::every_model);
    EXPECT_GT(tally.live, tally.faults / 3);
    RecordProperty(resident ? "resident" : "streamed", tally.faults);
  }
  FloatSamples samples(24);
  for (std::uint32_t trial = 0; trial < 12; ++trial) {
    TestSystem system = random_system(samples, {5, 5, 14, 10});
    system.checkers = shipped_checkers();
    Tally tally;
    compare_fidelities(system, 6, 200 + trial, tally, Faults::every_model);
    EXPECT_GT(tally.live, tally.faults / 3) << trial;
  }
}

// None leaves the simulator stuck or broken: this test ends, and every run has a completion.
TEST(FaultIdentity, TransactionsOfEveryLink) {
  int unfinished = 0;
  for (const bool resident : {false, true}) {
    Tally tally;
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
    Tally tally;
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
