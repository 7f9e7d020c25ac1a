// The simulator against the same hardware described anew in Verilog: the same output, comparisons,
// alarms and cycles in every run, without a fault and with one.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
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

/// Per site class and job, anywhere and as many around live cells; fewer where runs are longer.
constexpr std::size_t kFlips = RTL_HEADS == 1 ? 32 : 16;

struct OracleJob {
  RtlOptions options;
  float deviation;  ///< of normal tensors; wide ones leave most probabilities and alphas at zero
};
const std::vector<OracleJob> kJobs{
    {{Mask::causal, false, Exp2Kind::polynomial, Format::bfloat16, Format::bfloat16, 7}, 1.5F},
    {{Mask::none, true, Exp2Kind::polynomial, Format::float32, Format::float32, 7}, 1.0F},
    {{Mask::none, false, Exp2Kind::piecewise_linear, Format::bfloat16, Format::float32, 40}, 1.5F},
    {{Mask::causal, true, Exp2Kind::piecewise_linear, Format::float32, Format::bfloat16, 1}, 4.0F}};

std::uint32_t float32_bits(double value) { return bits_of_float(static_cast<float>(value)); }

template <class Check>
std::string check_text(const Check& check, std::uint32_t left, std::uint32_t right,
                       std::uint32_t residual, std::uint32_t scale) {
  return fmt::format("head {} row {} at {}: {:08x} {:08x} residual {:08x} scale {:08x}{}\n",
                     check.head, check.query_row, check.cycle, left, right, residual, scale,
                     check.alarm ? " alarm" : "");
}

template <class Run>
std::string output_text(const Run& run, int completion, std::uint64_t alarm_cycle) {
  std::string text =
      fmt::format("completion {} cycles {} alarm {}\noutput", completion, run.cycles, alarm_cycle);
  for (const std::uint32_t value : run.output) text += fmt::format(" {:x}", value);
  return text + '\n';
}

std::string text_of(const RunResult& run) {
  const CheckerResult& checker = run.checkers[0];
  std::string text = output_text(run, static_cast<int>(run.completion), checker.alarm_cycle);
  for (const Check& check : checker.checks)
    text += check_text(check, float32_bits(check.lhs), float32_bits(check.rhs),
                       float32_bits(check.residual), float32_bits(check.scale));
  return text;
}

std::string text_of(const RtlRun& run) {
  std::string text = output_text(run, static_cast<int>(Completion::finished), run.alarm_cycle);
  for (const RtlCheck& check : run.checks)
    text += check_text(check, check.left, check.right, check.residual, check.scale);
  return text;
}

/// When external memory accepts each value.
std::string commit_text(const std::vector<std::uint64_t>& cycles) {
  std::string text;
  for (const std::uint64_t cycle : cycles) text += fmt::format(" {}", cycle);
  return text + '\n';
}

std::string commit_text(const RunResult& run) {
  const AttentionShape shape = rtl_shape(Mask::none);
  const std::uint32_t head_dim = shape.head_dim;
  std::vector<std::uint64_t> cycles(run.output.size(), kNever);
  for (const CommitRecord& commit : run.commits)
    for (std::uint32_t row = 0; row < commit.rows; ++row)
      for (std::uint32_t column = 0; column < head_dim; ++column)
        cycles[(commit.head * shape.tokens_q + commit.first_row + row) * head_dim + column] =
            commit.first_cycle + std::uint64_t{row} * commit.row_interval_cycles +
            std::uint64_t{column / commit.slice_cols} * commit.slice_interval_cycles;
  return commit_text(cycles);
}

/// Of the faults of one site class.
struct Tally {
  int faults = 0, changed = 0, alarms = 0;
  std::uint32_t bits = 0;  ///< of a register or lane, that were concerned
};

/// Both under the same faults.
class Comparison {
 public:
  Comparison(const OracleJob& job, std::uint32_t seed)
      : options_(job.options),
        samples_(seed),
        tensors_(tensors(job, samples_)),
        simulation_(rtl_configuration(options_), {{"merged", FlashAbftConfig{}}}, tensors_),
        rtl_(options_, tensors_),
        golden_(simulation_.run(true)) {
    const RtlRun run = rtl_.run();
    expect_equal("no fault", text_of(golden_), text_of(run));
    expect_equal("commits without a fault", commit_text(golden_), commit_text(run.committed));
  }

  /// `per_class` faults anywhere and as many around live cells, in every class the Verilog has.
  void run(std::size_t per_class, bool every_model, std::uint32_t first_bit) {
    const FaultUniverse& universe = simulation_.universe();
    std::vector<Fault> faults =
        random_faults(universe, simulation_.live_blocks(), golden_.cycles, per_class, samples_);
    if (every_model)
      vary_models(faults, universe, samples_);
    else
      visit_every_bit(faults, universe, first_bit);
    for (const Fault& fault : faults) {
      const RegisterClass& cls = universe[fault.site.reg];
      const auto same = rtl_fault(fault, cls, options_.output);
      if (!same) continue;
      const RunResult run = simulation_.run_with_fault(fault, watchdog_cycles(golden_.cycles));
      expect_equal(
          fmt::format("{} bit {} mask {:x} cycle {} model {}", universe.name(fault.site), fault.bit,
                      same->mask, fault.cycle, static_cast<int>(fault.how.model)),
          text_of(run), text_of(rtl_.run(*same)));
      Tally& tally = tallies_[cls.site_class()];
      ++tally.faults;
      tally.changed += run.output != golden_.output ? 1 : 0;
      tally.alarms += run.checkers[0].alarm_cycle != kNever ? 1 : 0;
      tally.bits |= 1U << fault.bit % cls.bits;
    }
  }

