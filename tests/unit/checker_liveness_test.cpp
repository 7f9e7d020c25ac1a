// Recorded liveness and the tap tell the same story: a flip is activated exactly where a live block
// holds its cell, any other flip leaves no trace, and an armed tap that never fires changes
// nothing.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>

#include "models/checksum_unit/attnchecker.h"
#include "models/checksum_unit/duplicated_softmax.h"
#include "models/checksum_unit/efta.h"
#include "models/checksum_unit/make_checker.h"
#include "models/checksum_unit/range_check.h"
#include "models/checksum_unit/statistical_abft.h"
#include "tests/unit/checker_stream.h"

namespace attnguard {
namespace {

struct Case {
  std::string name;
  StreamShape shape;
  CheckerConfig config;
};
void PrintTo(const Case& test_case, std::ostream* out) { *out << test_case.name; }

std::uint64_t times(std::uint32_t i, std::int64_t step) {
  return static_cast<std::uint64_t>(step * std::int64_t{i});
}

// Live blocks that hold the cell, counted; boxes of checkers use two counters.
int holding(const std::vector<LiveBlock>& blocks, const Fault& fault) {
  int count = 0;
  for (const LiveBlock& block : blocks) {
    if (block.reg != fault.site.reg || fault.bit >= bits_of(block.format)) continue;
    for (std::uint32_t i = 0; i < block.count[0]; ++i) {
      if (block.index + times(i, block.index_step[0]) != fault.site.index) continue;
      for (std::uint32_t beat = 0; beat < block.count[1]; ++beat) {
        const std::uint64_t start =
            block.start + times(i, block.start_step[0]) + times(beat, block.start_step[1]);
        const std::uint64_t length =
            static_cast<std::uint64_t>(block.length) + times(i, block.length_step[0]);
        count += fault.cycle >= start && fault.cycle < start + length;
      }
    }
  }
  return count;
}

bool same(const std::vector<Check>& a, const std::vector<Check>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].cycle != b[i].cycle || a[i].alarm != b[i].alarm ||
        std::memcmp(&a[i].lhs, &b[i].lhs, 4 * sizeof(double)) != 0)
      return false;
  return true;
}

class CheckerLiveness : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    stream_ = make_stream(GetParam().shape);
    checker_ = make_checker(GetParam().config, GetParam().shape.dimensions());
    checker_->declare(universe_);
    log_.start();
    golden_ = run_checker(stream_, *checker_, log_).checks;
    log_.stop();
    for (const StreamEvent& event : stream_) end_ = std::max(end_, event.timing.last_cycle());
  }

  std::uint64_t draw(std::uint64_t below) {
    return std::uniform_int_distribution<std::uint64_t>(0, below - 1)(engine_);
  }

  // Anywhere, or in and close around a live cell.
  Fault draw_fault(bool near_live) {
    Fault fault;
    if (near_live) {
      const LiveBlock& block = log_.blocks()[draw(log_.blocks().size())];
      const auto i = static_cast<std::uint32_t>(draw(block.count[0]));
      fault.site = {block.reg,
                    static_cast<std::uint32_t>(block.index + times(i, block.index_step[0]))};
      const std::uint64_t length =
          static_cast<std::uint64_t>(block.length) + times(i, block.length_step[0]);
      fault.cycle = block.start + times(i, block.start_step[0]) + draw(length + 4) -
                    std::min<std::uint64_t>(2, block.start);
    } else {
      fault.site.reg = static_cast<RegisterId>(draw(universe_.classes().size()));
      fault.site.index = static_cast<std::uint32_t>(draw(universe_[fault.site.reg].instances()));
      fault.cycle = draw(end_ + 40);
    }
    fault.bit = static_cast<std::uint32_t>(draw(universe_[fault.site.reg].bits));
    return fault;
  }

  std::vector<StreamEvent> stream_;
  std::unique_ptr<Checker> checker_;
  FaultUniverse universe_;
  LiveLog log_;
  std::vector<Check> golden_;
  std::uint64_t end_ = 0;
  std::mt19937_64 engine_{5};
};

TEST_P(CheckerLiveness, TapIsActivatedExactlyInLiveCells) {
  int activated = 0;
  for (int n = 0; n < 1500; ++n) {
    const Fault fault = draw_fault(n % 3 != 0);
    const int holders = holding(log_.blocks(), fault);
    checker_->tap().arm(fault);
    const std::vector<Check> checks = run_checker(stream_, *checker_).checks;
    const FaultOutcome outcome = checker_->tap().outcome();
    ASSERT_EQ(outcome.activated ? 1 : 0, holders)
        << universe_.name(fault.site) << " cycle " << fault.cycle;
    if (outcome.activated) {
      ++activated;
      ASSERT_GT(outcome.activate_cycle, fault.cycle);
      ASSERT_EQ(outcome.value_before ^ outcome.value_after, fault.mask());
      ASSERT_LT(outcome.place.head, static_cast<std::int32_t>(GetParam().shape.heads));
    } else {
      ASSERT_TRUE(same(checks, golden_)) << universe_.name(fault.site) << " cycle " << fault.cycle;
    }
    checker_->tap().disarm();
  }
  EXPECT_GT(activated, 100);
}

