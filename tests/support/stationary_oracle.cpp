#include "tests/support/stationary_oracle.h"

#include <algorithm>
#include <stdexcept>

#include "tests/support/float_samples.h"

namespace attnguard {
namespace {

bool integer(const StationaryFold& fold) { return fold.moving_format == Format::int8; }

float multiplied(const StationaryFold& fold, float sum, float west, float stationary) {
  if (!integer(fold)) {
    const float product = west * stationary;
    return sum + product;
  }
  const std::int64_t exact =
      static_cast<std::int64_t>(static_cast<std::int32_t>(bits_of_float(sum))) +
      static_cast<int>(west) * static_cast<int>(stationary);
  return float_of(static_cast<std::uint32_t>(static_cast<std::uint64_t>(exact)));
}

}  // namespace

StationaryOracle::StationaryOracle(std::uint32_t rows, std::uint32_t cols)
    : rows_(rows), cols_(cols) {}

StationaryOracle::Register& StationaryOracle::register_of(Pe& pe, ArrayRegister which) const {
  switch (which) {
    case ArrayRegister::west:
      return pe.west;
    case ArrayRegister::stationary:
      return pe.stationary;
    case ArrayRegister::preload:
      return pe.preload;
    case ArrayRegister::sum:
      return pe.sum;
    default:
      throw std::runtime_error("oracle: no such register");
  }
}

StationaryOracle::Register StationaryOracle::read(ArrayRegister which, std::uint32_t row,
                                                  std::uint32_t col) {
  const Register& reg = register_of(at(row, col), which);
  Reads& log = reads_[static_cast<std::size_t>(which)];
  log.resize(std::max<std::size_t>(log.size(), cycle_ + 1));
  log[cycle_].emplace_back(row, col);
  if (reg.hit && !outcome_.activated) {
    outcome_ = landed_;
    outcome_.activated = true;
    outcome_.activate_cycle = cycle_;
  }
  return reg;
}

void StationaryOracle::step_pe(Pe& next, std::uint32_t row, std::uint32_t col,
                               const std::vector<StationaryFold>& folds) {
  const Pe now = at(row, col);
  next = now;
  next.west.fresh = next.sum.fresh = next.preload.fresh = next.stationary.fresh = false;

  const bool north_comes = row > 0 && at(row - 1, col).sum.fresh;
  if (now.west.fresh) {
    const Register west = read(ArrayRegister::west, row, col);
    const Register stationary = read(ArrayRegister::stationary, row, col);
    const StationaryFold& fold = *west.fold;
    if (stationary.fold != &fold) throw std::runtime_error("oracle: operands of two folds meet");
    if (north_comes != (row > 0)) throw std::runtime_error("oracle: no sum to add to");
    float above = 0;
    if (row > 0) {
      const Register sum = read(ArrayRegister::sum, row - 1, col);
      if (sum.fold != &fold || sum.step != west.step)
        throw std::runtime_error("oracle: a product meets another sum");
      above = sum.value;
    } else if (fold.sums != nullptr) {
      above = fold.sums[west.step * fold.step_stride + col * fold.col_stride];
    }
    next.sum = {multiplied(fold, above, west.value, stationary.value), &fold, west.step, 0, true};
  } else if (north_comes) {
    next.sum = read(ArrayRegister::sum, row - 1, col);
    next.sum.fresh = true;
    next.sum.hit = false;
  }

  Register offered;
  if (col > 0) {
    if (at(row, col - 1).west.fresh && at(row, col - 1).west.hops > 0)
      offered = read(ArrayRegister::west, row, col - 1);
  } else {
    for (const StationaryFold& fold : folds) {
      const std::uint64_t entry = fold.start + row;
      if (row < fold.rows && cycle_ >= entry && cycle_ < entry + fold.steps) {
        const auto step = static_cast<std::uint32_t>(cycle_ - entry);
        offered = {
            fold.moving[row * fold.moving_stride + step], &fold, step, fold.cols, true, step == 0};
      }
    }
  }
  if (offered.fresh) {
    next.west = offered;
    next.west.hit = false;
    --next.west.hops;
    if (offered.first) {
      next.stationary = read(ArrayRegister::preload, row, col);
      next.stationary.hit = false;
      next.stationary.fresh = true;
      if (next.stationary.fold != offered.fold)
        throw std::runtime_error("oracle: a fold starts before it is preloaded");
    }
  }

  Register coming;
  if (row > 0) {
    if (at(row - 1, col).preload.fresh && at(row - 1, col).preload.hops > 0)
      coming = read(ArrayRegister::preload, row - 1, col);
  } else {
    for (const StationaryFold& fold : folds) {
      const std::uint64_t entry = fold.preload + col;
      if (col < fold.cols && cycle_ >= entry && cycle_ < entry + fold.rows) {
        const auto target = static_cast<std::uint32_t>(fold.rows - 1 - (cycle_ - entry));
        coming = {fold.stationary[target * fold.stationary_stride + col], &fold, 0, target + 1,
                  true};
      }
    }
  }
  if (coming.fresh) {
    next.preload = coming;
    next.preload.hit = false;
    --next.preload.hops;
  }
}

void StationaryOracle::step(const std::vector<StationaryFold>& folds) {
  for (std::uint32_t col = 0; col < cols_; ++col) {
    if (!at(rows_ - 1, col).sum.fresh) continue;
    const Register sum = read(ArrayRegister::sum, rows_ - 1, col);
    const StationaryFold& fold = *sum.fold;
    fold.out[sum.step * fold.step_stride + col * fold.col_stride] =
        integer(fold) ? sum.value : canonical(sum.value);
    ++delivered_;
  }
  std::vector<Pe> next(pes_.size());
  for (std::uint32_t row = 0; row < rows_; ++row)
    for (std::uint32_t col = 0; col < cols_; ++col)
      step_pe(next[row * cols_ + col], row, col, folds);
  pes_ = std::move(next);
}

void StationaryOracle::strike() {
  if (fault_ == nullptr) return;
  if (fault_->how.persistent() ? !fault_->how.acts(fault_->cycle, cycle_, cycle_ + 1)
                               : fault_->cycle != cycle_)
    return;
  Register& reg = register_of(at(fault_->row, fault_->col), fault_->which);
  if (reg.fold == nullptr) return;
  const StationaryFold& fold = *reg.fold;
  const bool sum = fault_->which == ArrayRegister::sum;
  const Format format = sum ? (integer(fold) ? Format::int32 : Format::float32)
                        : fault_->which == ArrayRegister::west ? fold.moving_format
                                                               : fold.stationary_format;
  const std::uint32_t before = encode(format, reg.value);
  const auto after =
      static_cast<std::uint32_t>(fault_->how.applied(before, fault_->mask, bits_of(format)));
  if (after == before) return;
  reg.value = decode(format, after);
  if (!reg.hit || !fault_->how.persistent()) {
    landed_ = {};
    landed_.value_before = before;
    landed_.value_after = after;
    landed_.place = fold.base;
    const bool moves = sum || fault_->which == ArrayRegister::west;
    const bool one_row = fold.steps_are_rows ? moves : fault_->which != ArrayRegister::west;
    landed_.place.query_row =
        one_row ? fold.base.query_row +
                      static_cast<std::int32_t>(fold.steps_are_rows ? reg.step : fault_->col)
                : -1;
  }
  reg.hit = true;
}

FaultOutcome StationaryOracle::run(const std::vector<StationaryFold>& folds,
                                   const ArrayFault* fault,
                                   const std::function<void(std::uint64_t)>& after_cycle) {
  pes_.assign(std::size_t{rows_} * cols_, Pe{});
  reads_.assign(static_cast<std::size_t>(ArrayRegister::sum) + 1, {});
  fault_ = fault;
  outcome_ = landed_ = {};
  delivered_ = 0;
  std::uint64_t end = fault != nullptr ? fault->cycle : 0, expected = 0;
  for (const StationaryFold& fold : folds) {
    expected += std::uint64_t{fold.steps} * fold.cols;
    end = std::max(end, fold.start + fold.steps + rows_ + fold.cols - 1);
  }
  for (cycle_ = 0; cycle_ <= end; ++cycle_) {
    step(folds);
    strike();
    if (after_cycle) after_cycle(cycle_);
  }
  if (delivered_ != expected) throw std::runtime_error("oracle: outputs are missing");
  return outcome_;
}

float StationaryOracle::value(ArrayRegister which, std::uint32_t row, std::uint32_t col) const {
  auto& self = const_cast<StationaryOracle&>(*this);
  return register_of(self.at(row, col), which).value;
}

bool StationaryOracle::written(ArrayRegister which, std::uint32_t row, std::uint32_t col) const {
  auto& self = const_cast<StationaryOracle&>(*this);
  return register_of(self.at(row, col), which).fresh;
}

const StationaryOracle::Reads& StationaryOracle::reads(ArrayRegister which) const {
  return reads_[static_cast<std::size_t>(which)];
}

}  // namespace attnguard
