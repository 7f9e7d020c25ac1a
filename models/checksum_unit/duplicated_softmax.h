// duplicated_softmax: selective double modular redundancy. alpha, p and l are computed once more
// from the observed scores and compared bit by bit with the datapath's.
//
// m crosses no observation link: a wrong maximum shows in alpha or p. The checker's own m, alpha
// and l are registers of its softmax; alpha and l are compared as the datapath's cross, p as it is
// fed to the array.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "models/checksum_unit/checker_arithmetic.h"
#include "models/checksum_unit/checker_context.h"
#include "models/checksum_unit/own_softmax.h"
#include "models/checksum_unit/row_check.h"

namespace attnguard {

struct DuplicatedSoftmaxConfig {
  static constexpr std::string_view kind = "duplicated_softmax";
  std::unique_ptr<Checker> make_checker(const std::string& name,
                                        const CheckerDimensions& dims) const;

  template <class Self, class V>
  static void visit(Self&, V&) {}
};

class DuplicatedSoftmax final : public Checker {
 public:
  DuplicatedSoftmax(const std::string& name, const CheckerDimensions& dims)
      : context_{{tap_, log_, books_}, "checksum." + name + ".", dims},
        softmax_(context_),
        alpha_(context_.watch, context_.row_banks("alpha", true)),
        sum_(context_.watch, context_.row_banks("sum", false)) {}

  std::uint32_t needs() const override { return kScores | kProbabilities | kScalars; }
  std::vector<std::string> comparisons() const override { return {"alpha", "probability", "sum"}; }
  bool compares_groups() const override { return false; }
  bool compares_key_tiles(std::uint32_t comparison) const override { return comparison < 2; }
  std::optional<Arithmetic> arithmetic(const TilesSeen& seen) const override {
    CheckerWork work{context_.dims, seen, Format::float32};
    work.own_softmax(true);
    work.use(Operation::compare, seen.rows(kScalars) + seen.last_rows(kScalars), 2);
    work.arithmetic.use(Operation::compare, context_.dims.probability,
                        seen.elements(kProbabilities), work.rows());
    return work.arithmetic;
  }

  void scores(const Observed& observed) override {
    softmax_.scores(observed, alpha_, &sum_, observed.tile.half);
  }
  void alphas(const Observed& observed) override {
    compare(0, observed, alpha_, observed.tile.bank);
  }
  void sums(const Observed& observed) override { compare(2, observed, sum_, observed.tile.half); }
  void probabilities(const Observed& observed) override {
    const TileContext& tile = observed.tile;
    const LaneCycles done = after_last_key(observed.timing, tile);
    const float* own = softmax_.read(tile, observed.timing.first_cycle + 1);
    for (std::uint32_t row = 0; row < tile.rows; ++row)
      add(row_check(1, tile, row, done.at(row)), observed.values + row, observed.stride, own + row,
          context_.dims.stride, tile.cols);
    checks_.report(*sink_);
  }

 private:
  void compare(std::uint32_t comparison, const Observed& observed, RegisterFile<float>& own,
               std::uint32_t bank) {
    const TileContext& tile = observed.tile;
    const LaneCycles beats = row_beats(observed.timing);
    own.read(bank, tile.rows, beats, tile);
    for (std::uint32_t row = 0; row < tile.rows; ++row)
      add(row_check(comparison, tile, row, beats.at(row) + 1), observed.values + row, 1,
          own.group(bank) + row, 1, 1);
    checks_.report(*sink_);
  }

  /// residual: how many of the values have other bits; lhs and rhs: the first of them.
  void add(Check check, const float* values, std::size_t stride, const float* own,
           std::size_t own_stride, std::uint32_t count) {
    check.lhs = canonical(double{values[0]});
    check.rhs = canonical(double{own[0]});
    for (std::uint32_t i = 0; i < count; ++i) {
      const float a = canonical(values[i * stride]), b = canonical(own[i * own_stride]);
      if (std::memcmp(&a, &b, sizeof a) == 0) continue;
      if (check.residual == 0) {
        check.lhs = a;
        check.rhs = b;
      }
      ++check.residual;
    }
    judge(check, NonfiniteRule::alarm);
    checks_.add(check);
  }

  CheckerContext context_;
  OwnSoftmax softmax_;
  RegisterFile<float> alpha_;  ///< by bank of the tile
  RegisterFile<float> sum_;    ///< by parity of the query tile
  RowChecks checks_;
};

inline std::unique_ptr<Checker> DuplicatedSoftmaxConfig::make_checker(
    const std::string& name, const CheckerDimensions& dims) const {
  return std::make_unique<DuplicatedSoftmax>(name, dims);
}

}  // namespace attnguard
