// efta: both joint comparisons against a double reference, silence on clean data, what each sees.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <vector>

#include "models/checksum_unit/efta.h"
#include "models/checksum_unit/make_checker.h"
#include "tests/unit/checker_stream.h"

namespace attnguard {
namespace {

/// More keys and columns than the checksum is wide, ragged in every direction.
StreamShape wide_shape() {
  StreamShape shape;
  shape.rows = 5;
  shape.cols = 11;
  shape.head_dim = 21;
  shape.heads = 2;
  shape.tokens_q = 13;
  shape.tokens_k = 30;
  shape.causal = true;
  shape.probability = Format::float32;
  return shape;
}

CheckList check(const StreamShape& shape, const std::vector<StreamEvent>& stream,
                const EftaConfig& config = {}) {
  return run_checker(stream, *make_checker({"guard", config}, shape.dimensions()));
}

using Key = std::array<std::uint32_t, 3>;  // head, query row, key tile

TEST(Efta, ProductOfPIsTheExponentialOfTheScoresSum) {
  const StreamShape shape = wide_shape();
  const std::vector<StreamEvent> stream = make_stream(shape);
  // Per row and key tile: both sides of every residue, from the events in double.
  std::map<Key, std::vector<std::pair<double, double>>> expected;
  std::map<Key, double> maximum;
  const double scale = shape.dimensions().scale_log2e;
  for (const StreamEvent& event : stream) {
    const TileContext& tile = event.tile;
    for (std::uint32_t row = 0; row < tile.rows; ++row) {
      const auto seen = static_cast<std::uint32_t>(
          visible_columns(tile, row, shape.causal, shape.tokens_q, shape.tokens_k));
      auto& sides = expected[{tile.head, tile.first_row + row, tile.key_tile}];
      sides.resize(8);
      if (event.kind == kScores) {
        double& m = maximum[{tile.head, tile.first_row + row, 0}];
        if (tile.first) m = -1e300;
        for (std::uint32_t key = 0; key < seen; ++key)
          m = std::max(m, event.values[key * event.stride + row] * scale);
        for (std::uint32_t key = 0; key < seen; ++key)
          sides[key % 8].second += event.values[key * event.stride + row] * scale - m;
      }
      if (event.kind == kProbabilities) {
        for (auto& side : sides) side.first = 1;
        for (std::uint32_t key = 0; key < seen; ++key)
          sides[key % 8].first *= event.values[key * event.stride + row];
      }
    }
  }
  std::size_t checks = 0;
  for (const Check& c : check(shape, stream).checks) {
    if (c.comparison != 0) continue;
    ++checks;
    EXPECT_FALSE(c.alarm);
    bool found = false;
    for (const auto& [product, exponent] : expected.at({c.head, c.query_row, c.key_tile}))
      found |= std::fabs(c.lhs - product) <= 1e-5 * product + 1e-30 &&
               std::fabs(c.rhs - std::exp2(exponent)) <= 1e-4 * std::exp2(exponent) + 1e-30;
    EXPECT_TRUE(found) << c.lhs << ' ' << c.rhs;
  }
  EXPECT_EQ(checks, stream.empty() ? 0 : expected.size());
}

TEST(Efta, OutputComparesStridedSums) {
  const StreamShape shape = wide_shape();
  std::vector<StreamEvent> stream = make_stream(shape);
  std::map<Key, std::vector<double>> sums;
  for (const StreamEvent& event : stream)
    for (std::uint32_t row = 0; event.kind == kOutputs && row < event.tile.rows; ++row) {
      auto& row_sums = sums[{event.tile.head, event.tile.first_row + row, 0}];
      row_sums.resize(8);
      for (std::uint32_t c = 0; c < shape.head_dim; ++c)
        row_sums[c % 8] += event.values[(shape.head_dim + c) * event.stride + row];
    }
  std::size_t checks = 0;
  for (const Check& c : check(shape, stream).checks) {
    if (c.comparison != 2) continue;
    ++checks;
    EXPECT_FALSE(c.alarm);
    bool found = false;
    for (const double sum : sums.at({c.head, c.query_row, 0}))
      found |= std::fabs(c.lhs - sum) < 1e-5 && std::fabs(c.rhs - sum) < 1e-5;
    EXPECT_TRUE(found);
  }
  EXPECT_EQ(checks, sums.size());
}

TEST(Efta, SilentOnCleanDataOfEveryRule) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    StreamShape shape = wide_shape();
    shape.seed = seed;
    shape.rows = shape.cols = seed % 3 == 0 ? 16 : 7;
    shape.head_dim = seed % 4 == 0 ? 64 : 5;
    shape.causal = seed % 2 == 0;
    shape.probability = seed % 5 == 0 ? Format::float32 : Format::bfloat16;
    shape.query_scale = seed % 7 == 0 ? 8 : 1;
    shape.outlier_channels = seed % 11 == 0 ? 2 : 0;
    shape.value_mean = seed % 13 == 0 ? 40 : 0;
    const std::vector<StreamEvent> stream = make_stream(shape);
    for (const ThresholdRule rule : {ThresholdRule::relative, ThresholdRule::bound}) {
      EftaConfig config;
      config.threshold.rule = rule;
      const CheckList list = check(shape, stream, config);
      for (const Check& c : list.checks)
        EXPECT_FALSE(c.alarm) << seed << ' ' << c.comparison << ' ' << c.lhs << ' ' << c.rhs << ' '
                              << c.threshold;
    }
  }
}

