// range_check and duplicated_softmax: silence on clean data, and the alarm at the very value that
// leaves its range or loses its twin.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "models/checksum_unit/duplicated_softmax.h"
#include "models/checksum_unit/make_checker.h"
#include "models/checksum_unit/range_check.h"
#include "tests/unit/checker_stream.h"

namespace attnguard {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

CheckList check(const std::vector<StreamEvent>& stream, const CheckerOptions& options) {
  return run_checker(stream, *make_checker({"guard", options}, ragged_shape().dimensions()));
}

/// Changes the event of head 1, query tile 1, key tile 1 (outputs and sums: of the last key tile).
std::vector<StreamEvent> edited(Observation kind, bool sums,
                                const std::function<void(StreamEvent&)>& edit) {
  std::vector<StreamEvent> stream = make_stream(ragged_shape());
  for (StreamEvent& event : stream)
    if (event.kind == kind && event.sums == sums && event.tile.head == 1 &&
        event.tile.query_tile == 1 && (event.tile.key_tile == 1 || sums || kind == kOutputs))
      edit(event);
  return stream;
}

/// The one check that alarms.
const Check& alarmed(const CheckList& list) {
  EXPECT_EQ(list.alarms(), 1u);
  for (const Check& check : list.checks)
    if (check.alarm) return check;
  return list.checks.front();
}

TEST(RangeCheck, SilentOnCleanDataOfEveryKind) {
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    StreamShape shape = ragged_shape();
    shape.seed = seed;
    shape.causal = seed % 2 == 0;
    shape.value_mean = seed % 5 == 0 ? 50 : 0;
    shape.query_scale = seed % 3 == 0 ? 6 : 1;
    shape.probability = seed % 7 == 0 ? Format::float32 : Format::bfloat16;
    const auto list = run_checker(make_stream(shape),
                                  *make_checker({"guard", RangeCheckConfig{}}, shape.dimensions()));
    EXPECT_EQ(list.alarms(), 0u) << seed;
    std::size_t seen[4] = {};
    for (const Check& c : list.checks) ++seen[c.comparison];
    EXPECT_EQ(seen[0], seen[1]);
    EXPECT_EQ(seen[2], 20u);
    EXPECT_EQ(seen[3], 20u);
  }
}

TEST(RangeCheck, AlarmsJustOutsideTheRangeOfTheScalars) {
  struct Case {
    Observation kind;
    bool sums;
    float value, limit;  // the nearest allowed one
    std::uint32_t comparison;
  };
  // Query row 5 of 10 over 17 keys sees 13 of them.
  const Case cases[] = {{kScalars, false, std::nextafter(1.0F, 2.0F), 1, 0},
                        {kScalars, false, -1e-30F, 0, 0},
                        {kProbabilities, false, std::nextafter(1.0F, 2.0F), 1, 1},
                        {kProbabilities, false, -1e-30F, 0, 1},
                        {kScalars, true, std::nextafter(1.0F, 0.0F), 1, 2},
                        {kScalars, true, std::nextafter(13.0F, 14.0F), 13, 2}};
  for (const Case& c : cases) {
    const auto at = [&](float value) {
      return edited(c.kind, c.sums, [&](StreamEvent& event) { event.values[1] = value; });
    };
    EXPECT_EQ(check(at(c.limit), RangeCheckConfig{}).alarms(), 0u);
    const CheckList list = check(at(c.value), RangeCheckConfig{});
    const Check& found = alarmed(list);
    EXPECT_EQ(found.comparison, c.comparison);
    EXPECT_EQ(found.query_row, 5u);
    EXPECT_EQ(found.lhs, c.value);
    EXPECT_EQ(found.rhs, c.limit);
    EXPECT_EQ(found.residual, std::fabs(double{c.value} - c.limit));
  }
}

TEST(RangeCheck, AlarmsAfterTheBeatThatCarriesTheValue) {
  const auto stream = edited(kScalars, false, [](StreamEvent& event) { event.values[1] = 2; });
  BeatTiming beats;
  for (const StreamEvent& event : stream)
    if (event.kind == kScalars && !event.sums && event.values[1] == 2) beats = event.timing;
  EXPECT_EQ(alarmed(check(stream, RangeCheckConfig{})).cycle, beats.cycle(0, 1) + 1);
}

