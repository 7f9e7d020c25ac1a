// flash_abft: formulas against an independent double-precision reference, silence on clean data,
// what each option sees.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <vector>

#include "models/checksum_unit/make_checker.h"
#include "models/checksum_unit/threshold.h"
#include "tests/unit/checker_stream.h"

namespace attnguard {
namespace {

StreamShape small_shape() {
  StreamShape shape;
  shape.rows = 5;
  shape.cols = 6;
  shape.head_dim = 16;
  shape.heads = 4;
  shape.kv_heads = 2;
  shape.tokens_q = 13;
  shape.tokens_k = 20;
  shape.causal = true;
  return shape;
}

FlashAbftConfig hardened() {
  FlashAbftConfig config;
  config.softmax_scalars = SoftmaxScalars::duplicated;
  config.row_sum = config.key_sum = SumPoint::at_write;
  config.score_check = true;
  config.query_source = QuerySource::own;
  return config;
}

CheckList check(const StreamShape& shape, const std::vector<StreamEvent>& stream,
                const FlashAbftConfig& config) {
  return run_checker(stream, *make_checker({"guard", config}, shape.dimensions()));
}

struct Expected {
  double lhs = 0, rhs = 0, scale = 0;
};
using Rows = std::map<std::pair<std::uint32_t, std::uint32_t>, Expected>;  // by head, query row

// What the output comparison must see, from the events alone, in double.
Rows reference_outputs(const StreamShape& shape, const std::vector<StreamEvent>& stream) {
  Rows rows;
  std::map<std::uint32_t, const StreamEvent*> values,
      alphas;  // latest of each bank, as S and P·V overlap
  const StreamEvent* value = nullptr;
  std::vector<const StreamEvent*> sums;
  for (const StreamEvent& event : stream) {
    if (event.kind == kValueRead) value = &event;
    if (event.kind == kScalars) {
      if (event.sums)
        sums.push_back(&event);
      else
        alphas[event.tile.bank] = &event;
    }
    if (event.kind == kProbabilities) {
      for (std::uint32_t row = 0; row < event.tile.rows; ++row) {
        Expected& e = rows[{event.tile.head, event.tile.first_row + row}];
        const double alpha = alphas[event.tile.bank]->values[row];
        e.rhs *= alpha;
        e.scale *= alpha;
        for (std::uint32_t key = 0; key < event.tile.cols; ++key) {
          for (std::uint32_t c = 0; c < shape.head_dim; ++c) {
            const double v = value->values[key * value->stride + c],
                         p = event.values[key * event.stride + row];
            e.rhs += p * v;
            e.scale += p * std::fabs(v);
          }
        }
      }
    }
    if (event.kind == kOutputs) {
      for (std::uint32_t row = 0; row < event.tile.rows; ++row) {
        Expected& e = rows[{event.tile.head, event.tile.first_row + row}];
        const double l = sums.front()->values[row];
        e.rhs /= l;
        e.scale /= l;
        for (std::uint32_t c = 0; c < shape.head_dim; ++c)
          e.lhs += event.values[(shape.head_dim + c) * event.stride + row];
      }
      sums.erase(sums.begin());
    }
  }
  return rows;
}

Rows reference_scores(const StreamShape& shape, const std::vector<StreamEvent>& stream) {
  Rows rows;
  const StreamEvent* query = nullptr;
  for (const StreamEvent& event : stream) {
    if (event.kind == kQueryRead) query = &event;
    for (std::uint32_t row = 0; row < event.tile.rows; ++row) {
      Expected& e = rows[{event.tile.head, event.tile.first_row + row}];
      for (std::uint32_t key = 0; key < event.tile.cols; ++key) {
        if (event.kind == kScores) e.lhs += event.values[key * event.stride + row];
        if (event.kind != kKeyRead) continue;
        for (std::uint32_t k = 0; k < shape.head_dim; ++k) {
          const double product =
              double{query->values[k * query->stride + row]} * event.values[k * event.stride + key];
          e.rhs += product;
          e.scale += std::fabs(product);
        }
      }
    }
  }
  return rows;
}

void expect_rows(const CheckList& list, std::uint32_t comparison, const Rows& expected,
                 double tolerance) {
  std::size_t seen = 0;
  for (const Check& c : list.checks) {
    if (c.comparison != comparison) continue;
    ++seen;
    const Expected& e = expected.at({c.head, c.query_row});
    EXPECT_NEAR(c.lhs, e.lhs, tolerance * e.scale);
    EXPECT_NEAR(c.rhs, e.rhs, tolerance * e.scale);
    EXPECT_NEAR(c.scale, e.scale, tolerance * e.scale);
    EXPECT_EQ(c.residual, std::fabs(c.lhs - c.rhs));
  }
  EXPECT_EQ(seen, expected.size());
}

TEST(FlashAbft, Float64ComparesTheSumsOfADoubleReference) {
  StreamShape shape = small_shape();
  for (shape.seed = 1; shape.seed < 6; ++shape.seed) {
    shape.resident = shape.seed % 2 == 0;
    const std::vector<StreamEvent> stream = make_stream(shape);
    const Rows outputs = reference_outputs(shape, stream), scores = reference_scores(shape, stream);
    for (FlashAbftConfig config : {FlashAbftConfig{}, hardened()}) {
      config.score_check = true;
      config.format = CheckFormat::float64;
      const CheckList list = check(shape, stream, config);
      expect_rows(list, 0, outputs, 1e-14);
      EXPECT_EQ(list.alarms(), 0u);
      for (const Check& c : list.checks) {
        if (c.comparison != 1) continue;
        const Expected& e = scores.at({c.head, c.query_row});
        EXPECT_NEAR(c.lhs, e.lhs, 1e-14 * c.scale);
        EXPECT_NEAR(c.rhs, e.rhs, 1e-14 * c.scale);
        EXPECT_GE(c.scale, e.scale * (1 - 1e-14));  // Σ|q|Σ|k| = Σ|q·k|
        EXPECT_NEAR(c.scale, e.scale, 1e-14 * e.scale);
      }
      config.normaliser = Normaliser::shared_reciprocal;
      expect_rows(check(shape, stream, config), 0, outputs, 2e-7);  // the reciprocal is float32
    }
  }
}

TEST(FlashAbft, Float32AndBfloat16FollowTheReferenceWithinTheirPrecision) {
  const StreamShape shape = small_shape();
  const std::vector<StreamEvent> stream = make_stream(shape);
  FlashAbftConfig config;
  expect_rows(check(shape, stream, config), 0, reference_outputs(shape, stream), 1e-6);
  config.format = CheckFormat::bfloat16;
  const CheckList narrow = check(shape, stream, config);
  expect_rows(narrow, 0, reference_outputs(shape, stream), 0.06);
  for (const Check& c : narrow.checks)
    EXPECT_EQ(c.rhs, static_cast<double>(round_to(Format::bfloat16, static_cast<float>(c.rhs))));
}

TEST(FlashAbft, PointAfterSumsRoundedOutputs) {
  const StreamShape shape = small_shape();
  const std::vector<StreamEvent> stream = make_stream(shape);
  FlashAbftConfig config;
  config.format = CheckFormat::float64;
  config.point = CheckPoint::after_rounding;
  const CheckList list = check(shape, stream, config);
  std::size_t n = 0;
  for (const StreamEvent& event : stream) {
    if (event.kind != kOutputs) continue;
    for (std::uint32_t row = 0; row < event.tile.rows; ++row, ++n) {
      double sum = 0;
      for (std::uint32_t c = 0; c < shape.head_dim; ++c)
        sum += round_to(Format::bfloat16, event.values[(shape.head_dim + c) * event.stride + row]);
      EXPECT_EQ(list.checks.at(n).lhs, sum);
    }
  }
  EXPECT_EQ(n, list.checks.size());
  EXPECT_GT(list.worst_ratio(0), 0x1p-17);  // the rounding is seen
  EXPECT_EQ(list.alarms(), 0u);
}

TEST(FlashAbft, GranularityAddsTheRowsOfATileOrAHead) {
  const StreamShape shape = small_shape();
  const std::vector<StreamEvent> stream = make_stream(shape);
  FlashAbftConfig config = hardened();
  config.format = CheckFormat::float64;
  const CheckList rows = check(shape, stream, config);
  for (const Granularity granularity : {Granularity::tile, Granularity::head}) {
    config.granularity = granularity;
    const std::uint32_t group_rows = granularity == Granularity::tile ? shape.rows : shape.tokens_q;
    const CheckList groups = check(shape, stream, config);
    EXPECT_EQ(groups.alarms(), 0u);
    std::map<std::array<std::uint32_t, 3>, double> lhs, rhs, scale;
    std::map<std::array<std::uint32_t, 3>, std::uint64_t> cycle;
    for (const Check& c : rows.checks) {
      const std::array<std::uint32_t, 3> group{c.comparison, c.head,
                                               c.query_row / group_rows * group_rows};
      lhs[group] += c.lhs;
      rhs[group] += c.rhs;
      scale[group] += c.scale;
      cycle[group] = c.cycle + 1;  // one accumulation after the last row
    }
    ASSERT_EQ(groups.checks.size(), lhs.size());
    for (const Check& c : groups.checks) {
      const std::array<std::uint32_t, 3> group{c.comparison, c.head, c.query_row};
      EXPECT_EQ(c.lhs, lhs.at(group));
      EXPECT_EQ(c.rhs, rhs.at(group));
      EXPECT_EQ(c.scale, scale.at(group));
      EXPECT_EQ(c.cycle, cycle.at(group));
    }
  }
}

TEST(FlashAbft, AlarmCyclesFollowTheDocumentedPipeline) {
  StreamShape shape = small_shape();  // 6 columns: tree of 1 + 3 cycles; division takes 8
  const std::vector<StreamEvent> stream = make_stream(shape);
  std::vector<std::uint64_t> output_cycles, score_cycles;
  for (const StreamEvent& event : stream) {
    for (std::uint32_t row = 0; row < event.tile.rows; ++row) {
      if (event.kind == kOutputs)
        output_cycles.push_back(event.timing.cycle(event.timing.groups - 1, row));
      if (event.kind == kScores && event.tile.last)
        score_cycles.push_back(event.timing.cycle(0, row));
    }
  }
  for (const Normaliser normaliser : {Normaliser::own_division, Normaliser::shared_reciprocal}) {
    FlashAbftConfig config = hardened();
    config.normaliser = normaliser;
    std::size_t output = 0, score = 0;
    for (const Check& c : check(shape, stream, config).checks) {
      if (c.comparison == 0)
        EXPECT_EQ(c.cycle, output_cycles.at(output++) +
                               (normaliser == Normaliser::own_division ? 8 : 4) + 1);
      else
        EXPECT_EQ(c.cycle, score_cycles.at(score++) + 4 + 1);
    }
    EXPECT_EQ(output, output_cycles.size());
    EXPECT_EQ(score, score_cycles.size());
  }
}

// Clean data of every kind: biased V, outlier channels, sharp scores, ragged, decode, causal, GQA.
TEST(FlashAbft, SilentOnCleanDataForEveryFormatPointGranularityAndRule) {
  std::size_t checks = 0;
  for (std::uint32_t kind = 0; kind < 8; ++kind) {
    StreamShape shape;
    shape.rows = kind == 3 ? 7 : 16;
    shape.cols = kind == 4 ? 5 : 16;
    shape.head_dim = kind == 5 ? 128 : 64;
    shape.tokens_k = 90;
    shape.tokens_q = kind == 6 ? 1 : 75;
    shape.causal = kind % 2 == 1;
    shape.seed = kind;
    if (kind == 1 || kind == 7) shape.value_mean = kind == 1 ? 2 : -100;
    if (kind == 2 || kind == 5) shape.outlier_channels = 3;
    if (kind == 4) shape.query_scale = shape.key_scale = 3;
    shape.output = kind == 2 ? Format::float32 : Format::bfloat16;
    const std::vector<StreamEvent> stream = make_stream(shape);
    for (const CheckFormat format :
         {CheckFormat::float32, CheckFormat::float64, CheckFormat::bfloat16}) {
      for (const CheckPoint point : {CheckPoint::before_rounding, CheckPoint::after_rounding}) {
        for (const Granularity granularity :
             {Granularity::query, Granularity::tile, Granularity::head}) {
          for (const ThresholdRule rule : {ThresholdRule::relative, ThresholdRule::bound}) {
            FlashAbftConfig config = hardened();
            config.format = format;
            config.point = point;
            config.granularity = granularity;
            config.threshold.rule = config.score_threshold.rule = rule;
            const CheckList list = check(shape, stream, config);
            EXPECT_EQ(list.alarms(), 0u)
                << kind << " " << static_cast<int>(format) << static_cast<int>(granularity);
            checks += list.checks.size();
          }
        }
      }
    }
  }
  EXPECT_GT(checks, 5000u);
}

std::size_t alarms_after(const StreamShape& shape, std::vector<StreamEvent> stream,
                         const FlashAbftConfig& config,
                         const std::function<void(StreamEvent&)>& corrupt) {
  for (StreamEvent& event : stream) corrupt(event);
  return check(shape, stream, config).alarms();
}

// The datapath's 1/l divides both sides: with the wrong sign they are equal still.
TEST(FlashAbft, AWrongSignOfTheSharedReciprocalIsNotSeen) {
  const StreamShape shape = small_shape();
  const auto sign = [&](StreamEvent& e) {
    if (e.kind != kOutputs || e.tile.head != 1 || e.tile.query_tile != 1) return;
    for (std::uint32_t i = shape.head_dim; i <= 2 * shape.head_dim; ++i)  // outputs, then 1/l
      e.values[i * e.stride + 2] *= -1;
  };
  FlashAbftConfig config;
  config.normaliser = Normaliser::shared_reciprocal;
  EXPECT_EQ(alarms_after(shape, make_stream(shape), config, sign), 0u);
  config.normaliser = Normaliser::own_division;
  EXPECT_EQ(alarms_after(shape, make_stream(shape), config, sign), 1u);
}

TEST(FlashAbft, OptionsDecideWhatIsSeen) {
  const StreamShape shape = small_shape();
  const std::vector<StreamEvent> clean = make_stream(shape);
  const FlashAbftConfig merged;

  // A wrong accumulator moves the row sum against the checksum: every option set alarms.
  const auto output = [&](StreamEvent& e) {
    if (e.kind == kOutputs && e.tile.head == 1 && e.tile.query_tile == 1)
      e.values[shape.head_dim * e.stride + 2] += 0.5F;
  };
  EXPECT_EQ(alarms_after(shape, clean, merged, output), 1u);
  EXPECT_EQ(alarms_after(shape, clean, hardened(), output), 1u);

  // V changed between buffer and operand stream (here: the stream only, outputs stay): read sums
  // follow it, written ones do not.
  const auto value = [](StreamEvent& e) {
    if (e.kind == kValueRead && e.tile.head == 0 && e.tile.query_tile == 2 && e.tile.key_tile == 1)
      e.values[2] += 4;
  };
  FlashAbftConfig config;
  EXPECT_GT(alarms_after(shape, clean, config, value), 0u);
  config.row_sum = SumPoint::at_write;
  EXPECT_EQ(alarms_after(shape, clean, config, value), 0u);

  // K changed likewise: the score comparison alone tells.
  const auto key = [](StreamEvent& e) {
    if (e.kind == kKeyRead && e.tile.head == 0 && e.tile.query_tile == 2 && e.tile.key_tile == 1)
      e.values[1] += 4;
  };
  config = FlashAbftConfig{};
  EXPECT_EQ(alarms_after(shape, clean, config, key), 0u);
  config.score_check = true;
  EXPECT_GT(alarms_after(shape, clean, config, key), 0u);
  config.key_sum = SumPoint::at_write;
  EXPECT_EQ(alarms_after(shape, clean, config, key), 0u);

  // Q changed in the operand stream: seen with the shared operand, not by the own copy.
  const auto query = [](StreamEvent& e) {
    if (e.kind == kQueryRead && e.tile.head == 3 && e.tile.query_tile == 0) e.values[0] += 4;
  };
  EXPECT_GT(alarms_after(shape, clean, config, query), 0u);
  config.query_source = QuerySource::own;
  EXPECT_EQ(alarms_after(shape, clean, config, query), 0u);

  // A wrong alpha observed: shared scalars take it over, own ones ignore the datapath's.
  const auto alpha = [](StreamEvent& e) {
    if (e.kind == kScalars && !e.sums && e.tile.head == 2 && e.tile.query_tile == 2 &&
        e.tile.key_tile == 1)
      e.values[1] *= 2;
  };
  EXPECT_GT(alarms_after(shape, clean, merged, alpha), 0u);
  EXPECT_EQ(alarms_after(shape, clean, hardened(), alpha), 0u);

  // The reciprocal instead of a division of its own.
  const auto reciprocal = [&](StreamEvent& e) {
    if (e.kind == kOutputs && e.tile.head == 0 && e.tile.query_tile == 0)
      e.values[2 * shape.head_dim * e.stride] *= 2;
  };
  config = FlashAbftConfig{};
  EXPECT_EQ(alarms_after(shape, clean, config, reciprocal), 0u);
  config.normaliser = Normaliser::shared_reciprocal;
  EXPECT_EQ(alarms_after(shape, clean, config, reciprocal), 1u);
}

TEST(FlashAbft, NeedsOnlyWhatItsOptionsUse) {
  const auto needs = [](const FlashAbftConfig& config) {
    return make_checker({"guard", config}, small_shape().dimensions())->needs();
  };
  EXPECT_EQ(needs(FlashAbftConfig{}), kValueRead | kProbabilities | kScalars | kOutputs);
  EXPECT_EQ(needs(hardened()), kQueryWritten | kQueryRead | kKeyWritten | kKeyRead | kValueWritten |
                                   kValueRead | kScores | kProbabilities | kOutputs);
}

TEST(FlashAbft, NonfiniteValuesAlarmOrAreIgnoredAsConfigured) {
  const StreamShape shape = small_shape();
  const std::vector<StreamEvent> clean = make_stream(shape);
  for (const float bad :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<StreamEvent> stream = clean;
    for (StreamEvent& e : stream)
      if (e.kind == kOutputs && e.tile.head == 2 && e.tile.query_tile == 1)
        e.values[shape.head_dim * e.stride + 1] = bad;
    for (const NonfiniteRule rule : {NonfiniteRule::alarm, NonfiniteRule::ignore}) {
      FlashAbftConfig config;
      config.nonfinite = rule;
      const CheckList list = check(shape, stream, config);
      EXPECT_EQ(list.alarms(), rule == NonfiniteRule::alarm ? 1u : 0u);
      std::size_t nonfinite = 0;
      for (const Check& c : list.checks) nonfinite += c.nonfinite;
      EXPECT_EQ(nonfinite, 1u);
    }
  }
}

TEST(FlashAbft, SignFlipOfItsOwnSumNegatesTheChecksum) {
  const StreamShape shape = small_shape();
  const std::vector<StreamEvent> stream = make_stream(shape);
  for (const CheckFormat format :
       {CheckFormat::float32, CheckFormat::float64, CheckFormat::bfloat16}) {
    FlashAbftConfig config;
    config.format = format;
    const auto checker = make_checker({"guard", config}, shape.dimensions());
    FaultUniverse universe;
    checker->declare(universe);
    LiveLog log;
    log.start();
    const CheckList golden = run_checker(stream, *checker, log);
    log.stop();
    Fault fault;
    fault.site = universe.find("checksum.guard.row[2].sum").value();
    const std::uint32_t bits = universe[fault.site.reg].bits;
    fault.bit = bits - 1;  // the sign
    for (const LiveBlock& block : log.blocks())
      if (block.reg == fault.site.reg)
        fault.cycle = block.start + 2;  // the last query tile's, just before its outputs
    checker->tap().arm(fault);
    const CheckList faulty = run_checker(stream, *checker);
    EXPECT_EQ(checker->tap().outcome().value_before ^ checker->tap().outcome().value_after,
              std::uint64_t{1} << (bits - 1));
    for (std::size_t i = 0; i < golden.checks.size(); ++i) {
      const bool hit = golden.checks[i].head == 3 && golden.checks[i].query_row == 12;
      EXPECT_EQ(faulty.checks[i].rhs, hit ? -golden.checks[i].rhs : golden.checks[i].rhs);
      if (format != CheckFormat::bfloat16) {  // its threshold is a quarter of the scale
        EXPECT_EQ(faulty.checks[i].alarm, hit);
      }
    }
  }
}

}  // namespace
}  // namespace attnguard
