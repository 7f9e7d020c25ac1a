#include "models/systolic_array/stepping_array.h"

#include <algorithm>
#include <stdexcept>

#include "models/numerics/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/systolic_array/stepping_array.cpp"
#include <hwy/foreach_target.h>
// Highway's own order: after foreach_target.h.
#include <hwy/highway.h>

#include "models/numerics/float-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attnguard {
namespace HWY_NAMESPACE {

constexpr float kNoOperand[kMaxArrayLanes] = {};

// What row 0 sees at its west end in one cycle; row i sees the same i cycles later.
struct EdgeCycle {
  std::uint64_t latches[2];  // bit j: column j latches an operand
  std::uint64_t starts[2];   // bit j: the first operand of its pass
  const float* west;         // operands entering column 0, one per row
};

// Word `word` of a bit string with bits begin .. end − 1 set.
HWY_INLINE std::uint64_t bits_between(std::int64_t word, std::int64_t begin, std::int64_t end) {
  const auto below = [word](std::int64_t bit) {
    const std::int64_t n = bit - 64 * word;
    return n <= 0 ? 0 : n >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1;
  };
  return below(end) & ~below(begin);
}

// timeline[0] is cycle `first_cycle`.
void fill_timeline(const ArrayPass* passes, std::size_t count, std::int64_t first_cycle,
                   std::int64_t cycles, EdgeCycle* timeline) {
  std::fill(timeline, timeline + cycles, EdgeCycle{{0, 0}, {0, 0}, kNoOperand});
  for (const ArrayPass* pass = passes; pass != passes + count; ++pass) {
    const std::int64_t depth = pass->depth, cols = pass->cols;
    const std::int64_t offset = first_cycle - static_cast<std::int64_t>(pass->start);
    const std::int64_t end = std::min(cycles, depth + cols - 1 - offset);
    for (std::int64_t n = std::max<std::int64_t>(0, -offset); n < end; ++n) {
      const std::int64_t u = n + offset;  // column j latches operand u − j
      for (std::int64_t word = 0; word * 64 < cols; ++word) {
        timeline[n].latches[word] |= bits_between(word, u - depth + 1, std::min(cols, u + 1));
      }
      if (u < cols) timeline[n].starts[u / 64] |= std::uint64_t{1} << (u % 64);
      if (u >= depth) continue;
      timeline[n].west = pass->west + static_cast<std::size_t>(u) * pass->west_stride;
    }
  }
}

// Column bus, drains and the skewed north edge in cycle u = cycle − start of a pass.
template <bool kInteger>
HWY_INLINE void step_edges(const ArrayPass& pass, std::int64_t u, std::size_t stride,
                           float* HWY_RESTRICT edge, const float* HWY_RESTRICT acc,
                           float* HWY_RESTRICT drain) {
  const std::int64_t depth = pass.depth, rows = pass.rows, cols = pass.cols, zero = 0;
  const auto step = static_cast<std::int64_t>(stride);
  const std::int64_t read = u - depth - 2, copied = read + 1;  // row + column of the PEs concerned
  for (std::int64_t i = std::max(zero, read - cols + 1); i <= std::min(rows - 1, read); ++i) {
    pass.out[(read - i) * static_cast<std::int64_t>(pass.out_stride) + i] =
        drain[i * step + read - i];
  }
  for (std::int64_t i = std::max(zero, copied - cols + 1); i <= std::min(rows - 1, copied); ++i) {
    const float sum = acc[i * step + copied - i];
    drain[i * step + copied - i] = kInteger || sum == sum ? sum : canonical(sum);
  }
  for (std::int64_t j = std::max(zero, u - depth + 1); j <= std::min(cols - 1, u); ++j) {
    edge[j] = pass.north[(u - j) * static_cast<std::int64_t>(pass.north_stride) + j];
  }
}

// Products and operand moves of one cycle, `now` in the timeline. `north` is row 0, the edge lies
// one row before.
template <bool kInteger>
HWY_INLINE void step_rows(std::int64_t rows, std::int64_t cols, const EdgeCycle* now,
                          std::size_t stride, float* HWY_RESTRICT west, float* HWY_RESTRICT north,
                          float* HWY_RESTRICT acc) {
  const hn::CappedTag<float, kLaneAlign> d;
  constexpr auto kLanes = static_cast<std::int64_t>(hn::MaxLanes(d));
  alignas(64) static constexpr std::int32_t kEast[kLaneAlign] = {0, 0, 1, 2,  3,  4,  5,  6,
                                                                 7, 8, 9, 10, 11, 12, 13, 14};
  const auto east = hn::SetTableIndices(d, kEast);
  const auto leftmost = hn::FirstN(d, 1);
  const auto lanes_of = [&](const std::uint64_t(&bits)[2], std::int64_t j0) {
    const std::uint64_t word = bits[j0 / 64] >> (j0 % 64);
    return hn::LoadMaskBits(d, reinterpret_cast<const std::uint8_t*>(&word));
  };

  // In place: from south-east to north-west every register is read before it is overwritten.
  for (std::int64_t j0 = (cols - 1) / kLanes * kLanes; j0 >= 0; j0 -= kLanes) {
    // A PE multiplies in the cycle after it latched.
    auto multiplies = lanes_of(now[-rows].latches, j0);
    for (std::int64_t i = rows - 1; i >= 0; --i) {
      const EdgeCycle* edge = now - i;
      const std::size_t at = static_cast<std::size_t>(i) * stride + static_cast<std::size_t>(j0);
      const auto w = hn::Load(d, west + at), n = hn::Load(d, north + at), a = hn::Load(d, acc + at);
      const auto sum =
          accumulated<kInteger>(d, hn::IfThenZeroElse(lanes_of(edge[-1].starts, j0), a), w, n);
      hn::Store(hn::IfThenElse(multiplies, sum, a), d, acc + at);
      const auto latches = lanes_of(edge->latches, j0);
      const auto from_west = hn::Set(d, j0 > 0 ? west[at - 1] : edge->west[i]);
      const auto moved = hn::IfThenElse(leftmost, from_west, hn::TableLookupLanes(w, east));
      hn::Store(hn::IfThenElse(latches, moved, w), d, west + at);
      hn::Store(hn::IfThenElse(latches, hn::Load(d, north + at - stride), n), d, north + at);
      multiplies = latches;  // row i − 1 sees the timeline one cycle later
    }
  }
}

// Cycles begin .. end − 1, at most kArrayBatchCycles, of consecutive passes that use the same
// number of rows and the same format of sums.
template <bool kInteger>
void step_passes(const ArrayPass* passes, std::size_t count, std::uint64_t begin, std::uint64_t end,
                 std::size_t stride, float* west, float* north, float* acc, float* drain) {
  EdgeCycle timeline[kMaxArrayLanes + kArrayBatchCycles];
  const std::int64_t rows = passes->rows;
  const auto cycles = static_cast<std::int64_t>(end - begin);
  fill_timeline(passes, count, static_cast<std::int64_t>(begin) - rows, rows + cycles, timeline);
  std::uint32_t cols = 0;
  for (std::size_t p = 0; p < count; ++p) cols = std::max(cols, passes[p].cols);

  for (std::int64_t n = 0; n < cycles; ++n) {
    const std::uint64_t cycle = begin + static_cast<std::uint64_t>(n);
    for (const ArrayPass* pass = passes; pass != passes + count; ++pass) {
      if (pass->start > cycle || pass->last_cycle() < cycle) continue;
      step_edges<kInteger>(*pass, static_cast<std::int64_t>(cycle - pass->start), stride,
                           north - stride, acc, drain);
    }
    step_rows<kInteger>(rows, cols, timeline + rows + n, stride, west, north, acc);
  }
}

void step_float_passes(const ArrayPass* passes, std::size_t count, std::uint64_t begin,
                       std::uint64_t end, std::size_t stride, float* west, float* north, float* acc,
                       float* drain) {
  step_passes<false>(passes, count, begin, end, stride, west, north, acc, drain);
}

void step_integer_passes(const ArrayPass* passes, std::size_t count, std::uint64_t begin,
                         std::uint64_t end, std::size_t stride, float* west, float* north,
                         float* acc, float* drain) {
  step_passes<true>(passes, count, begin, end, stride, west, north, acc, drain);
}

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace HWY_NAMESPACE
}  // namespace attnguard
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attnguard {

HWY_EXPORT(step_float_passes);
HWY_EXPORT(step_integer_passes);
HWY_EXPORT(target_name);

Format format_held(const ArrayPass& pass, ArrayRegister which) {
  switch (which) {
    case ArrayRegister::west:
      return pass.west_format;
    case ArrayRegister::north:
      return pass.north_format;
    case ArrayRegister::acc:
    case ArrayRegister::drain:
      return pass.sum_format();
    case ArrayRegister::stationary:
    case ArrayRegister::preload:
    case ArrayRegister::sum:
      break;
  }
  throw std::logic_error("array pass: no such register");
}

namespace {

// In which cycles the register's value after the update belongs to the pass and is read in the
// next.
HeldCycles held_cycles(const ArrayPass& pass, ArrayRegister which, std::uint32_t row,
                       std::uint32_t col) {
  if (row >= pass.rows || col >= pass.cols) return {};
  const std::uint64_t reached = pass.start + row + col;  // operand 0 is latched
  switch (which) {
    case ArrayRegister::west:
    case ArrayRegister::north:
      return {reached, reached + pass.depth};
    case ArrayRegister::acc:
      return {reached + 1, reached + pass.depth + 1};
    case ArrayRegister::drain:
      return {reached + pass.depth + 1, reached + pass.depth + 2};
    case ArrayRegister::stationary:
    case ArrayRegister::preload:
    case ArrayRegister::sum:
      break;
  }
  return {};
}

}  // namespace

bool pass_holds(const ArrayPass& pass, ArrayRegister which, std::uint32_t row, std::uint32_t col,
                std::uint64_t cycle) {
  return held_cycles(pass, which, row, col).contains(cycle);
}

bool fault_meets(const ArrayPass& pass, const ArrayFault& fault) {
  return held_cycles(pass, fault.which, fault.row, fault.col).meet(fault);
}

SteppingArray::SteppingArray(std::uint32_t rows, std::uint32_t cols)
    : rows_(rows), cols_(cols), stride_(lane_stride(cols)) {
  require_array(rows > 0 && rows <= kMaxArrayLanes && cols > 0 && cols <= kMaxArrayLanes,
                "array: 1 to 128 rows and columns");
  reset();
}

void SteppingArray::reset() {
  restart();
  disarm();
}

void SteppingArray::restart() {
  west_.assign(rows_ * stride_, 0.0F);
  north_.assign((rows_ + 1) * stride_, 0.0F);
  acc_.assign(rows_ * stride_, 0.0F);
  drain_.assign(rows_ * stride_, 0.0F);
  passes_.clear();
  now_ = feed_free_ = bus_free_ = 0;
}

void SteppingArray::abandon(std::uint64_t cycle) {
  restart();
  now_ = feed_free_ = cycle;
  faults_.abandon(cycle);
}

void SteppingArray::feed(const ArrayPass& pass) {
  require_array(pass.depth > 0, "array pass: no operands");
  pass.sum_format();  // throws if only one operand is int8
  require_array(pass.rows > 0 && pass.rows <= rows_ && pass.cols > 0 && pass.cols <= cols_,
                "array pass: more lanes than the array has, or none");
  require_array(pass.start >= now_ && pass.start >= feed_free_,
                "array pass: starts before the edge is free");
  require_array(pass.start + pass.depth >= bus_free_,
                "array pass: drains before the column bus is free");
  feed_free_ = pass.start + pass.depth;
  bus_free_ = pass.start + pass.depth + pass.rows;
  passes_.push_back(pass);
}

void SteppingArray::advance_to(std::uint64_t cycle) {
  while (now_ < cycle) {
    std::optional<std::uint64_t> busy;
    if (!passes_.empty()) busy = passes_.front().start;
    std::uint64_t end = faults_.empty() ? cycle : faults_.next_stop(now_, busy, cycle);
    if (busy && *busy < end) {
      now_ = std::max(now_, *busy);
      end = std::min(end, now_ + kArrayBatchCycles);
      step_to(end);
    }
    now_ = end;
    if (!faults_.empty())
      faults_.apply(now_ - 1, [&](const ArrayFault& fault) { return held(fault, now_ - 1); });
    passes_.erase(std::remove_if(passes_.begin(), passes_.end(),
                                 [&](const ArrayPass& pass) { return pass.last_cycle() < now_; }),
                  passes_.end());
  }
}

// A PE is done with one pass before the next reaches it, so passes may be stepped one group after
// the other.
void SteppingArray::step_to(std::uint64_t end) {
  const auto in_flight = std::find_if(passes_.begin(), passes_.end(),
                                      [&](const ArrayPass& pass) { return pass.start >= end; });
  for (auto first = passes_.begin(); first != in_flight;) {
    const auto last = std::find_if(first, in_flight, [&](const ArrayPass& pass) {
      return pass.rows != first->rows || pass.sum_format() != first->sum_format();
    });
    const auto step = [&](auto step_passes) {
      step_passes(&*first, static_cast<std::size_t>(last - first), now_, end, stride_, west_.data(),
                  north_.data() + stride_, acc_.data(), drain_.data());
    };
    if (first->sum_format() == Format::int32)
      step(HWY_DYNAMIC_DISPATCH(step_integer_passes));
    else
      step(HWY_DYNAMIC_DISPATCH(step_float_passes));
    first = last;
  }
}

void SteppingArray::arm(const ArrayFault& fault) {
  require_array(fault.row < rows_ && fault.col < cols_, "array fault: no such PE");
  require_array(fault.how.persistent() || fault.cycle >= now_, "array fault: cycle is past");
  faults_.arm(fault);
}

bool SteppingArray::strikes(const ArrayPass& pass) const {
  return faults_.any([&](const ArrayFault& fault) { return fault_meets(pass, fault); });
}

/// What the register holds after the update of `cycle`; it is read in the next.
std::optional<HeldValue> SteppingArray::held(const ArrayFault& fault, std::uint64_t cycle) {
  for (const ArrayPass& pass : passes_) {
    if (!pass_holds(pass, fault.which, fault.row, fault.col, cycle)) continue;
    Place place = pass.base;
    place.query_row = fault.which == ArrayRegister::north
                          ? -1
                          : place.query_row + static_cast<std::int32_t>(fault.row);
    return HeldValue{cell(fault.which, fault.row, fault.col), format_held(pass, fault.which),
                     cycle + 1, place};
  }
  return std::nullopt;
}

float* SteppingArray::cell(ArrayRegister which, std::uint32_t row, std::uint32_t col) {
  const std::size_t at = row * stride_ + col;
  switch (which) {
    case ArrayRegister::west:
      return &west_[at];
    case ArrayRegister::north:
      return &north_[at + stride_];
    case ArrayRegister::acc:
      return &acc_[at];
    case ArrayRegister::drain:
      return &drain_[at];
    case ArrayRegister::stationary:
    case ArrayRegister::preload:
    case ArrayRegister::sum:
      break;
  }
  throw std::logic_error("array: no such register");
}

float SteppingArray::value(ArrayRegister which, std::uint32_t row, std::uint32_t col) const {
  return *const_cast<SteppingArray*>(this)->cell(which, row, col);
}

const char* stepping_array_target() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

}  // namespace attnguard
#endif  // HWY_ONCE