TEST_P(CheckerLiveness, ArmedTapOutOfReachAndRecordingChangeNothing) {
  Fault fault;
  fault.cycle = end_ + 1000;
  checker_->tap().arm(fault);
  EXPECT_TRUE(same(run_checker(stream_, *checker_).checks, golden_));
  checker_->tap().disarm();
  EXPECT_TRUE(same(run_checker(stream_, *checker_).checks, golden_));
  for (const Check& check : golden_) ASSERT_FALSE(check.alarm);
}

TEST_P(CheckerLiveness, BlocksAreBoxesOfDeclaredRegistersAndEveryClassIsLive) {
  std::set<RegisterId> seen;
  for (const LiveBlock& block : log_.blocks()) {
    seen.insert(block.reg);
    const RegisterClass& cls = universe_[block.reg];
    ASSERT_EQ(bits_of(block.format), cls.bits);
    for (std::uint32_t i = 0; i < block.count[0]; ++i) {
      ASSERT_LT(block.index + times(i, block.index_step[0]), cls.instances()) << cls.path;
      ASSERT_GE(block.length + std::int64_t{i} * block.length_step[0], 0) << cls.path;
    }
  }
  for (RegisterId reg = 0; reg < universe_.classes().size(); ++reg) {
    EXPECT_EQ(universe_[reg].domain, Domain::safety_mechanism);
    EXPECT_EQ(universe_[reg].path.rfind("checksum.guard.", 0), 0u);
    const bool never_read = universe_[reg].path == "checksum.guard.row[{}].max" &&
                            GetParam().shape.dimensions().key_tiles == 1;
    EXPECT_EQ(seen.count(reg), never_read ? 0u : 1u) << universe_[reg].path;
  }
}

// A campaign that saw state in them would carry it from query tile to query tile.
TEST_P(CheckerLiveness, RegistersThatOptionsLeaveOutAreNotListed) {
  EXPECT_FALSE(checker_->registers().empty());
  for (const RegisterBook* book : checker_->registers())
    EXPECT_GT(book->shape().groups * book->shape().lanes, 0U) << book->shape().path;
}

// Cycles written by hand from docs/checkers.md, for a job of one tile: rows 3, keys 5, two passes.
TEST(CheckerTiming, LiveIntervalsFollowTheDocumentedCycles) {
  StreamShape shape;
  shape.rows = 3;
  shape.cols = 5;
  shape.head_dim = 8;
  shape.tokens_q = 3;
  shape.tokens_k = 5;
  const std::vector<StreamEvent> stream = make_stream(shape);
  std::map<Observation, BeatTiming> at;
  for (const StreamEvent& event : stream) at[event.kind] = event.timing;  // kScalars: the sums
  FaultUniverse universe;
  LiveLog log;
  const auto record = [&](const FlashAbftConfig& config) {
    universe = {};
    const auto checker = make_checker({"guard", config}, shape.dimensions());
    checker->declare(universe);
    log.start();
    run_checker(stream, *checker, log);
  };

  // [first live cycle, next read) of one register, all its blocks.
  const auto live = [&](const std::string& path) {
    const Site site = universe.find("checksum.guard." + path).value();
    std::vector<std::pair<std::uint64_t, std::uint64_t>> spans;
    for (const LiveBlock& block : log.blocks()) {
      for (std::uint32_t i = 0; block.reg == site.reg && i < block.count[0]; ++i) {
        if (block.index + times(i, block.index_step[0]) != site.index) continue;
        const std::uint64_t start = block.start + times(i, block.start_step[0]);
        spans.emplace_back(start, start + static_cast<std::uint64_t>(block.length) +
                                      times(i, block.length_step[0]));
      }
    }
    return spans;
  };
  using Spans = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  const std::uint64_t last = at[kProbabilities].first_cycle,
                      first = last - at[kValueRead].group_interval_cycles;
  const std::uint64_t tree = 4, score = at[kScores].first_cycle, output = at[kOutputs].cycle(1, 2);
  FlashAbftConfig config;
  config.score_check = true;
  config.key_sum = SumPoint::at_write;
  record(config);
  EXPECT_EQ(live("row_sum[3]"), (Spans{{first + 3, last + 3}, {last + 3, last + 1 + 3}}));
  EXPECT_EQ(live("row_weight[0]"), (Spans{{first, last}, {last, last + 1}}));
  EXPECT_EQ(live("row[2].sum"), (Spans{{last + 1 + 5 + 2, output}}));
  EXPECT_EQ(live("row[2].weight"), (Spans{{last + 1 + 5 + 2, output}}));
  EXPECT_EQ(live("row[1].alpha[0]"), (Spans{{score + 1 + 3 + 6 + 1, last + 1 + 5 + 1}}));
  EXPECT_EQ(live("row[2].denominator[0]"), (Spans{{at[kScalars].cycle(0, 2), output}}));
  EXPECT_EQ(live("row[1].score_product"), (Spans{{score + 1 + tree, score + 1 + tree + 1}}));
  EXPECT_EQ(live("key_sum[0][6]"),
            (Spans{{at[kKeyWritten].cycle(0, 6), at[kKeyRead].cycle(0, 6)}}));

  config.softmax_scalars = SoftmaxScalars::duplicated;
  config.row_sum = SumPoint::at_write;
  config.query_source = QuerySource::own;
  record(config);
  const std::uint64_t exp = score + 3 + 6;
  EXPECT_EQ(live("row[2].alpha[0]"), (Spans{{exp + 2, last + 1 + 5 + 2}}));
  EXPECT_EQ(live("row[2].probability[0][4]"), (Spans{{exp + 2, last + 1 + 4 + 2}}));
  EXPECT_EQ(live("row[2].denominator[0]"), (Spans{{exp + 3 + 2, output}}));
  EXPECT_EQ(live("row_sum[3]"),
            (Spans{{at[kValueWritten].cycle(0, 3), at[kValueWritten].cycle(1, 3)},
                   {at[kValueWritten].cycle(1, 3), at[kValueRead].cycle(1, 3)}}));
  EXPECT_EQ(live("query[0][7][1]"),
            (Spans{{at[kQueryWritten].cycle(0, 7), at[kQueryRead].cycle(0, 7)}}));
}

