// What checkers say their arithmetic is, against counts made by hand for one small job.
//
// 2 × 2 array, d = 4, 4 queries × 4 keys, no mask, K and V streamed: 4 tiles of 2 rows and 2 keys,
// so 8 rows of tiles, 16 scores, 8 keys of tiles, 4 query rows, 16 outputs, 2 passes of P·V. A
// division takes 8 cycles and a row comes every 2: 4 dividers for one quotient. Every count below
// is {operations, units}.
#include "models/checksum_unit/checker_arithmetic.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "models/checksum_unit/attnchecker.h"
#include "models/checksum_unit/duplicated_softmax.h"
#include "models/checksum_unit/efta.h"
#include "models/checksum_unit/make_checker.h"
#include "models/checksum_unit/range_check.h"
#include "models/checksum_unit/statistical_abft.h"
#include "tests/unit/checker_stream.h"

namespace attnguard {
namespace {

using Count = std::pair<std::uint64_t, std::uint64_t>;

StreamShape small_job() {
  StreamShape shape;
  shape.rows = shape.cols = 2;
  shape.head_dim = shape.tokens_q = shape.tokens_k = 4;
  return shape;
}

struct Worked {
  std::map<std::pair<Operation, Format>, Count> arithmetic;
  std::uint64_t bits = 0, bits_read = 0, bits_written = 0;
  Count of(Operation operation, Format format = Format::float32) const {
    const auto found = arithmetic.find({operation, format});
    return found == arithmetic.end() ? Count{0, 0} : found->second;
  }
};

Worked work(const CheckerOptions& options) {
  const StreamShape shape = small_job();
  const auto checker = make_checker({"guard", options}, shape.dimensions());
  FaultUniverse universe;
  checker->declare(universe);
  LiveLog log;
  CheckList checks;
  checker->connect(checks, log);
  checker->reset();
  const std::vector<StreamEvent> stream = make_stream(shape);
  play(stream, *checker);

  TilesSeen seen;
  for (const StreamEvent& event : stream)
    if ((checker->needs() & event.kind) != 0 && !event.sums) seen.add(event.kind, event.tile);
  for (const Check& check : checks.checks) seen.add_check(check.comparison);
  Worked worked;
  const std::optional<Arithmetic> arithmetic = checker->arithmetic(seen);
  EXPECT_TRUE(arithmetic.has_value());
  for (const OperationUse& use : arithmetic->uses())
    worked.arithmetic[{use.operation, use.format}] = {use.operations, use.units};
  for (const RegisterBook* book : checker->registers()) {
    if (!book->declared()) continue;
    const std::uint64_t bits = bits_of(book->shape().format);
    worked.bits += std::uint64_t{book->shape().groups} * book->shape().lanes * bits;
    worked.bits_read += book->reads() * bits;
    worked.bits_written += book->writes() * bits;
  }
  return worked;
}

TEST(CheckerArithmetic, OfTheMergedScheme) {
  const Worked merged = work(FlashAbftConfig{});
  // Row sums 2 · 8 · 4; column 2 · 16 and 2 · 8; outputs 16; differences 4.
  EXPECT_EQ(merged.of(Operation::add), Count(64 + 32 + 16 + 16 + 4, 4 + 4 + 2 + 2 + 1));
  EXPECT_EQ(merged.of(Operation::multiply), Count(32 + 16 + 4, 4 + 2 + 1));
  EXPECT_EQ(merged.of(Operation::divide), Count(2 * 4, 2 * 4));
  EXPECT_EQ(merged.of(Operation::compare), Count(4, 1));
  // sum and weight of 2 rows, of 2 columns; alpha and l of 2 rows twice.
  EXPECT_EQ(merged.bits, 32U * (4 + 4 + 4 + 4));
  // Per tile: 2 sums of 2 keys in 2 passes, sum and weight of 2 rows, 2 alphas; 4 times l.
  EXPECT_EQ(merged.bits_written, 32U * (4 * (8 + 4 + 2) + 4));
  // Per tile: 2 sums of 2 keys for the second pass and for the column, 2 alphas; sum and weight of
  // 2 rows in all but the first tile of a query tile; sum, weight and l of 4 query rows.
  EXPECT_EQ(merged.bits_read, 32U * (4 * (4 + 4 + 2) + 2 * 4 + 4 * 3));
}

TEST(CheckerArithmetic, AbsoluteThresholdsNeedNoWeightAndAReciprocalNoDivider) {
  FlashAbftConfig config;
  config.threshold = {ThresholdRule::absolute, 1};
  config.normaliser = Normaliser::shared_reciprocal;
  config.format = CheckFormat::float64;
  const Worked cheap = work(config);
  EXPECT_EQ(cheap.of(Operation::add, Format::float64),
            Count(32 + 16 + 8 + 16 + 4, 2 + 2 + 1 + 2 + 1));
  EXPECT_EQ(cheap.of(Operation::multiply, Format::float64), Count(16 + 8 + 4, 2 + 1 + 1));
  EXPECT_EQ(cheap.of(Operation::compare, Format::float64), Count(4, 1));
  EXPECT_EQ(cheap.arithmetic.size(), 3U);
}

TEST(CheckerArithmetic, OfTheHardenedScheme) {
  FlashAbftConfig config;
  config.softmax_scalars = SoftmaxScalars::duplicated;
  config.row_sum = config.key_sum = SumPoint::at_write;
  config.score_check = true;
  config.query_source = QuerySource::own;
  const Worked hardened = work(config);
  // Softmax: 16 scores scaled, compared, 16 + 8 differences and exponentials of 6 products and 7
  // sums, 16 + 8 sums and 8 products of l. Scores: key sums 2 · 8 · 4, products 2 · 8 · 4, 16
  // scores, 3 registers of 8 rows, 4 differences.
  EXPECT_EQ(hardened.of(Operation::add),
            Count(64 + 48 + (24 + 168 + 24) + (64 + 64 + 16 + 24 + 4) + 16 + 4,
                  4 + 6 + (3 + 21 + 3) + (4 + 4 + 2 + 3 + 1) + 2 + 1));
  EXPECT_EQ(hardened.of(Operation::multiply),
            Count(48 + (16 + 144 + 8) + (64 + 4) + 4, 6 + (2 + 18 + 1) + (4 + 1) + 1));
  EXPECT_EQ(hardened.of(Operation::divide), Count(8, 8));
  EXPECT_EQ(hardened.of(Operation::compare), Count(16 + 4 + 4, 2 + 1 + 1));
}

TEST(CheckerArithmetic, GroupsAddTheirRowsAndCompareOnce) {
  FlashAbftConfig config;
  config.granularity = Granularity::tile;
  const Worked tiles = work(config);
  EXPECT_EQ(tiles.of(Operation::add), Count(128 + 3 * 4 + 2, 12 + 3 + 1));
  EXPECT_EQ(tiles.of(Operation::compare), Count(2, 1));
}

TEST(CheckerArithmetic, OfTwoChecks) {
  const Worked two = work(MatmulAbftConfig{});
  EXPECT_EQ(two.of(Operation::add),
            Count((64 + 32 + 32 + 8) + (64 + 64 + 16 + 8), (4 + 4 + 2 + 1) + (4 + 4 + 2 + 1)));
  EXPECT_EQ(two.of(Operation::multiply), Count((32 + 8) + (64 + 8), (4 + 1) + (4 + 1)));
  EXPECT_EQ(two.of(Operation::divide), Count(0, 0));
  EXPECT_EQ(two.of(Operation::compare), Count(8 + 8, 1 + 1));
}

TEST(CheckerArithmetic, OfVAbftsThreshold) {
  MatmulAbftConfig config;
  config.score_threshold.rule = config.pv_threshold.rule = ThresholdRule::variance;
  const Worked variance = work(config);
  // P·V: row sums 32; spread of 8 rows of V (2, 3 to add up), sums of 16 p, spread of 8 rows of P,
  // 8 scales of 3; column 16; P·V 32; differences 8. Scores: likewise, over 4 · 4 depths of K.
  EXPECT_EQ(variance.of(Operation::add), Count((32 + 16 + 24 + 16 + 16 + 24 + 16 + 32 + 8) +
                                                   (32 + 32 + 48 + 32 + 16 + 24 + 32 + 16 + 8),
                                               2 * (2 + 2 + 3 + 2 + 2 + 3 + 2 + 2 + 1)));
  EXPECT_EQ(variance.of(Operation::multiply),
            Count((16 + 16 + 8 + 16 + 88 + 8) + (32 + 32 + 16 + 16 + 88 + 8),
                  2 * (2 + 2 + 1 + 2 + 11 + 1)));
  EXPECT_EQ(variance.of(Operation::divide), Count(2 * 3 * 8, 2 * 3 * 8));
  EXPECT_EQ(variance.of(Operation::compare),
            Count((64 + 8 + 32 + 8 + 8) + (64 + 16 + 64 + 8 + 8), 2 * (4 + 1 + 4 + 1 + 1)));
}

TEST(CheckerArithmetic, OfRangesAndOfASecondSoftmax) {
  const Worked range = work(RangeCheckConfig{});
  EXPECT_EQ(range.of(Operation::compare), Count(2 * 8 + 2 * 4 + 32 + 16, 2 + 2 + 4));
  EXPECT_EQ(range.of(Operation::compare, Format::bfloat16), Count(2 * 16, 4));
  EXPECT_EQ(range.of(Operation::multiply), Count(16, 2));
  const Worked second = work(DuplicatedSoftmaxConfig{});
  EXPECT_EQ(second.of(Operation::add), Count(24 + 168 + 24, 3 + 21 + 3));
  EXPECT_EQ(second.of(Operation::multiply), Count(16 + 144 + 8, 2 + 18 + 1));
  EXPECT_EQ(second.of(Operation::compare), Count(16 + 8 + 4, 2 + 2));
  EXPECT_EQ(second.of(Operation::compare, Format::bfloat16), Count(16, 2));
}

TEST(CheckerArithmetic, OfColumnSums) {
  // Plain and weighted: operands 32 + 16, products 16 + 32, expected 2 · 8 · 4, columns 8 + 16.
  const Worked attn = work(AttnCheckerConfig{});
  EXPECT_EQ(attn.of(Operation::add), Count(2 * (48 + 48 + 64 + 24), 2 * (4 + 2 + 2)));
  EXPECT_EQ(attn.of(Operation::multiply), Count(48 + 48 + 2 * 64, 4 + 4));
  EXPECT_EQ(attn.of(Operation::compare), Count(24, 2));
  const Worked statistical = work(StatisticalAbftConfig{});
  EXPECT_EQ(statistical.of(Operation::add), Count(48 + 48 + 64 + 24 + 2 * 24, 4 + 2 + 2 + 4));
  EXPECT_EQ(statistical.of(Operation::multiply), Count(64, 2));
  EXPECT_EQ(statistical.of(Operation::compare), Count(24 + 2 * 8, 2 + 2));
}

TEST(CheckerArithmetic, OfEfta) {
  // Two of the eight residues of the keys exist; 16 rows × residues.
  const Worked efta = work(EftaConfig{});
  EXPECT_EQ(efta.of(Operation::add), Count((64 + 128 + 48 + 112 + 48) + (64 + 256 + 128 + 16 + 32),
                                           (4 + 8 + 6 + 14 + 6) + (4 + 32 + 16 + 2 + 8)));
  EXPECT_EQ(efta.of(Operation::multiply), Count((128 + 16 + 64 + 16 + 96 + 64) + (256 + 128 + 32),
                                                (8 + 2 + 8 + 2 + 12 + 8) + (32 + 16 + 8)));
  EXPECT_EQ(efta.of(Operation::divide), Count(16 * 4, 16 * 4));
  EXPECT_EQ(efta.of(Operation::compare), Count(16 + 32 + 8 + 32, 2 + 4 + 2 + 8));
}

}  // namespace
}  // namespace attnguard
