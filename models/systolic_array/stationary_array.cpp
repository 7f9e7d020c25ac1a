#include "models/systolic_array/stationary_array.h"

#include <algorithm>
#include <stdexcept>

#include "models/numerics/kernels.h"
#include "models/systolic_array/stepping_array.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/systolic_array/stationary_array.cpp"
#include <hwy/foreach_target.h>
// Highway's own order: after foreach_target.h.
#include <hwy/highway.h>

#include "models/numerics/float-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attnguard {
namespace HWY_NAMESPACE {

// Registers of an array, [rows × stride] each; edge [stride]: what row 0 adds to.
struct Registers {
  std::int64_t rows, stride;
  float *west, *stationary, *preload, *sum, *edge;
};

// Adjacent columns.
struct Columns {
  std::int64_t begin, end;
  std::int64_t count() const { return end - begin; }
};

// sum = above + stationary × west, in adjacent columns of one row.
template <bool kInteger>
HWY_INLINE void multiply(Columns columns, const float* above, const float* HWY_RESTRICT stationary,
                         const float* HWY_RESTRICT west, float* HWY_RESTRICT sum) {
  const hn::CappedTag<float, kLaneAlign> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t j = columns.begin; j < columns.end; j += lanes) {
    const auto used = hn::FirstN(d, static_cast<std::size_t>(columns.end - j));
    const auto value = accumulated<kInteger>(d, hn::LoadU(d, above + j),
                                             hn::LoadU(d, stationary + j), hn::LoadU(d, west + j));
    hn::BlendedStore(value, used, d, sum + j);
  }
}

// One cycle of one fold. From south-east to north-west every register is read before it is
// overwritten.
template <bool kInteger>
void step_fold(const StationaryFold& fold, std::uint64_t cycle, const Registers& array) {
  const std::int64_t rows = fold.rows, cols = fold.cols, steps = fold.steps, zero = 0;
  const auto step_stride = static_cast<std::int64_t>(fold.step_stride);
  const auto col_stride = static_cast<std::int64_t>(fold.col_stride);
  const auto fed = static_cast<std::int64_t>(cycle - fold.start);  // negative while it preloads
  const auto loaded = static_cast<std::int64_t>(cycle - fold.preload);
  // The columns j with 0 <= u − j < steps: they are at step u − j.
  const auto at_step = [&](std::int64_t u) {
    return Columns{std::max(zero, u - steps + 1), std::min(cols, u + 1)};
  };

  const std::int64_t south = fed - array.rows - 1;
  const float* last = array.sum + (array.rows - 1) * array.stride;
  for (Columns c = at_step(south); c.begin < c.end; ++c.begin)
    fold.out[(south - c.begin) * step_stride + c.begin * col_stride] =
        kInteger ? last[c.begin] : canonical(last[c.begin]);

  const Columns north = at_step(fed - 1);
  if (fold.sums == nullptr)
    std::fill(array.edge + north.begin, array.edge + std::max(north.begin, north.end), 0.0F);
  else
    for (std::int64_t j = north.begin; j < north.end; ++j)
      array.edge[j] = fold.sums[(fed - 1 - j) * step_stride + j * col_stride];

  for (std::int64_t i = array.rows - 1; i >= 0; --i) {
    float* sum = array.sum + i * array.stride;
    const float* above = i > 0 ? sum - array.stride : array.edge;
    const Columns multiplied = at_step(fed - 1 - i);
    if (i >= rows) {
      if (multiplied.count() > 0)
        std::copy(above + multiplied.begin, above + multiplied.end, sum + multiplied.begin);
      continue;
    }
    float* west = array.west + i * array.stride;
    float* stationary = array.stationary + i * array.stride;
    float* preload = array.preload + i * array.stride;
    multiply<kInteger>(multiplied, above, stationary, west, sum);

    if (fed >= i && fed - i < cols) stationary[fed - i] = preload[fed - i];
    if (const Columns latched = at_step(fed - i); latched.count() > 0) {
      const bool edge = latched.begin == 0;
      std::copy_backward(west + latched.begin - (edge ? 0 : 1), west + latched.end - 1,
                         west + latched.end);
      if (edge) west[0] = fold.moving[i * static_cast<std::int64_t>(fold.moving_stride) + fed - i];
    }
    // Row n from the south is at its n-th step down; in row i are those that go on or stay.
    const Columns shifted{std::max(zero, loaded - rows + 1), std::min(cols, loaded - i + 1)};
    for (std::int64_t j = shifted.begin; j < shifted.end; ++j)
      preload[j] = i > 0 ? preload[j - array.stride]
                         : fold.stationary[(rows - 1 - (loaded - j)) *
                                               static_cast<std::int64_t>(fold.stationary_stride) +
                                           j];
  }
}

