// The simulator against hardware described anew in Verilog: the same output words, comparisons,
// alarms and cycles in every run, with and without a flip.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "src/simulation/simulation.h"
#include "tests/oracle/rtl_accelerator.h"
#include "tests/support/child_process.h"
#include "tests/support/float_samples.h"
#include "tests/support/random_faults.h"
#include "tests/support/random_system.h"

namespace attnguard {
namespace {

constexpr std::size_t kFlipsPerClass = 50;  ///< anywhere, and as many around live cells; per job

struct Job {
  Mask mask;
  float deviation;
};
/// Wide ones saturate the softmax: probabilities of one key, denormal and zero alphas.
constexpr Job kJobs[] = {
    {Mask::causal, 1.5F}, {Mask::none, 1.0F}, {Mask::causal, 8.0F}, {Mask::none, 4.0F}};

AttentionJob tensors(const Job& job, std::uint32_t seed) {
  AttentionJob result;
  result.shape = rtl_shape(job.mask);
  FloatSamples samples(seed);
  fill_normal(result, Format::bfloat16, samples, job.deviation);
  return result;
}

std::uint32_t float32_bits(double value) {
  const auto narrow = static_cast<float>(value);
  std::uint32_t bits = 0;
  std::memcpy(&bits, &narrow, sizeof bits);
  return bits;
}

/// Everything both report, one item per line.
std::string text(const RunResult& run) {
  std::string text =
      fmt::format("completion {} cycles {}\noutput", static_cast<int>(run.completion), run.cycles);
  for (const std::uint32_t word : run.output) text += fmt::format(" {:04x}", word);
  for (const Check& c : run.checkers[0].checks)
    text += fmt::format("\nrow {} at {}: {:08x} {:08x} residual {:08x} scale {:08x}{}", c.query_row,
                        c.cycle, float32_bits(c.lhs), float32_bits(c.rhs), float32_bits(c.residual),
                        float32_bits(c.scale), c.alarm ? " alarm" : "");
  return text + fmt::format("\nalarm {}\n", run.checkers[0].alarm_cycle);
}

std::string text(const RtlRun& run) {
  std::string text = fmt::format("completion 0 cycles {}\noutput", run.cycles);
  for (const std::uint32_t word : run.output) text += fmt::format(" {:04x}", word);
  for (const RtlCheck& c : run.checks)
    text += fmt::format("\nrow {} at {}: {:08x} {:08x} residual {:08x} scale {:08x}{}", c.query_row,
                        c.cycle, c.left, c.right, c.residual, c.scale, c.alarm ? " alarm" : "");
  return text + fmt::format("\nalarm {}\n", run.alarm_cycle);
}

std::vector<std::uint64_t> commit_cycles(const RunResult& run) {
  const AttentionShape shape = rtl_shape(Mask::none);
  std::vector<std::uint64_t> cycles(run.output.size(), kNever);
  for (const CommitRecord& c : run.commits)
    for (std::uint32_t row = 0; row < c.rows; ++row)
      for (std::uint32_t column = 0; column < shape.head_dim; ++column)
        cycles[(c.first_row + row) * shape.head_dim + column] =
            c.first_cycle + row * c.row_interval_cycles +
            column / c.slice_cols * c.slice_interval_cycles;
  return cycles;
}

/// Lines "class flips changed alarms", and a "MISMATCH" with both texts for the first few.
std::string compare(std::size_t job_index) {
  const AttentionJob job = tensors(kJobs[job_index], 70 + static_cast<std::uint32_t>(job_index));
  Simulation simulation(rtl_configuration(), {{"merged", FlashAbftConfig{}}}, job);
  RtlAccelerator rtl(job);
  const RunResult golden = simulation.run(true);
  std::ostringstream out;
  int mismatches = 0;
  const auto differ = [&](const std::string& what, const std::string& ours,
                          const std::string& theirs) {
    if (++mismatches <= 3)
      out << "MISMATCH " << what << "\nsimulator: " << ours << "Verilog: " << theirs;
  };
  {
    const RtlRun run = rtl.run();
    if (text(golden) != text(run)) differ("without a flip", text(golden), text(run));
    if (commit_cycles(golden) != run.committed)
      differ("commits", fmt::format("{}\n", golden.commits.size()), "\n");
  }
  const FaultUniverse& universe = simulation.universe();
  FloatSamples samples(80 + static_cast<std::uint32_t>(job_index));
  struct Tally {
    int flips = 0, changed = 0, alarms = 0;
    std::uint32_t bits = 0;
  };
  std::map<std::string, Tally> tallies;
  for (Fault& fault :
       random_faults(universe, simulation.live_blocks(), golden.cycles, kFlipsPerClass, samples)) {
    const RegisterClass& cls = universe[fault.site.reg];
    const auto site = rtl_site(cls.site_class());
    if (!site) continue;
    fault.bits_flipped = static_cast<std::uint32_t>(
        std::min<std::size_t>(samples.pick(1, 1, 1, 2, 3), cls.bits - fault.bit));
    const RunResult ours = simulation.run_with_fault(fault, watchdog_cycles(golden.cycles));
    const RtlRun theirs = rtl.run({*site, static_cast<std::uint16_t>(fault.site.index),
                                   static_cast<std::uint32_t>(fault.mask()),
                                   static_cast<std::uint32_t>(fault.cycle)});
    if (text(ours) != text(theirs))
      differ(fmt::format("{} bit {} (+{}) cycle {}", universe.name(fault.site), fault.bit,
                         fault.bits_flipped, fault.cycle),
             text(ours), text(theirs));
    Tally& tally = tallies[cls.site_class()];
    ++tally.flips;
    tally.changed += ours.output != golden.output ? 1 : 0;
    tally.alarms += ours.checkers[0].alarm_cycle != kNever ? 1 : 0;
    tally.bits |= static_cast<std::uint32_t>(fault.mask());
  }
  out << "mismatches " << mismatches << '\n';
  for (const auto& [name, tally] : tallies)
    out << name << ' ' << tally.flips << ' ' << tally.changed << ' ' << tally.alarms << ' '
        << tally.bits << '\n';
  return out.str();
}

TEST(RtlOracle, EveryFlipHasTheOutcomeTheVerilogGivesIt) {
  int flips = 0, changed = 0, alarms = 0;
  std::map<std::string, std::uint32_t> classes;
  for (const std::string& report : run_in_children(std::size(kJobs), compare)) {
    EXPECT_NE(report.find("mismatches 0\n"), std::string::npos) << report;
    std::istringstream lines(report.substr(report.find("mismatches ")));
    std::string name;
    int n = 0, c = 0, a = 0;
    std::uint32_t bits = 0;
    std::getline(lines, name);
    while (lines >> name >> n >> c >> a >> bits) {
      flips += n;
      changed += c;
      alarms += a;
      classes[name] |= bits;
    }
  }
  EXPECT_GE(flips, 10000);
  EXPECT_GT(changed, flips / 10);
  EXPECT_GT(alarms, flips / 10);
  EXPECT_EQ(classes.size(), rtl_sites());
  for (const auto& [name, bits] : classes)
    EXPECT_TRUE(bits == 1 || bits == 0xffff || bits == 0xffffffff) << name << ' ' << bits;
  RecordProperty("flips", flips);
  RecordProperty("changed", changed);
  RecordProperty("alarms", alarms);
}

}  // namespace
}  // namespace attnguard
