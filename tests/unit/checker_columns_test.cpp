// attnchecker and statistical_abft on one tile small enough to work out by hand: 2 rows, 2 keys, 3
// columns of V in two passes.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "models/checksum_unit/attnchecker.h"
#include "models/checksum_unit/make_checker.h"
#include "models/checksum_unit/statistical_abft.h"
#include "tests/unit/checker_stream.h"

namespace attnguard {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr std::size_t kStride = 16;

/// [n][kStride] from rows written as [lane] lists.
std::vector<float> tile_of(std::initializer_list<std::initializer_list<float>> columns) {
  std::vector<float> values(columns.size() * kStride, std::numeric_limits<float>::quiet_NaN());
  std::size_t n = 0;
  for (const auto& lanes : columns)
    std::copy(lanes.begin(), lanes.end(), values.begin() + static_cast<long>(kStride * n++));
  return values;
}

struct Tile {
  // q rows (1, 2), (3, 4); keys (5, 6), (7, 8): S = (17, 23), (39, 53).
  std::vector<float> query = tile_of({{1, 3}, {2, 4}}), key = tile_of({{5, 7}, {6, 8}});
  std::vector<float> score = tile_of({{17, 39}, {23, 53}});
  // p rows (0.5, 0.25), (1, 0.75); V rows (1, 2, 3), (4, 5, 6): P·V = (1.5, 2.25, 3),
  // (4, 5.75, 7.5).
  std::vector<float> probability = tile_of({{0.5, 1}, {0.25, 0.75}});
  std::vector<float> value = tile_of({{1, 2, 3}, {4, 5, 6}});
  std::vector<float> product = tile_of({{1.5, 4}, {2.25, 5.75}, {3, 7.5}});
};

CheckList check(const Tile& data, const CheckerOptions& options) {
  CheckerDimensions dims;
  dims.rows = dims.cols = dims.tokens_q = dims.tokens_k = 2;
  dims.head_dim = 3;  // of V; Q and K leave their third depth at 0
  dims.key_tiles = 1;
  dims.stride = kStride;
  Tile padded = data;
  padded.query.resize(3 * kStride);
  padded.key.resize(3 * kStride);
  const auto checker = make_checker({"guard", options}, dims);
  FaultUniverse universe;
  checker->declare(universe);
  CheckList list;
  LiveLog log;
  checker->connect(list, log);
  checker->reset();
  TileContext tile;
  tile.rows = tile.cols = 2;
  tile.first_row = 4;
  tile.first = tile.last = true;
  checker->query_read({tile, padded.query.data(), kStride, {10, 1, 0, 3, 1}});
  checker->key_read({tile, padded.key.data(), kStride, {10, 1, 0, 3, 1}});
  checker->scores({tile, padded.score.data(), kStride, {20, 1, 0, 2, 1}});
  checker->value_read({tile, padded.value.data(), kStride, {30, 2, 4, 2, 1}});
  checker->probabilities({tile, padded.probability.data(), kStride, {35, 1, 0, 2, 1}});
  checker->partials({tile, padded.product.data(), kStride, {40, 2, 4, 2, 1}});
  return list;
}

TEST(AttnChecker, ComparesTheColumnSumsOfBothProducts) {
  const CheckList list = check({}, AttnCheckerConfig{});
  ASSERT_EQ(list.checks.size(), 2u);
  EXPECT_EQ(list.checks[0].lhs, 17 + 39);
  EXPECT_EQ(list.checks[0].rhs, (1 + 3) * 5 + (2 + 4) * 6);
  EXPECT_EQ(list.checks[1].lhs, 1.5 + 4);
  EXPECT_EQ(list.checks[1].rhs, 1.5 * 1 + 1.0 * 4);
  EXPECT_EQ(list.alarms(), 0u);
  EXPECT_EQ(list.checks[0].cycle, 20u + 1 + 1 + 1);      // last row, sums stand, compared
  EXPECT_EQ(list.checks[1].cycle, 40u + 4 + 1 + 1 + 1);  // of the second pass
  EXPECT_EQ(list.checks[0].located_row, -1);
}

TEST(AttnChecker, AlarmsAboveTheThresholdOnly) {
  Tile data;
  data.score[kStride] += 1;  // row 0, key 1
  EXPECT_EQ(check(data, AttnCheckerConfig{}).alarms(), 0u);
  data.score[kStride] += 0.25;
  EXPECT_EQ(check(data, AttnCheckerConfig{}).alarms(), 1u);
  EXPECT_EQ(check(data, AttnCheckerConfig{2, NonfiniteRule::alarm}).alarms(), 0u);
}

// d1 = −10, d2 = 95 − 115 = −20: row 2 − 1.
TEST(AttnChecker, LocatesTheRowByTheWeightedSumAndAddsTheDeviation) {
  Tile data;
  data.score[1] += 10;
  const CheckList list = check(data, AttnCheckerConfig{});
  EXPECT_EQ(list.alarms(), 1u);
  const Check& found = list.checks[0];
  EXPECT_TRUE(found.alarm);
  EXPECT_EQ(found.residual, 10);
  EXPECT_EQ(found.located_row, 4 + 1);
  EXPECT_EQ(found.located_column, 0);
  EXPECT_EQ(found.corrected, 39);
}

TEST(AttnChecker, RebuildsWhatIsTooFarOffToAddTo) {
  for (const float bad :
       {39.0F + 5000.0F, 2e10F, kInf, -kInf, std::numeric_limits<float>::quiet_NaN()}) {
    Tile data;
    data.score[1] = bad;
    const Check& found = check(data, AttnCheckerConfig{}).checks[0];
    EXPECT_TRUE(found.alarm);
    EXPECT_EQ(found.nonfinite, !std::isfinite(bad));
    EXPECT_EQ(found.located_row, 5);
    EXPECT_EQ(found.corrected, 39) << bad;
  }
}

TEST(AttnChecker, LocatesInTheSecondPassOfPv) {
  Tile data;
  data.product[2 * kStride] -= 8;  // row 0, column 2
  const Check found = check(data, AttnCheckerConfig{}).checks[1];
  EXPECT_TRUE(found.alarm);
  EXPECT_EQ(found.located_row, 4);
  EXPECT_EQ(found.located_column, 2);
  EXPECT_EQ(found.corrected, 3);
}

TEST(AttnChecker, FindsNoRowForTwoErrorsOfAColumn) {
  Tile data;
  data.score[0] = data.score[1] = kInf;
  const Check both = check(data, AttnCheckerConfig{}).checks[0];
  EXPECT_TRUE(both.alarm);
  EXPECT_EQ(both.located_row, -1);
  data = {};
  data.score[0] -= 30;  // d1 = −2 + 30 … d2/d1 beyond the tile
  data.score[1] += 28;
  const Check found = check(data, AttnCheckerConfig{}).checks[0];
  EXPECT_TRUE(found.alarm);
  EXPECT_EQ(found.located_row, -1);
}

TEST(AttnChecker, IgnoresNonfiniteDeviationsIfToldTo) {
  Tile data;
  data.product[0] = kInf;
  EXPECT_EQ(check(data, AttnCheckerConfig{}).alarms(), 1u);
  EXPECT_EQ(check(data, AttnCheckerConfig{1, NonfiniteRule::ignore}).alarms(), 0u);
}

StatisticalAbftConfig statistical(double theta, std::vector<CriticalCorner> corners) {
  StatisticalAbftConfig config;
  config.score_region = {theta, std::move(corners)};
  return config;
}

TEST(StatisticalAbft, AlarmsInsideTheCriticalRegionOnly) {
  const StatisticalAbftConfig config = statistical(0.5, {{1, 8}, {2, 3}});
  const auto alarms = [&](float first, float second) {
    Tile data;
    data.score[1] += first;
    data.score[kStride] += second;
    return check(data, config).alarms();
  };
  EXPECT_EQ(alarms(0, 0), 0u);
  EXPECT_EQ(alarms(8, 0), 0u);  // on the border of the first corner
  EXPECT_EQ(alarms(8.25F, 0), 1u);
  EXPECT_EQ(alarms(2, 1), 0u);  // on that of the second
  EXPECT_EQ(alarms(2, 1.25F), 1u);
  EXPECT_EQ(alarms(4, 0.5F), 0u);  // only one column beyond theta
  EXPECT_EQ(alarms(20, -20), 0u);  // deviations that cancel
  EXPECT_EQ(alarms(-9, 0), 1u);
}

TEST(StatisticalAbft, ReportsTheLargestFactorAtWhichATileIsCritical) {
  Tile data;
  data.score[1] += 4;
  data.score[kStride] -= 1;
  // Deviations 4 and −1, sum 3: the sum allows 3/2 of the corner, the largest column 4/0.5.
  StatisticalAbftConfig config = statistical(0.5, {{1, 2}});
  const CheckList list = check(data, config);
  EXPECT_EQ(list.checks[0].lhs, 3);
  EXPECT_EQ(list.checks[0].residual, 1.5);
  EXPECT_EQ(list.checks[0].scale, 1);
  EXPECT_EQ(list.checks[0].threshold, 1);
  EXPECT_TRUE(list.checks[0].alarm);
  EXPECT_EQ(list.checks[1].lhs, 0);
  EXPECT_EQ(list.checks[1].residual, 0);
  // Two columns: the second allows 1/0.8 of theta, the sum 3/0.5; and of the better corner.
  EXPECT_EQ(check(data, statistical(0.8, {{2, 0.5}})).checks[0].residual, 1 / 0.8);
  EXPECT_EQ(check(data, statistical(0.8, {{2, 0.5}, {1, 2}})).checks[0].residual, 1.5);
  EXPECT_EQ(check(data, statistical(0.8, {{9, 0}})).checks[0].residual, 0);  // of two columns
  EXPECT_EQ(check(data, statistical(0, {{0, 4}})).checks[0].residual, 0.75);
  EXPECT_EQ(check(data, statistical(0, {{1, 0}})).checks[0].residual,
            std::numeric_limits<double>::max());
  // A factor is what multiplies theta and deviations.
  const auto alarms = [&](double factor) {
    config.score_region.factor = factor;
    StatisticalAbftConfig moved = statistical(0.5 * factor, {{1, 2 * factor}});
    const bool alarm = check(data, config).checks[0].alarm;
    EXPECT_EQ(alarm, check(data, moved).checks[0].alarm) << factor;
    return alarm;
  };
  EXPECT_TRUE(alarms(1.4375));
  EXPECT_FALSE(alarms(1.5));
}

TEST(StatisticalAbft, SumsTheDeviationsOfEveryPass) {
  Tile data;
  data.product[1] += 0.5;
  data.product[2 * kStride] += 0.25;
  const Check found = check(data, StatisticalAbftConfig{}).checks[1];
  EXPECT_EQ(found.lhs, 0.75);
  EXPECT_EQ(found.residual, 0.5 / 0x1p-5) << "the larger of the columns";
  EXPECT_TRUE(found.alarm);
}

TEST(StatisticalAbft, RefusesARegionWithoutCorners) {
  StatisticalAbftConfig config;
  EXPECT_FALSE(config.conflict());
  config.pv_region.corners.clear();
  ASSERT_TRUE(config.conflict());
  EXPECT_EQ(config.conflict()->key, "pv_region/corners");
}

// A single wrong value of a real tile comes back as it was, but for the roundings of the sums.
TEST(AttnChecker, CorrectsToTheGoldenValueOnARandomStream) {
  StreamShape shape;
  shape.rows = 6;
  shape.cols = 5;
  shape.head_dim = 12;
  shape.tokens_q = 17;
  shape.tokens_k = 22;
  shape.causal = true;
  std::vector<StreamEvent> stream = make_stream(shape);
  int located = 0;
  for (StreamEvent& event : stream) {
    if (event.kind != kScores && event.kind != kPartials) continue;
    const std::uint32_t row = event.tile.rows / 2;
    const std::size_t place = 3 % event.tile.cols * event.stride + row;
    const float golden = event.values[place];
    for (const float error : {3.5F, -400.0F, 7e4F, kInf}) {
      event.values[place] = golden + error;
      const CheckList list =
          run_checker(stream, *make_checker({"guard", AttnCheckerConfig{}}, shape.dimensions()));
      EXPECT_EQ(list.alarms(), 1u);
      for (const Check& found : list.checks) {
        if (!found.alarm) continue;
        EXPECT_EQ(found.located_row, static_cast<std::int32_t>(event.tile.first_row + row));
        EXPECT_EQ(found.located_column, static_cast<std::int32_t>(3 % event.tile.cols));
        EXPECT_NEAR(found.corrected, golden, 1e-4);
        ++located;
      }
    }
    event.values[place] = golden;
  }
  EXPECT_GT(located, 50);
}

TEST(ColumnChecks, SilentOnCleanData) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    StreamShape shape;
    shape.rows = shape.cols = 16;
    shape.head_dim = 64;
    shape.tokens_q = shape.tokens_k = 60;
    shape.causal = seed % 2 == 0;
    shape.seed = seed;
    const std::vector<StreamEvent> stream = make_stream(shape);
    EXPECT_EQ(run_checker(stream, *make_checker({"guard", AttnCheckerConfig{}}, shape.dimensions()))
                  .alarms(),
              0u);
    EXPECT_EQ(
        run_checker(stream, *make_checker({"guard", StatisticalAbftConfig{}}, shape.dimensions()))
            .alarms(),
        0u);
  }
}

}  // namespace
}  // namespace attnguard
