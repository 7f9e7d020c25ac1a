// Without a fault every checker, whatever its options, stays silent at its default threshold.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

#include "models/checksum_unit/attnchecker.h"
#include "models/checksum_unit/duplicated_softmax.h"
#include "models/checksum_unit/efta.h"
#include "models/checksum_unit/range_check.h"
#include "models/checksum_unit/statistical_abft.h"
#include "models/numerics/format.h"
#include "src/simulation/prepared.h"
#include "src/simulation/simulation.h"
#include "src/workload/synthetic.h"
#include "tests/support/child_process.h"
#include "tests/support/random_system.h"

namespace attnguard {
namespace {

/// Every value of an option, as the configuration knows it.
template <class Enum, class Use>
void for_each_value(Use use) {
  for (const auto& [value, name] : EnumNames<Enum>::names) use(value);
}

/// Score check off, or on with every source of its sums.
template <class Use>
void for_each_score_check(Use use) {
  use(false, SumPoint::at_read, QuerySource::shared);
  for_each_value<SumPoint>([&](SumPoint key_sum) {
    for_each_value<QuerySource>([&](QuerySource source) { use(true, key_sum, source); });
  });
}

void add_flash(std::vector<CheckerConfig>& checkers, FlashAbftConfig flash, ThresholdRule rule) {
  flash.threshold.rule = flash.score_threshold.rule = rule;
  for_each_value<SoftmaxScalars>([&](SoftmaxScalars scalars) {
    flash.softmax_scalars = scalars;
    for_each_value<SumPoint>([&](SumPoint row_sum) {
      flash.row_sum = row_sum;
      for_each_value<Normaliser>([&](Normaliser normaliser) {
        flash.normaliser = normaliser;
        for_each_score_check([&](bool check, SumPoint key_sum, QuerySource source) {
          flash.score_check = check;
          flash.key_sum = key_sum;
          flash.query_source = source;
          checkers.push_back({fmt::format("flash_{}", checkers.size()), flash});
        });
      });
    });
  });
}

void add_matmul(std::vector<CheckerConfig>& checkers, MatmulAbftConfig matmul, ThresholdRule rule) {
  matmul.score_threshold.rule = matmul.pv_threshold.rule = rule;
  for_each_value<PvCheck>([&](PvCheck pv_check) {
    matmul.pv_check = pv_check;
    for_each_value<SumPoint>([&](SumPoint row_sum) {
      matmul.row_sum = row_sum;
      for_each_score_check([&](bool check, SumPoint key_sum, QuerySource source) {
        matmul.key_sum = key_sum;
        matmul.query_source = source;
        if (check) checkers.push_back({fmt::format("matmul_{}", checkers.size()), matmul});
      });
    });
  });
}

/// The other kinds with their defaults, efta under `rule`.
void add_rivals(std::vector<CheckerConfig>& checkers, ThresholdRule rule) {
  EftaConfig efta;
  efta.threshold.rule = rule;
  checkers.push_back({"efta", efta});
  checkers.push_back({"attnchecker", AttnCheckerConfig{}});
  checkers.push_back({"statistical", StatisticalAbftConfig{}});
  checkers.push_back({"range", RangeCheckConfig{}});
  checkers.push_back({"duplicated", DuplicatedSoftmaxConfig{}});
}

/// Every combination of options under `rule`: 720 flash_abft and 48 matmul_abft; and the other
/// kinds.
std::vector<CheckerConfig> every_checker(ThresholdRule rule) {
  std::vector<CheckerConfig> checkers;
  for_each_value<CheckFormat>([&](CheckFormat format) {
    FlashAbftConfig flash;
    flash.format = format;
    for_each_value<CheckPoint>([&](CheckPoint point) {
      flash.point = point;
      for_each_value<Granularity>([&](Granularity granularity) {
        flash.granularity = granularity;
        add_flash(checkers, flash, rule);
      });
    });
    MatmulAbftConfig matmul;
    matmul.format = format;
    add_matmul(checkers, matmul, rule);
  });
  add_rivals(checkers, rule);
  return checkers;
}

/// What is wrong with a fault-free run of all of `checkers`; empty when all is well.
std::string alarms(const AcceleratorConfig& accelerator, const std::vector<CheckerConfig>& checkers,
                   const AttentionJob& job) {
  Simulation simulation(accelerator, checkers, job);
  const RunResult run = simulation.run();
  if (run.completion != Completion::finished) return "not finished\n";
  std::ostringstream text;
  for (std::size_t c = 0; c < checkers.size(); ++c) {
    const CheckerResult& result = run.checkers[c];
    if (result.checks.empty()) text << checkers[c].name << " never compares\n";
    if (result.alarm_cycle != kNever) text << checkers[c].name << " raises its line\n";
    for (const Check& check : result.checks)
      if (check.alarm) {
        text << checkers[c].name << ' ' << simulation.comparisons()[c][check.comparison] << ": "
             << check.residual << " > " << check.threshold << '\n';
        break;
      }
  }
  return text.str();
}

TEST(CleanRuns, EveryCheckerIsSilentOnTheShippedTensors) {
  CommandLine command_line;
  command_line.command = "run";
  command_line.positional = {"configs/tiny_gpt.json"};
  for (const char* output : {"bfloat16", "float32"}) {
    command_line.sets = {fmt::format("accelerator.formats.output={}", output)};
    const Prepared prepared = prepare(command_line);
    const auto texts = run_in_children(3, [&](std::size_t i) {
      return alarms(prepared.config.accelerator,
                    every_checker(EnumNames<ThresholdRule>::names[i].first), *prepared.attention());
    });
    for (const std::string& text : texts) EXPECT_EQ(text, "");
  }
}

/// A kind of synthetic data and the hardware it runs on.
struct Kind {
  DistributionConfig distribution;
  AttentionShape shape;
  ArrayConfig array;
  FormatsConfig formats;
};

std::vector<Kind> kinds() {
  Kind plain;
  plain.shape = {8, 2, 125, 125, 64, Mask::causal, 0.125F};
  Kind outliers = plain;
  outliers.distribution.outlier_channels = 4;
  outliers.shape.mask = Mask::none;
  Kind biased = plain;
  biased.distribution.mean_v = 2;
  biased.formats.output = Format::float32;
  Kind peaked = outliers;  // ragged in every direction
  peaked.distribution.scale_q = 2;
  peaked.distribution.mean_v = -1;
  peaked.shape = {10, 5, 100, 211, 50, Mask::causal, 1.0F / std::sqrt(50.0F)};
  peaked.array = {12, 20, Dataflow::output_stationary};
  peaked.formats.probability = Format::float32;
  Kind decode = outliers;
  decode.shape = {1000, 50, 1, 90, 64, Mask::causal, 0.125F};
  decode.array.rows = 4;
  return {plain, outliers, biased, peaked, decode};
}

AcceleratorConfig accelerator_of(const Kind& kind) {
  AcceleratorConfig accelerator;
  accelerator.array = kind.array;
  accelerator.formats = kind.formats;
  return accelerator;
}

AttentionJob job_of(const Kind& kind, std::uint64_t seed) {
  AttentionJob job;
  job.shape = kind.shape;
  draw_tensors(seed, kind.distribution, job);
  for (std::vector<float>* tensor : {&job.q, &job.k, &job.v})
    for (float& value : *tensor) value = round_to(kind.formats.operand, value);
  return job;
}

std::string synthetic_alarms(const Kind& kind, std::uint64_t seed, ThresholdRule rule) {
  return alarms(accelerator_of(kind), every_checker(rule), job_of(kind, seed));
}

// An absolute threshold cannot suit data of any size, so that rule is left to the shipped tensors.
void expect_silence_on(std::uint64_t queries, ThresholdRule rule) {
  const std::vector<Kind> all = kinds();
  for (const Kind& kind : all) ASSERT_EQ(kind.shape.heads * kind.shape.tokens_q, 1000U);
  const auto texts = run_in_children(queries / 1000, [&](std::size_t i) {
    return synthetic_alarms(all[i % all.size()], i, rule);
  });
  for (std::size_t i = 0; i < texts.size(); ++i)
    EXPECT_EQ(texts[i], "") << "kind " << i % all.size() << " seed " << i;
}

/// Every kind of comparison that has a proven bound, under it.
std::vector<CheckerConfig> bounded_checkers() {
  std::vector<CheckerConfig> checkers;
  for_each_value<CheckFormat>([&](CheckFormat format) {
    FlashAbftConfig flash;
    flash.format = format;
    flash.score_check = true;
    flash.threshold.rule = flash.score_threshold.rule = ThresholdRule::bound;
    for_each_value<CheckPoint>([&](CheckPoint point) {
      flash.point = point;
      flash.granularity = Granularity::query;
      checkers.push_back({fmt::format("flash_{}", checkers.size()), flash});
    });
    for (const Granularity granularity : {Granularity::tile, Granularity::head}) {
      flash.granularity = granularity;
      flash.softmax_scalars = SoftmaxScalars::duplicated;
      flash.normaliser = Normaliser::shared_reciprocal;
      checkers.push_back({fmt::format("flash_{}", checkers.size()), flash});
    }
    MatmulAbftConfig matmul;
    matmul.format = format;
    matmul.score_threshold.rule = matmul.pv_threshold.rule = ThresholdRule::bound;
    for_each_value<PvCheck>([&](PvCheck pv_check) {
      matmul.pv_check = pv_check;
      checkers.push_back({fmt::format("matmul_{}", checkers.size()), matmul});
    });
  });
  EftaConfig efta;
  efta.threshold.rule = ThresholdRule::bound;
  checkers.push_back({"efta", efta});
  checkers.push_back({"range", RangeCheckConfig{}});  // its output range is proven likewise
  return checkers;
}

/// Data made to hurt: what a sum forgets is what its large terms take from the small ones.
enum class Adversary : std::size_t { none, biased, cancelling, outliers, tiny, equal_scores };
constexpr std::size_t kAdversaries = 6;

void worsen(Adversary adversary, AttentionJob& job) {
  const std::size_t d = job.shape.head_dim;
  for (std::size_t i = 0; i < job.v.size(); ++i) {
    const std::size_t channel = i % d, token = i / d;
    switch (adversary) {
      case Adversary::none:
        break;
      case Adversary::biased:
        job.v[i] += 1000;
        job.k[i] += 4;
        break;
      case Adversary::cancelling:  // neighbours cancel in Σ_c v, in Σ_j k and in q·k
        job.v[i] += channel % 2 == 0 ? 5000.0F : -5000.0F;
        job.k[i] += (channel + token) % 2 == 0 ? 30.0F : -30.0F;
        break;
      case Adversary::outliers:
        job.v[i] *= channel % 17 == 3 ? 300.0F : 1.0F;
        job.k[i] *= channel % 13 == 5 ? 100.0F : 1.0F;
        break;
      case Adversary::tiny:  // products underflow
        job.v[i] *= token % 2 == 0 ? 0x1p-120F : 0x1p-60F;
        job.k[i] *= 0x1p-70F;
        break;
      case Adversary::equal_scores:  // flat attention, sums of equal terms
        job.k[i] = 0.5F;
        job.v[i] = 1.0F + 0x1p-7F * static_cast<float>(token % 3);
        break;
    }
  }
  if (adversary == Adversary::cancelling)
    for (std::size_t i = 0; i < job.q.size(); ++i) job.q[i] += i % d % 4 < 2 ? 9.0F : -9.0F;
}

void expect_bounds_hold_on(std::uint64_t queries) {
  const auto texts = run_in_children(queries / 1000, [&](std::size_t i) {
    Kind kind = kinds()[i / kAdversaries % kinds().size()];
    if (i % 7 == 0) kind.formats.probability = kind.formats.output = Format::float32;
    AttentionJob job;
    job.shape = kind.shape;
    draw_tensors(i, kind.distribution, job);
    worsen(static_cast<Adversary>(i % kAdversaries), job);
    for (std::vector<float>* tensor : {&job.q, &job.k, &job.v})
      for (float& value : *tensor) value = round_to(kind.formats.operand, value);
    return alarms(accelerator_of(kind), bounded_checkers(), job);
  });
  for (std::size_t i = 0; i < texts.size(); ++i)
    EXPECT_EQ(texts[i], "") << "adversary " << i % kAdversaries << " number " << i;
}

TEST(CleanRuns, ProvenBoundsHoldOnRandomAndAdversarialQueries) { expect_bounds_hold_on(30'000); }

TEST(CleanRunsLong, ProvenBoundsHoldOnAMillionRandomAndAdversarialQueries) {
  expect_bounds_hold_on(1'000'000);
}

TEST(CleanRuns, EveryCheckerIsSilentOnTenThousandSyntheticQueries) {
  expect_silence_on(10'000, ThresholdRule::relative);
}

TEST(CleanRunsLong, EveryProvenBoundHoldsOnTwentyThousandSyntheticQueries) {
  expect_silence_on(20'000, ThresholdRule::bound);
}

TEST(CleanRunsLong, EveryCheckerIsSilentOnAHundredThousandSyntheticQueries) {
  expect_silence_on(100'000, ThresholdRule::relative);
}

/// matmul_abft under V-ABFT's `rule` with its default c.
std::vector<CheckerConfig> variance_checkers(ThresholdRule rule) {
  std::vector<CheckerConfig> checkers;
  for (const CheckFormat format : {CheckFormat::float32, CheckFormat::float64}) {
    MatmulAbftConfig matmul;
    matmul.format = format;
    matmul.score_threshold.rule = matmul.pv_threshold.rule = rule;
    checkers.push_back({std::string(enum_name(format)), matmul});
  }
  return checkers;
}

/// Of one comparison.
struct Margin {
  std::uint64_t checks = 0, alarms = 0;
  double largest = 0;  ///< residual ÷ threshold

  void add(const Margin& other) {
    checks += other.checks;
    alarms += other.alarms;
    largest = std::max(largest, other.largest);
  }
};
using Margins = std::map<std::string, Margin>;  ///< by checker and comparison

Margins clean_margins(const AcceleratorConfig& accelerator, const AttentionJob& job,
                      const std::vector<CheckerConfig>& checkers) {
  Simulation simulation(accelerator, checkers, job);
  const RunResult run = simulation.run();
  if (run.completion != Completion::finished) throw std::runtime_error("not finished");
  Margins margins;
  for (std::size_t c = 0; c < checkers.size(); ++c)
    for (const Check& check : run.checkers[c].checks) {
      const std::string comparison = simulation.comparisons()[c][check.comparison];
      margins[checkers[c].name + '.' + comparison].add(
          {1, check.alarm ? 1U : 0U, check.residual > 0 ? check.residual / check.threshold : 0.0});
    }
  return margins;
}

/// Data for V-ABFT's rule: every kind, and what its estimate finds hardest, sums of terms that are
/// nearly equal.
struct VarianceData {
  const char* name;
  Kind kind;
  Adversary adversary = Adversary::none;
};
std::vector<VarianceData> variance_data() {
  const std::vector<Kind> all = kinds();
  Kind flat = all[0];  // p is nearly the same for all keys
  flat.distribution.scale_q = 0x1p-6;
  flat.distribution.mean_v = 2;
  Kind deep = flat;  // a score row sums few columns of long products
  deep.shape.head_dim = 256;
  deep.array = {16, 4, Dataflow::output_stationary};
  deep.distribution.scale_q = 1;
  return {{"plain", all[0]},
          {"outliers", all[1]},
          {"biased", all[2]},
          {"peaked", all[3]},
          {"decode", all[4]},
          {"flat", flat},
          {"flat and biased", flat, Adversary::biased},
          {"deep and biased", deep, Adversary::biased}};
}

/// Over `runs` runs in processes of their own, of checkers under `rule`; job(i) of the i-th.
template <class Job>
Margins clean_margins(const AcceleratorConfig& accelerator, std::uint64_t runs, ThresholdRule rule,
                      Job job) {
  const auto texts = run_in_children(runs, [&](std::size_t i) {
    std::string text;
    for (const auto& [name, margin] : clean_margins(accelerator, job(i), variance_checkers(rule)))
      text += fmt::format("{} {} {} {} ", name, margin.checks, margin.alarms, margin.largest);
    return text;
  });
  Margins margins;
  for (const std::string& text : texts) {
    std::istringstream fields(text);
    std::string name;
    for (Margin margin; fields >> name >> margin.checks >> margin.alarms >> margin.largest;)
      margins[name].add(margin);
  }
  return margins;
}

/// Of `runs` runs of 1 000 queries, each with a seed of its own.
Margins clean_margins(const VarianceData& data, std::uint64_t runs, ThresholdRule rule) {
  return clean_margins(accelerator_of(data.kind), runs, rule, [&](std::size_t i) {
    AttentionJob job;
    job.shape = data.kind.shape;
    draw_tensors(i, data.kind.distribution, job);
    worsen(data.adversary, job);
    for (std::vector<float>* tensor : {&job.q, &job.k, &job.v})
      for (float& value : *tensor) value = round_to(data.kind.formats.operand, value);
    return job;
  });
}

/// An estimate and no bound: clean data must keep away from it.
void expect_distance(const std::string& data, const Margins& margins) {
  EXPECT_EQ(margins.size(), 4U);
  for (const auto& [name, margin] : margins) {
    const std::string figures =
        fmt::format("{}, {}: {} checks, {} alarms, largest residual {:.3g} of threshold", data,
                    name, margin.checks, margin.alarms, margin.largest);
    std::cout << figures << '\n';
    EXPECT_GT(margin.checks, 0U);
    EXPECT_EQ(margin.alarms, 0U) << figures;
    EXPECT_LT(margin.largest, 0.5) << figures;
  }
}

void expect_variance_rule_holds_on(std::uint64_t queries) {
  for (const VarianceData& data : variance_data()) {
    ASSERT_EQ(data.kind.shape.heads * data.kind.shape.tokens_q, 1000U);
    expect_distance(data.name, clean_margins(data, queries / 1000, ThresholdRule::variance));
  }
}

TEST(CleanRuns, VarianceRuleKeepsItsDistanceOnTheShippedTensors) {
  CommandLine command_line;
  command_line.command = "run";
  command_line.positional = {"configs/tiny_gpt.json"};
  const Prepared prepared = prepare(command_line);
  expect_distance("tiny_gpt",
                  clean_margins(prepared.config.accelerator, 1, ThresholdRule::variance,
                                [&](std::size_t) { return std::get<AttentionJob>(prepared.job); }));
}

TEST(CleanRuns, VarianceRuleKeepsItsDistanceOnThreeThousandQueriesOfEveryKind) {
  expect_variance_rule_holds_on(3'000);
}

TEST(CleanRunsLong, VarianceRuleKeepsItsDistanceOnAHundredThousandQueriesOfEveryKind) {
  expect_variance_rule_holds_on(100'000);
}

// Why `variance` adds to it: the published unit leaves no room for 64 float32 additions in a row.
TEST(CleanRuns, PublishedVarianceRuleAlarmsOnFlatAttentionOverBiasedValues) {
  for (const VarianceData& data : variance_data()) {
    if (std::string(data.name) != "flat") continue;
    const Margins margins = clean_margins(data, 1, ThresholdRule::variance_published);
    EXPECT_GT(margins.at("float32.pv").alarms, 0U);
    EXPECT_EQ(margins.at("float64.pv").alarms, 0U);
    for (const auto& [name, margin] : margins)
      std::cout << name << ' ' << margin.checks << ' ' << margin.alarms << ' ' << margin.largest
                << '\n';
  }
}

}  // namespace
}  // namespace attnguard