FlashAbftConfig hardened() {
  FlashAbftConfig config;
  config.softmax_scalars = SoftmaxScalars::duplicated;
  config.row_sum = config.key_sum = SumPoint::at_write;
  config.score_check = true;
  config.query_source = QuerySource::own;
  return config;
}
FlashAbftConfig with(FlashAbftConfig config, CheckFormat format, Granularity granularity) {
  config.format = format;
  config.granularity = granularity;
  return config;
}

std::vector<Case> cases() {
  StreamShape plain;  // two heads, ragged edges
  plain.heads = plain.kv_heads = 2;
  plain.tokens_q = 7;
  plain.tokens_k = 10;
  StreamShape causal = plain;  // grouped queries, K and V resident
  causal.heads = 4;
  causal.causal = causal.resident = true;
  causal.tokens_q = causal.tokens_k = 10;
  StreamShape streamed = causal;
  streamed.resident = false;
  StreamShape single = plain;  // one key tile, one pass: everything overlaps
  single.rows = 6;
  single.cols = 8;
  single.head_dim = 4;
  single.tokens_q = 18;
  single.tokens_k = 3;
  single.kv_heads = 1;
  single.read_latency = 4;

  FlashAbftConfig merged, scores, reciprocal, loose;
  scores.score_check = true;
  reciprocal.normaliser = Normaliser::shared_reciprocal;
  reciprocal.point = CheckPoint::after_rounding;
  reciprocal.granularity = Granularity::tile;
  loose.threshold.rule = loose.score_threshold.rule = ThresholdRule::absolute;
  loose.score_check = true;
  FlashAbftConfig bound = hardened();
  bound.threshold.rule = bound.score_threshold.rule = ThresholdRule::bound;
  EftaConfig absolute;
  absolute.threshold.rule = ThresholdRule::absolute;
  MatmulAbftConfig two_check, carried, variance;
  variance.score_threshold.rule = variance.pv_threshold.rule = ThresholdRule::variance;
  MatmulAbftConfig variance_at_write = variance;
  variance_at_write.row_sum = variance_at_write.key_sum = SumPoint::at_write;
  carried.pv_check = PvCheck::carried;
  carried.row_sum = carried.key_sum = SumPoint::at_write;
  carried.query_source = QuerySource::own;

  std::vector<Case> all;
  const std::pair<const char*, StreamShape> shapes[] = {
      {"plain", plain}, {"causal", causal}, {"streamed", streamed}, {"single", single}};
  for (const auto& [name, shape] : shapes) {
    const std::string prefix = name;
    const auto add = [&](const char* kind, auto options) {
      all.push_back({prefix + "_" + kind, shape, {"guard", options}});
    };
    add("merged", merged);
    add("scores", scores);
    add("hardened", hardened());
    add("hardened_double_head", with(hardened(), CheckFormat::float64, Granularity::head));
    add("hardened_bfloat16", with(hardened(), CheckFormat::bfloat16, Granularity::query));
    add("reciprocal_tile", reciprocal);
    add("absolute", loose);
    add("bound", bound);
    add("two_check", two_check);
    add("carried", carried);
    add("variance", variance);
    add("variance_at_write", variance_at_write);
    add("efta", EftaConfig{});
    add("efta_absolute", absolute);
    add("attnchecker", AttnCheckerConfig{});
    add("statistical_abft", StatisticalAbftConfig{});
    add("range_check", RangeCheckConfig{});
    add("duplicated_softmax", DuplicatedSoftmaxConfig{});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, CheckerLiveness, ::testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace attnguard
