// matmul_abft: one comparison per key tile and product, or the carried form; formulas against a
// double reference.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <vector>

#include "models/checksum_unit/check_math.h"
#include "models/checksum_unit/make_checker.h"
#include "models/checksum_unit/threshold.h"
#include "tests/unit/checker_stream.h"

namespace attnguard {
namespace {

CheckList check(const StreamShape& shape, const std::vector<StreamEvent>& stream,
                const MatmulAbftConfig& config) {
  return run_checker(stream, *make_checker({"guard", config}, shape.dimensions()));
}

double row_sum(const StreamEvent& event, std::uint32_t columns, std::uint32_t row) {
  double sum = 0;
  for (std::uint32_t c = 0; c < columns; ++c) sum += event.values[c * event.stride + row];
  return sum;
}

TEST(MatmulAbft, ComparesEveryTileOfBothProducts) {
  const StreamShape shape = ragged_shape();
  const std::vector<StreamEvent> stream = make_stream(shape);
  MatmulAbftConfig config;
  config.format = CheckFormat::float64;
  std::vector<double> score_lhs, score_rhs, pv_lhs, pv_rhs, pv_scale;
  std::vector<std::uint64_t> score_cycle, pv_cycle;
  const StreamEvent *query = nullptr, *value = nullptr;
  for (const StreamEvent& event : stream) {
    if (event.kind == kQueryRead) query = &event;
    if (event.kind == kValueRead) value = &event;
    for (std::uint32_t row = 0; row < event.tile.rows; ++row) {
      if (event.kind == kKeyRead) {
        double rhs = 0;
        for (std::uint32_t k = 0; k < shape.head_dim; ++k)
          for (std::uint32_t key = 0; key < event.tile.cols; ++key)
            rhs += double{query->values[k * query->stride + row]} *
                   event.values[k * event.stride + key];
        score_rhs.push_back(rhs);
      }
      if (event.kind == kScores) {
        score_lhs.push_back(row_sum(event, event.tile.cols, row));
        score_cycle.push_back(event.timing.cycle(0, row) + 4 +
                              1);  // tree over 5 columns, comparison
      }
      if (event.kind == kProbabilities) {
        double rhs = 0, scale = 0;
        for (std::uint32_t key = 0; key < event.tile.cols; ++key) {
          for (std::uint32_t c = 0; c < shape.head_dim; ++c) {
            rhs += double{event.values[key * event.stride + row]} *
                   value->values[key * value->stride + c];
            scale += std::fabs(double{event.values[key * event.stride + row]} *
                               value->values[key * value->stride + c]);
          }
        }
        pv_rhs.push_back(rhs);
        pv_scale.push_back(scale);
      }
      if (event.kind == kPartials) {
        pv_lhs.push_back(row_sum(event, shape.head_dim, row));
        pv_cycle.push_back(event.timing.cycle(event.timing.groups - 1, row) + 4 + 1);
      }
    }
  }
  const CheckList list = check(shape, stream, config);
  std::size_t score = 0, pv = 0;
  for (const Check& c : list.checks) {
    EXPECT_FALSE(c.alarm);
    if (c.comparison == 0) {
      EXPECT_NEAR(c.lhs, score_lhs.at(score), 1e-12);
      EXPECT_NEAR(c.rhs, score_rhs.at(score), 1e-12);
      EXPECT_EQ(c.cycle, score_cycle.at(score++));
    } else {
      EXPECT_NEAR(c.lhs, pv_lhs.at(pv), 1e-12);
      EXPECT_NEAR(c.rhs, pv_rhs.at(pv), 1e-12);
      EXPECT_NEAR(c.scale, pv_scale.at(pv), 1e-12);
      EXPECT_EQ(c.cycle, pv_cycle.at(pv++));
    }
  }
  EXPECT_EQ(score, score_lhs.size());
  EXPECT_EQ(pv, pv_lhs.size());
}

TEST(MatmulAbft, CarriedComparesTheAccumulatorBeforeDivision) {
  const StreamShape shape = ragged_shape();
  const std::vector<StreamEvent> stream = make_stream(shape);
  MatmulAbftConfig config;
  config.format = CheckFormat::float64;
  config.pv_check = PvCheck::carried;
  const auto checker = make_checker({"guard", config}, shape.dimensions());
  EXPECT_EQ(checker->comparisons(), (std::vector<std::string>{"score", "carried"}));
  std::vector<double> lhs;
  for (const StreamEvent& event : stream)
    for (std::uint32_t row = 0; event.kind == kOutputs && row < event.tile.rows; ++row)
      lhs.push_back(row_sum(event, shape.head_dim, row));
  std::size_t n = 0;
  for (const Check& c : run_checker(stream, *checker).checks) {
    if (c.comparison != 1) continue;
    EXPECT_NEAR(c.lhs, lhs.at(n++), 1e-12);
    EXPECT_NEAR(c.rhs, c.lhs, 1e-5 * c.scale);
    EXPECT_FALSE(c.alarm);
  }
  EXPECT_EQ(n, lhs.size());
}

TEST(MatmulAbft, OnlyTheCarriedFormSeesTheAccumulator) {
  const StreamShape shape = ragged_shape();
  std::vector<StreamEvent> stream = make_stream(shape);
  for (StreamEvent& event : stream)
    if (event.kind == kOutputs && event.tile.head == 1 && event.tile.query_tile == 1)
      event.values[1] += 1;
  MatmulAbftConfig config;
  EXPECT_EQ(check(shape, stream, config).alarms(), 0u);
  config.pv_check = PvCheck::carried;
  EXPECT_EQ(check(shape, stream, config).alarms(), 1u);
}

TEST(MatmulAbft, AlarmsInTheTileThatIsWrong) {
  const StreamShape shape = ragged_shape();
  for (const Observation kind : {kScores, kPartials}) {
    std::vector<StreamEvent> stream = make_stream(shape);
    for (StreamEvent& event : stream)
      if (event.kind == kind && event.tile.head == 1 && event.tile.query_tile == 2 &&
          event.tile.key_tile == 2)
        event.values[event.stride + 1] += 1;
    const CheckList list = check(shape, stream, MatmulAbftConfig{});
    EXPECT_EQ(list.alarms(), 1u);
    for (const Check& c : list.checks) {
      if (!c.alarm) continue;
      EXPECT_EQ(c.comparison, kind == kScores ? 0u : 1u);
      EXPECT_EQ(c.head, 1u);
      EXPECT_EQ(c.query_row, 9u);
      EXPECT_EQ(c.key_tile, 2u);
    }
  }
}

// The bound counts the roundings of one key tile, or of all that the carried sums go through.
TEST(MatmulAbft, BoundIsThatOfWhatIsCompared) {
  const StreamShape shape = ragged_shape();
  const std::vector<StreamEvent> stream = make_stream(shape);
  const CheckerDimensions dims = shape.dimensions();
  ASSERT_GT(dims.key_tiles, 1U);
  for (const PvCheck pv : {PvCheck::per_tile, PvCheck::carried}) {
    MatmulAbftConfig config;
    config.pv_check = pv;
    config.pv_threshold.rule = ThresholdRule::bound;
    const RoundingBound bound = rounding_bound(
        output_counts(dims, false, pv == PvCheck::carried ? dims.key_tiles : 1, false, 1),
        Float32Number::unit_roundoff, Float32Number::tiny);
    std::size_t checks = 0;
    for (const Check& c : check(shape, stream, config).checks) {
      if (c.comparison != 1) continue;
      ++checks;
      EXPECT_DOUBLE_EQ(c.threshold, bound.factor * c.scale + bound.floor);
    }
    EXPECT_GT(checks, 0U);
  }
}

TEST(MatmulAbft, SilentOnCleanDataForEveryFormatAndRule) {
  for (std::uint32_t seed = 0; seed < 6; ++seed) {
    StreamShape shape;
    shape.rows = shape.cols = 16;
    shape.head_dim = seed == 3 ? 128 : 64;
    shape.tokens_q = shape.tokens_k = 100;
    shape.causal = seed % 2 == 0;
    shape.seed = seed;
    shape.value_mean = seed == 1 ? 30 : 0;
    shape.outlier_channels = seed == 2 ? 4 : 0;
    const std::vector<StreamEvent> stream = make_stream(shape);
    for (const CheckFormat format :
         {CheckFormat::float32, CheckFormat::float64, CheckFormat::bfloat16}) {
      for (const PvCheck pv : {PvCheck::per_tile, PvCheck::carried}) {
        for (const ThresholdRule rule : {ThresholdRule::relative, ThresholdRule::bound}) {
          MatmulAbftConfig config;
          config.format = format;
          config.pv_check = pv;
          config.score_threshold.rule = config.pv_threshold.rule = rule;
          EXPECT_EQ(check(shape, stream, config).alarms(), 0u)
              << seed << " " << static_cast<int>(format);
        }
      }
    }
  }
}

}  // namespace
}  // namespace attnguard