// Cycles begin .. end − 1. A PE is done with one fold before the next reaches it, so folds may be
// stepped one after the other, the earlier first.
void step_folds(const StationaryFold* folds, std::size_t count, std::uint64_t begin,
                std::uint64_t end, std::size_t rows, std::size_t stride, float* west,
                float* stationary, float* preload, float* sum, float* edge) {
  const Registers array{static_cast<std::int64_t>(rows),
                        static_cast<std::int64_t>(stride),
                        west,
                        stationary,
                        preload,
                        sum,
                        edge};
  for (std::uint64_t cycle = begin; cycle < end; ++cycle)
    for (const StationaryFold* fold = folds; fold != folds + count; ++fold) {
      if (fold->preload > cycle) break;
      if (fold->sum_format() == Format::int32)
        step_fold<true>(*fold, cycle, array);
      else
        step_fold<false>(*fold, cycle, array);
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace attnguard
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attnguard {

HWY_EXPORT(step_folds);

namespace {

// In which cycles the register's value after the update belongs to the fold and is still read.
HeldCycles held_cycles(const StationaryFold& fold, std::uint32_t array_rows, ArrayRegister which,
                       std::uint32_t row, std::uint32_t col) {
  const std::uint64_t fed = fold.start + row + col;  // moving operand 0 is latched
  if (row >= (which == ArrayRegister::sum ? array_rows : fold.rows) || col >= fold.cols) return {};
  switch (which) {
    case ArrayRegister::west:
    case ArrayRegister::stationary:
      return {fed, fed + fold.steps};
    case ArrayRegister::preload:
      return {fold.preload + row + col, fed};
    case ArrayRegister::sum:
      return {fed + 1, fed + fold.steps + 1};
    case ArrayRegister::north:
    case ArrayRegister::acc:
    case ArrayRegister::drain:
      break;
  }
  throw std::logic_error("stationary array: no such register");
}

Format format_held(const StationaryFold& fold, ArrayRegister which) {
  if (which == ArrayRegister::sum) return fold.sum_format();
  return which == ArrayRegister::west ? fold.moving_format : fold.stationary_format;
}

// Operands move on in the next cycle, save those that wait in preload for the start of their fold.
std::uint64_t read_cycle(const StationaryFold& fold, const ArrayFault& fault, std::uint64_t cycle) {
  const bool waits =
      fault.which == ArrayRegister::preload && cycle + 1 >= fold.preload + fault.col + fold.rows;
  return waits ? fold.start + fault.row + fault.col : cycle + 1;
}

// The output row that the value has a part in, if it is one.
Place place_in(const StationaryFold& fold, const ArrayFault& fault, std::uint64_t cycle) {
  Place place = fold.base;
  std::int64_t row = -1;
  if (fault.which == ArrayRegister::stationary && !fold.steps_are_rows) row = fault.col;
  if (fault.which == ArrayRegister::west && fold.steps_are_rows)
    row = static_cast<std::int64_t>(cycle - fold.start) - fault.row - fault.col;
  if (fault.which == ArrayRegister::preload && !fold.steps_are_rows) row = fault.col;
  if (fault.which == ArrayRegister::sum)
    row = fold.steps_are_rows
              ? static_cast<std::int64_t>(cycle - fold.start) - fault.row - fault.col - 1
              : fault.col;
  place.query_row = row < 0 ? -1 : place.query_row + static_cast<std::int32_t>(row);
  return place;
}

}  // namespace

bool fold_holds(const StationaryFold& fold, std::uint32_t array_rows, ArrayRegister which,
                std::uint32_t row, std::uint32_t col, std::uint64_t cycle) {
  return held_cycles(fold, array_rows, which, row, col).contains(cycle);
}

StationaryArray::StationaryArray(std::uint32_t rows, std::uint32_t cols)
    : rows_(rows), cols_(cols), stride_(lane_stride(cols)) {
  require_array(rows > 0 && rows <= kMaxArrayLanes && cols > 0 && cols <= kMaxArrayLanes,
                "array: 1 to 128 rows and columns");
  reset();
}

void StationaryArray::reset() {
  restart();
  disarm();
}

void StationaryArray::restart() {
  // A vector that starts at any column may be read whole.
  for (LaneTile* tile : {&west_, &stationary_, &preload_, &sum_})
    tile->assign(rows_ * stride_ + kLaneAlign, 0.0F);
  edge_.assign(stride_ + kLaneAlign, 0.0F);
  folds_.clear();
  now_ = preload_free_ = feed_free_ = 0;
}

void StationaryArray::feed(const StationaryFold& fold) {
  fold.sum_format();  // throws if only one operand is int8
  require_array(fold.steps > 0, "array fold: no moving operands");
  require_array(fold.rows > 0 && fold.rows <= rows_ && fold.cols > 0 && fold.cols <= cols_,
                "array fold: more lanes than the array has, or none");
  require_array(fold.preload >= now_ && fold.preload >= preload_free_,
                "array fold: preloads before the operands there are in use");
  require_array(fold.start >= fold.preload + fold.rows,
                "array fold: starts before it is preloaded");
  require_array(fold.start >= feed_free_, "array fold: starts before the edge is free");
  for (const StationaryFold& before : folds_)
    require_array(
        fold.sums == nullptr || fold.sums != before.out || fold.start >= before.start + rows_ + 1,
        "array fold: starts before its sums are there");
  preload_free_ = fold.start;
  feed_free_ = fold.start + fold.steps;
  folds_.push_back(fold);
}

void StationaryArray::advance_to(std::uint64_t cycle) {
  while (now_ < cycle) {
    std::optional<std::uint64_t> busy;
    if (!folds_.empty()) busy = folds_.front().preload;
    std::uint64_t end = faults_.empty() ? cycle : faults_.next_stop(now_, busy, cycle);
    if (busy && *busy < end) {
      now_ = std::max(now_, *busy);
      end = std::min(end, last_cycle(folds_.front()) + 1);
      HWY_DYNAMIC_DISPATCH(step_folds)
      (folds_.data(), folds_.size(), now_, end, rows_, stride_, west_.data(), stationary_.data(),
       preload_.data(), sum_.data(), edge_.data());
    }
    now_ = end;
    if (!faults_.empty())
      faults_.apply(now_ - 1, [&](const ArrayFault& fault) { return held(fault, now_ - 1); });
    folds_.erase(
        std::remove_if(folds_.begin(), folds_.end(),
                       [&](const StationaryFold& fold) { return last_cycle(fold) < now_; }),
        folds_.end());
  }
}

void StationaryArray::arm(const ArrayFault& fault) {
  require_array(fault.row < rows_ && fault.col < cols_, "array fault: no such PE");
  require_array(fault.how.persistent() || fault.cycle >= now_, "array fault: cycle is past");
  faults_.arm(fault);
}

bool StationaryArray::strikes(const StationaryFold& fold) const {
  return faults_.any([&](const ArrayFault& fault) {
    return held_cycles(fold, rows_, fault.which, fault.row, fault.col).meet(fault);
  });
}

std::optional<HeldValue> StationaryArray::held(const ArrayFault& fault, std::uint64_t cycle) {
  for (const StationaryFold& fold : folds_)
    if (fold_holds(fold, rows_, fault.which, fault.row, fault.col, cycle))
      return HeldValue{cell(fault.which, fault.row, fault.col), format_held(fold, fault.which),
                       read_cycle(fold, fault, cycle), place_in(fold, fault, cycle)};
  return std::nullopt;
}

float* StationaryArray::cell(ArrayRegister which, std::uint32_t row, std::uint32_t col) {
  const std::size_t at = row * stride_ + col;
  switch (which) {
    case ArrayRegister::west:
      return &west_[at];
    case ArrayRegister::stationary:
      return &stationary_[at];
    case ArrayRegister::preload:
      return &preload_[at];
    case ArrayRegister::sum:
      return &sum_[at];
    case ArrayRegister::north:
    case ArrayRegister::acc:
    case ArrayRegister::drain:
      break;
  }
  throw std::logic_error("stationary array: no such register");
}

float StationaryArray::value(ArrayRegister which, std::uint32_t row, std::uint32_t col) const {
  return *const_cast<StationaryArray*>(this)->cell(which, row, col);
}

}  // namespace attnguard
#endif  // HWY_ONCE