  /// The first mismatches, their number, then a line per site class.
  std::string report() const {
    std::string text = first_ + fmt::format("mismatches {}\n", mismatches_);
    for (const auto& [site_class, tally] : tallies_)
      text += fmt::format("{} {} {} {} {}\n", site_class, tally.faults, tally.changed, tally.alarms,
                          tally.bits);
    return text;
  }

 private:
  static AttentionJob tensors(const OracleJob& job, FloatSamples& samples) {
    AttentionJob tensors;
    tensors.shape = rtl_shape(job.options.mask);
    fill_normal(tensors, Format::bfloat16, samples, job.deviation);
    return tensors;
  }

  /// Two faults of a class in a row, one anywhere and one around a live cell, take the same bit.
  static void visit_every_bit(std::vector<Fault>& faults, const FaultUniverse& universe,
                              std::uint32_t first) {
    std::map<RegisterId, std::uint32_t> count;
    for (Fault& fault : faults) {
      const std::uint32_t bits = universe[fault.site.reg].bits;
      fault.bit += (first + count[fault.site.reg]++ / 2) % bits - fault.bit % bits;
    }
  }

  void expect_equal(const std::string& what, const std::string& simulator,
                    const std::string& verilog) {
    if (simulator == verilog || ++mismatches_ > 3) return;
    first_ += "MISMATCH " + what + "\nsimulator " + simulator + "Verilog " + verilog;
  }

  RtlOptions options_;
  FloatSamples samples_;
  AttentionJob tensors_;
  Simulation simulation_;
  RtlAccelerator rtl_;
  RunResult golden_;
  int mismatches_ = 0;
  std::string first_;
  std::map<std::string, Tally> tallies_;
};

/// Every job in a process of its own; what they count together, by site class.
std::map<std::string, Tally> compare(std::size_t per_class, bool every_model) {
  std::map<std::string, Tally> total;
  const auto reports = run_in_children(kJobs.size(), [&](std::size_t i) {
    Comparison comparison(kJobs[i],
                          static_cast<std::uint32_t>(70 + 10 * i + (every_model ? 1 : 0)));
    comparison.run(per_class, every_model, static_cast<std::uint32_t>(i * per_class));
    return comparison.report();
  });
  for (const std::string& report : reports) {
    const std::size_t counts = report.find("mismatches ");
    EXPECT_EQ(report.substr(0, report.find('\n', counts)), "mismatches 0");
    std::istringstream lines(report.substr(report.find('\n', counts)));
    std::string site_class;
    for (Tally t; lines >> site_class >> t.faults >> t.changed >> t.alarms >> t.bits;) {
      Tally& sum = total[site_class];
      sum.faults += t.faults;
      sum.changed += t.changed;
      sum.alarms += t.alarms;
      sum.bits |= t.bits;
    }
  }
  return total;
}

Tally sum_of(const std::map<std::string, Tally>& tallies) {
  Tally sum;
  for (const auto& [site_class, tally] : tallies) {
    sum.faults += tally.faults;
    sum.changed += tally.changed;
    sum.alarms += tally.alarms;
  }
  return sum;
}

TEST(RtlOracle, EveryFlipEndsAsInTheVerilog) {
  const auto tallies = compare(kFlips, false);
  EXPECT_EQ(tallies.size(), rtl_site_classes());
  for (const auto& [site_class, tally] : tallies)
    EXPECT_TRUE(tally.bits == 1 || tally.bits == 0xffff || tally.bits == 0xffffffff)
        << site_class << ": flipped bits " << tally.bits;
  const Tally sum = sum_of(tallies);
  EXPECT_GE(sum.faults, RTL_HEADS == 1 ? 10000 : 5000);
  EXPECT_GT(sum.changed, sum.faults / 10);
  EXPECT_GT(sum.alarms, sum.faults / 10);
  RecordProperty("flips", sum.faults);
  RecordProperty("changed outputs", sum.changed);
  RecordProperty("alarms", sum.alarms);
}

TEST(RtlOracle, StuckIntermittentAndCarryFaultsEndAsInTheVerilog) {
  const auto tallies = compare(kFlips / 4, true);
  EXPECT_EQ(tallies.size(), rtl_site_classes());
  const Tally sum = sum_of(tallies);
  EXPECT_GT(sum.changed, sum.faults / 4);
  RecordProperty("faults", sum.faults);
  RecordProperty("changed outputs", sum.changed);
  RecordProperty("alarms", sum.alarms);
}

}  // namespace
}  // namespace attnguard