TEST(RangeCheck, OutputMayReachTheLargestValueOfItsColumnAndNoMore) {
  const StreamShape shape = ragged_shape();
  const std::uint32_t column = 7;
  double largest = 0;  // over the keys of the tiles computed for this query tile
  for (const StreamEvent& event : make_stream(shape))
    if (event.kind == kValueRead && event.tile.head == 1 && event.tile.query_tile == 1)
      for (std::uint32_t key = 0; key < event.tile.cols; ++key)
        largest = std::max(largest, std::fabs(double{event.values[key * event.stride + column]}));
  for (const double factor : {1.0, -1.0, 1.0 + 1e-3}) {
    const auto stream = edited(kOutputs, false, [&](StreamEvent& event) {
      event.values[(shape.head_dim + column) * event.stride + 2] =
          static_cast<float>(factor * largest);
    });
    const CheckList list = check(stream, RangeCheckConfig{});
    EXPECT_EQ(list.alarms(), factor > 1 ? 1u : 0u) << factor;
    if (factor <= 1) continue;
    const Check& found = alarmed(list);
    EXPECT_EQ(found.comparison, 3u);
    EXPECT_EQ(found.rhs, largest);
    EXPECT_EQ(found.scale, largest);
    EXPECT_LT(found.threshold, 1e-5 * largest);
    EXPECT_EQ(check(stream, RangeCheckConfig{false, NonfiniteRule::alarm}).alarms(), 0u);
  }
}

TEST(RangeCheck, NonfiniteValuesAlarmOrAreIgnoredAsConfigured) {
  for (const float bad : {kInf, std::numeric_limits<float>::quiet_NaN()})
    for (const Observation kind : {kScalars, kProbabilities, kOutputs}) {
      const std::size_t place =
          kind == kOutputs ? ragged_shape().head_dim * lane_stride(ragged_shape().rows) + 1 : 1;
      const auto stream =
          edited(kind, false, [&](StreamEvent& event) { event.values[place] = bad; });
      EXPECT_TRUE(alarmed(check(stream, RangeCheckConfig{})).nonfinite);
      EXPECT_EQ(check(stream, RangeCheckConfig{true, NonfiniteRule::ignore}).alarms(), 0u);
    }
}

TEST(RangeCheck, AnOutputThatIsNoNumberAlarmsInEveryColumn) {
  const std::size_t head_dim = ragged_shape().head_dim;
  for (std::size_t column = 0; column < head_dim; ++column) {
    const auto stream = edited(kOutputs, false, [&](StreamEvent& event) {
      event.values[(head_dim + column) * event.stride + 1] =
          std::numeric_limits<float>::quiet_NaN();
    });
    EXPECT_TRUE(alarmed(check(stream, RangeCheckConfig{})).nonfinite) << column;
  }
}

TEST(DuplicatedSoftmax, AgreesBitForBitOnCleanData) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    StreamShape shape = ragged_shape();
    shape.seed = seed;
    shape.causal = seed % 2 == 0;
    shape.probability = seed % 3 == 0 ? Format::float32 : Format::bfloat16;
    const auto list =
        run_checker(make_stream(shape),
                    *make_checker({"guard", DuplicatedSoftmaxConfig{}}, shape.dimensions()));
    EXPECT_EQ(list.alarms(), 0u);
    for (const Check& c : list.checks) {
      EXPECT_EQ(c.lhs, c.rhs);
      EXPECT_EQ(c.residual, 0);
    }
  }
}

TEST(DuplicatedSoftmax, OneBitOfAlphaPOrLAlarms) {
  const std::pair<Observation, bool> kinds[] = {
      {kScalars, false}, {kProbabilities, false}, {kScalars, true}};
  std::uint32_t comparison = 0;
  for (const auto& [kind, sums] : kinds) {
    const auto stream = edited(kind, sums, [](StreamEvent& event) {
      float& value = event.values[1];
      value = std::nextafter(value, 2 * value + 1);
    });
    const CheckList list = check(stream, DuplicatedSoftmaxConfig{});
    const Check& found = alarmed(list);
    EXPECT_EQ(found.comparison, comparison++);
    EXPECT_EQ(found.query_row, 5u);
    EXPECT_EQ(found.residual, 1);
    EXPECT_GT(found.lhs, found.rhs);
  }
}

TEST(DuplicatedSoftmax, CountsTheValuesThatDiffer) {
  const auto stream = edited(kProbabilities, false, [](StreamEvent& event) {
    for (std::uint32_t key = 2; key < 5; ++key) event.values[key * event.stride + 3] += 0.5F;
  });
  const CheckList list = check(stream, DuplicatedSoftmaxConfig{});
  const Check& found = alarmed(list);
  EXPECT_EQ(found.query_row, 7u);
  EXPECT_EQ(found.residual, 3);
  EXPECT_EQ(found.lhs, found.rhs + 0.5);
}

// A wrong score reaches both softmaxes: what the scheme cannot see.
TEST(DuplicatedSoftmax, BlindToAWrongScore) {
  std::vector<StreamEvent> stream = make_stream(ragged_shape());
  for (StreamEvent& event : stream)
    if (event.kind == kOutputs) event.values[1] += 1;
  EXPECT_EQ(check(stream, DuplicatedSoftmaxConfig{}).alarms(), 0u);
}

}  // namespace
}  // namespace attnguard