/// Alarms per comparison after `edit` of the events of head 1, query tile 1, key tile 1 (outputs
/// and sums: of the last).
std::array<std::size_t, 3> alarms(Observation kind, bool sums,
                                  const std::function<void(StreamEvent&)>& edit) {
  const StreamShape shape = wide_shape();
  std::vector<StreamEvent> stream = make_stream(shape);
  for (StreamEvent& event : stream)
    if (event.kind == kind && event.sums == sums && event.tile.head == 1 &&
        event.tile.query_tile == 1 && (event.tile.key_tile == 1 || sums || kind == kOutputs))
      edit(event);
  const CheckList list = check(shape, stream);
  return {list.alarms(0), list.alarms(1), list.alarms(2)};
}

using Alarms = std::array<std::size_t, 3>;

TEST(Efta, AWrongPBreaksTheExponentAndTheOutput) {
  EXPECT_EQ(
      alarms(kProbabilities, false, [](StreamEvent& e) { e.values[2 * e.stride + 1] *= 1.01F; }),
      (Alarms{1, 0, 1}));  // P·V was computed with the clean p
}

TEST(Efta, LOutOfRangeAndWrongOutputsAlarm) {
  EXPECT_EQ(alarms(kScalars, true, [](StreamEvent& e) { e.values[2] = 0.5F; }), (Alarms{0, 1, 1}));
  EXPECT_EQ(alarms(kScalars, true, [](StreamEvent& e) { e.values[2] = 1000; }), (Alarms{0, 1, 1}));
  const std::size_t first = std::size_t{wide_shape().head_dim} * lane_stride(5);
  EXPECT_EQ(alarms(kOutputs, false, [&](StreamEvent& e) { e.values[first + 3] += 0.01F; }),
            (Alarms{0, 0, 1}));
  // Two errors that cancel in a plain sum do not in strided ones.
  EXPECT_EQ(alarms(kOutputs, false,
                   [&](StreamEvent& e) {
                     e.values[first + 3] += 0.01F;
                     e.values[first + e.stride + 3] -= 0.01F;
                   }),
            (Alarms{0, 0, 1}));
}

TEST(Efta, ReportsTheWorstResidueOfARow) {
  const StreamShape shape = wide_shape();
  std::vector<StreamEvent> stream = make_stream(shape);
  for (StreamEvent& event : stream) {
    if (event.kind != kOutputs || event.tile.head != 1 || event.tile.query_tile != 1) continue;
    float* output = &event.values[shape.head_dim * event.stride];
    output[event.stride + 3] += 100;    // column 1 of row 3
    output[2 * event.stride + 3] += 1;  // column 2
  }
  std::vector<double> residuals;
  for (const Check& c : check(shape, stream).checks)
    if (c.comparison == 2 && c.alarm) residuals.push_back(c.residual);
  ASSERT_EQ(residuals.size(), 1U);
  EXPECT_NEAR(residuals[0], 100, 1e-3);
}

TEST(Efta, ComparesWhenTheDocumentedPipelineIsThrough) {
  const StreamShape shape = wide_shape();
  const std::vector<StreamEvent> stream = make_stream(shape);
  std::map<Key, std::uint64_t> exponent, output;
  for (const StreamEvent& event : stream)
    for (std::uint32_t row = 0; row < event.tile.rows; ++row) {
      const Key key{event.tile.head, event.tile.first_row + row, event.tile.key_tile};
      if (event.kind == kProbabilities)  // after the last key, exponential, comparison
        exponent[key] = event.timing.first_cycle + 1 + event.tile.cols + row + 6 + 1;
      if (event.kind == kOutputs)  // divider of 8 cycles, longer than the adder tree
        output[key] = event.timing.cycle(event.timing.groups - 1, row) + 8 + 1;
    }
  for (const Check& c : check(shape, stream).checks) {
    const Key key{c.head, c.query_row, c.key_tile};
    if (c.comparison == 0) {
      EXPECT_EQ(c.cycle, exponent.at(key));
    }
    if (c.comparison == 2) {
      EXPECT_EQ(c.cycle, output.at(key));
    }
  }
}

}  // namespace
}  // namespace attnguard
