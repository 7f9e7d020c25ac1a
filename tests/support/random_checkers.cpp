#include "tests/support/random_checkers.h"

#include <string>

#include "models/checksum_unit/any_of.h"
#include "models/checksum_unit/attnchecker.h"
#include "models/checksum_unit/duplicated_softmax.h"
#include "models/checksum_unit/efta.h"
#include "models/checksum_unit/range_check.h"
#include "models/checksum_unit/statistical_abft.h"

namespace attnguard {
namespace {

ThresholdConfig random_threshold(FloatSamples& samples) {
  ThresholdConfig threshold;
  threshold.rule =
      samples.pick(ThresholdRule::relative, ThresholdRule::absolute, ThresholdRule::bound);
  if (threshold.rule == ThresholdRule::relative) threshold.value = samples.pick(0.05, 0.5);
  if (threshold.rule == ThresholdRule::absolute) threshold.value = samples.pick(50.0, 1000.0);
  return threshold;
}

SumPoint random_sum(FloatSamples& samples) {
  return samples.pick(SumPoint::at_read, SumPoint::at_write);
}

CheckFormat random_format(FloatSamples& samples) {
  return samples.pick(CheckFormat::float32, CheckFormat::float64, CheckFormat::bfloat16);
}

NonfiniteRule random_nonfinite(FloatSamples& samples) {
  return samples.pick(NonfiniteRule::alarm, NonfiniteRule::ignore);
}

FlashAbftConfig random_flash(FloatSamples& samples) {
  FlashAbftConfig config;
  config.softmax_scalars = samples.pick(SoftmaxScalars::shared, SoftmaxScalars::duplicated);
  config.row_sum = random_sum(samples);
  config.normaliser = samples.pick(Normaliser::shared_reciprocal, Normaliser::own_division);
  config.score_check = samples.pick(true, false);
  config.key_sum = random_sum(samples);
  config.query_source = samples.pick(QuerySource::shared, QuerySource::own);
  config.point = samples.pick(CheckPoint::before_rounding, CheckPoint::after_rounding);
  config.granularity = samples.pick(Granularity::query, Granularity::tile, Granularity::head);
  config.format = random_format(samples);
  config.threshold = random_threshold(samples);
  config.score_threshold = random_threshold(samples);
  config.nonfinite = random_nonfinite(samples);
  return config;
}

MatmulAbftConfig random_matmul(FloatSamples& samples) {
  MatmulAbftConfig config;
  config.pv_check = samples.pick(PvCheck::per_tile, PvCheck::carried);
  config.row_sum = random_sum(samples);
  config.key_sum = random_sum(samples);
  config.query_source = samples.pick(QuerySource::shared, QuerySource::own);
  config.format = random_format(samples);
  config.score_threshold = random_threshold(samples);
  config.pv_threshold = random_threshold(samples);
  if (config.format != CheckFormat::bfloat16 && samples.integer(0, 3) == 0) {
    config.score_threshold.rule =
        samples.pick(ThresholdRule::variance, ThresholdRule::variance_published);
    config.score_threshold.value = 1000;
    if (config.pv_check == PvCheck::per_tile) config.pv_threshold = config.score_threshold;
  }
  config.nonfinite = random_nonfinite(samples);
  return config;
}

CheckerOptions random_rival(FloatSamples& samples) {
  switch (samples.integer(0, 4)) {
    case 0: {
      EftaConfig config{samples.pick(4.0, 1000.0), random_threshold(samples),
                        random_nonfinite(samples)};
      return config;
    }
    case 1:
      return AttnCheckerConfig{samples.pick(1.0, 100.0), random_nonfinite(samples)};
    case 2:
      return StatisticalAbftConfig{
          {2, {{1, 4}, {3, 2}}}, {samples.pick(0.25, 2.0), {{2, 1}}}, random_nonfinite(samples)};
    case 3:
      return RangeCheckConfig{samples.pick(true, true, false), random_nonfinite(samples)};
    default:
      return DuplicatedSoftmaxConfig{};
  }
}

}  // namespace

std::vector<CheckerConfig> random_checkers(FloatSamples& samples, std::uint32_t count) {
  std::vector<CheckerConfig> checkers;
  for (std::uint32_t c = 0; c < count; ++c) {
    CheckerConfig checker{"c" + std::to_string(c), random_flash(samples)};
    if (c % 4 == 1) checker.options = random_matmul(samples);
    if (c % 4 > 1) checker.options = random_rival(samples);
    checkers.push_back(checker);
  }
  const std::vector<CheckerConfig> members = checkers;
  for (std::uint32_t c = 0; c < count / 2; ++c) {
    AnyOfConfig combination{{samples.pick(members.front(), members.back()).name}};
    for (const CheckerConfig& member : members)
      if (samples.integer(0, 2) == 0) combination.members.push_back(member.name);
    if (c > 0) combination.members.push_back("any0");
    checkers.push_back({"any" + std::to_string(c), combination});
  }
  return checkers;
}

std::vector<CheckerConfig> every_kind() {
  return {{"merged", FlashAbftConfig{}},
          {"two_check", MatmulAbftConfig{}},
          {"efta", EftaConfig{}},
          {"attnchecker", AttnCheckerConfig{}},
          {"statistical", StatisticalAbftConfig{}},
          {"range", RangeCheckConfig{}},
          {"duplicated", DuplicatedSoftmaxConfig{}},
          {"merged_or_range", AnyOfConfig{{"merged", "range"}}}};
}

}  // namespace attnguard
