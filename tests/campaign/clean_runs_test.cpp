// Without a fault every checker, whatever its options, stays silent at its default threshold.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>
#include <string>

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

/// Every combination of options under `rule`: 720 flash_abft and 48 matmul_abft.
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
  return checkers;
}

/// What is wrong with a fault-free run of all of `checkers`; empty when all is well.
std::string alarms(const AcceleratorConfig& accelerator,
                   const std::vector<CheckerConfig>& checkers, const AttentionJob& job) {
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
                    every_checker(EnumNames<ThresholdRule>::names[i].first), prepared.job);
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

std::string synthetic_alarms(const Kind& kind, std::uint64_t seed, ThresholdRule rule) {
  AcceleratorConfig accelerator;
  accelerator.array = kind.array;
  accelerator.formats = kind.formats;
  AttentionJob job;
  job.shape = kind.shape;
  draw_tensors(seed, kind.distribution, job);
  for (std::vector<float>* tensor : {&job.q, &job.k, &job.v})
    for (float& value : *tensor) value = round_to(kind.formats.operand, value);
  return alarms(accelerator, every_checker(rule), job);
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

TEST(CleanRuns, EveryCheckerIsSilentOnTenThousandSyntheticQueries) {
  expect_silence_on(10'000, ThresholdRule::relative);
}

TEST(CleanRunsLong, EveryProvenBoundHoldsOnTwentyThousandSyntheticQueries) {
  expect_silence_on(20'000, ThresholdRule::bound);
}

TEST(CleanRunsLong, EveryCheckerIsSilentOnAHundredThousandSyntheticQueries) {
  expect_silence_on(100'000, ThresholdRule::relative);
}

}  // namespace
}  // namespace attnguard
