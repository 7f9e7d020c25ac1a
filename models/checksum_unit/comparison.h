// One comparison of a checker: per query row, or summed over the rows of a query tile or a head
// first.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "models/checksum_unit/check_math.h"
#include "models/checksum_unit/checker.h"
#include "models/checksum_unit/checker_registers.h"
#include "models/checksum_unit/threshold.h"

namespace attnguard {

template <class N>
class Comparison {
 public:
  using Value = typename N::Value;

  /// `index` into the checker's comparisons(); `path` names the group's registers: left, right and
  /// scale.
  Comparison(Watch watch, const std::string& path, std::uint32_t index, Granularity granularity,
             std::uint32_t tokens_q, Judge judge)
      : index_(index),
        granularity_(granularity),
        tokens_q_(tokens_q),
        judge_(judge),
        group_(watch, {path,
                       {judge.scaled() ? 3u : 2u},
                       N::format,
                       StorageKind::register_file,
                       LaneMeaning::element,
                       1,
                       judge.scaled() ? 3u : 2u,
                       granularity != Granularity::head,
                       false,
                       true}) {}

  bool scaled() const { return judge_.scaled(); }
  const Judge& judge() const { return judge_; }
  void declare(FaultUniverse& universe) {
    if (granularity_ != Granularity::query) group_.declare(universe);
  }
  void reset() { group_.reset(); }

  /// Row i of the tile has lhs[i] and rhs[i] (and scale[i], unless null) in the comparator at
  /// cycles.at(i), where its alarm is set. A group first accumulates there and is compared one
  /// cycle after its last row.
  void compare(const TileContext& tile, const Value* lhs, const Value* rhs, const Value* scale,
               LaneCycles cycles, CheckSink& sink) {
    if (checks_.size() < tile.rows) checks_.resize(tile.rows);
    for (std::uint32_t row = 0; row < tile.rows; ++row) {
      const Value one_scale = scale != nullptr ? scale[row] : Value{1};
      if (granularity_ == Granularity::query) {
        judge(tile, tile.first_row + row, lhs[row], rhs[row], one_scale, cycles.at(row),
              checks_[row]);
      } else {
        accumulate(tile, row, {lhs[row], rhs[row], one_scale}, cycles.at(row), sink);
      }
    }
    if (granularity_ == Granularity::query) sink.checked_rows(checks_.data(), tile.rows);
  }

 private:
  void accumulate(const TileContext& tile, std::uint32_t row, const Value (&terms)[3],
                  std::uint64_t cycle, CheckSink& sink) {
    const bool head = granularity_ == Granularity::head;
    const std::uint32_t count = judge_.scaled() ? 3 : 2;
    const LaneCycles now{cycle, 0};
    Value* total = group_.group(0);
    const bool first = row == 0 && (!head || tile.first_row == 0);
    if (!first) group_.read(0, count, now, tile);
    for (std::uint32_t i = 0; i < count; ++i)
      total[i] = N::add(first ? Value{0} : total[i], terms[i]);
    group_.write(0, count, now);
    if (row + 1 != tile.rows || (head && tile.first_row + tile.rows != tokens_q_)) return;
    group_.read(0, count, now + 1, tile);
    Check check;
    judge(tile, head ? 0 : tile.first_row, total[0], total[1], count == 3 ? total[2] : Value{1},
          cycle + 1, check);
    sink.checked(check);
  }

  /// In place: a check copied right after its fields were stored one by one has to wait for them.
  void judge(const TileContext& tile, std::uint32_t query_row, Value lhs, Value rhs, Value scale,
             std::uint64_t cycle, Check& check) const {
    check.comparison = index_;
    check.head = tile.head;
    check.query_row = query_row;
    check.key_tile = tile.key_tile;
    check.cycle = cycle;
    check.lhs = canonical(static_cast<double>(lhs));
    check.rhs = canonical(static_cast<double>(rhs));
    check.residual = canonical(static_cast<double>(std::fabs(N::add(lhs, -rhs))));
    check.scale = canonical(static_cast<double>(scale));
    judge_.judge(check);
  }

  std::uint32_t index_;
  Granularity granularity_;
  std::uint32_t tokens_q_;
  Judge judge_;
  RegisterFile<Value> group_;
  std::vector<Check> checks_;
};

}  // namespace attnguard
