// What checkers of column sums share: they observe both products of every tile and report one check
// of each.
#pragma once

#include <string>
#include <vector>

#include "models/checksum_unit/checker_arithmetic.h"
#include "models/checksum_unit/column_sums.h"

namespace attnguard {

class ColumnChecker : public Checker {
 public:
  std::uint32_t needs() const final { return ColumnChecksum::kNeeds; }
  std::vector<std::string> comparisons() const final { return {"score", "pv"}; }
  bool compares_key_tiles(std::uint32_t) const final { return true; }
  bool products_need_scores() const final { return false; }
  std::optional<Arithmetic> arithmetic(const TilesSeen& seen) const final {
    CheckerWork work{dims_, seen, Format::float32};
    work.column_sums(weights_);
    count_report(work);
    return work.arithmetic;
  }

  void query_read(const Observed& observed) final { sums_.query_read(observed); }
  void key_read(const Observed& observed) final { sums_.key_read(observed); }
  void scores(const Observed& observed) final { report(0, observed.tile, sums_.scores(observed)); }
  void value_read(const Observed& observed) final { sums_.value_read(observed); }
  void probabilities(const Observed& observed) final { sums_.probabilities(observed); }
  void partials(const Observed& observed) final {
    report(1, observed.tile, sums_.partials(observed));
  }

 protected:
  /// `weights`: see ColumnChecksum.
  ColumnChecker(const std::string& name, const CheckerDimensions& dims, std::uint32_t weights)
      : dims_(dims),
        weights_(weights),
        sums_({{tap_, log_, books_}, "checksum." + name + ".", dims}, weights) {}

 private:
  /// `comparison`: index into comparisons(). Sends one check to the sink.
  virtual void report(std::uint32_t comparison, const TileContext& tile,
                      const ColumnSums& sums) = 0;
  /// Arithmetic of report() in a clean run, beyond a deviation and a comparison of each column.
  virtual void count_report(CheckerWork&) const {}

  CheckerDimensions dims_;
  std::uint32_t weights_;
  ColumnChecksum sums_;
};

}  // namespace attnguard
