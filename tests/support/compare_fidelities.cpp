#include "tests/support/compare_fidelities.h"

#include <gtest/gtest.h>

#include <sstream>

#include "src/simulation/simulation.h"
#include "tests/support/child_process.h"
#include "tests/support/random_faults.h"
#include "tests/support/run_text.h"

namespace attnguard {
namespace {

bool contradicts(const RunResult& run, bool live) {
  return run.completion == Completion::finished ? run.fault.activated != live
                                                : !(live && run.fault.activated);
}

/// Every fault on one elaboration, whatever became of the one before: a line with the site, then
/// the run. "LIVENESS" where activation contradicts the golden run.
std::string all_faults(AcceleratorConfig accelerator, const std::vector<CheckerConfig>& checkers,
                       const Job& job, Fidelity fidelity, std::size_t per_class, std::uint32_t seed,
                       Faults which) {
  accelerator.fidelity = fidelity;
  Simulation simulation(accelerator, checkers, job);
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

}  // namespace

void compare_fidelities(const AcceleratorConfig& accelerator,
                        const std::vector<CheckerConfig>& checkers, const Job& job,
                        std::size_t per_class, std::uint32_t seed, FaultTally& tally,
                        Faults which) {
  const auto texts = run_in_children(2, [&](std::size_t i) {
    return all_faults(accelerator, checkers, job, i == 0 ? Fidelity::cycle : Fidelity::transaction,
                      per_class, seed, which);
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

}  // namespace attnguard
