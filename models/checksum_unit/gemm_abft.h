// matmul_abft of a plain product C = A × B (Huang and Abraham 1984): of every row of a tile of C
// the sum is compared with the row of A times the row sums of B's tile.
//
// The arithmetic, registers and timing are those of the score check, with a tile of C in place of a
// tile of scores.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/checksum_unit/checker.h"
#include "models/checksum_unit/checker_arithmetic.h"
#include "models/checksum_unit/checker_config.h"
#include "models/checksum_unit/score_checksum.h"
#include "models/checksum_unit/variance_scale.h"

namespace attnguard {

template <class N>
class GemmAbft final : public Checker {
 public:
  GemmAbft(const std::string& name, const MatmulAbftConfig& config, const CheckerDimensions& dims)
      : config_(config),
        context_{{tap_, log_, books_}, "checksum." + name + ".", dims},
        product_(context_, {SumPoint::at_read, QuerySource::shared, Granularity::query, true}, 0,
                 score_judge<N>(config, dims)) {}

  std::uint32_t needs() const override { return product_.needs(); }
  std::vector<std::string> comparisons() const override { return {"product"}; }
  bool compares_groups() const override { return false; }
  void declare(FaultUniverse& universe) override { product_.declare(universe); }
  void reset() override { product_.reset(); }
  std::optional<Arithmetic> arithmetic(const TilesSeen& seen) const override {
    CheckerWork work{context_.dims, seen, N::format};
    work.score_check(0, SumPoint::at_read, Granularity::query, true, config_.score_threshold.rule);
    return work.arithmetic;
  }

  void query_read(const Observed& observed) override { product_.query_read(observed); }
  void key_read(const Observed& observed) override { product_.key_read(observed); }
  void scores(const Observed& observed) override { product_.scores(observed, *sink_); }

 private:
  MatmulAbftConfig config_;
  CheckerContext context_;
  ScoreChecksum<N> product_;
};

}  // namespace attnguard
