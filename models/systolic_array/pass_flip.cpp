#include "models/systolic_array/pass_flip.h"

#include <algorithm>
#include <stdexcept>

#include "models/numerics/matmul.h"

namespace attnguard {
namespace {

Place place_in(const ArrayPass& pass, const ArrayFault& flip) {
  Place place = pass.base;
  place.query_row = flip.which == ArrayRegister::north
                        ? -1
                        : place.query_row + static_cast<std::int32_t>(flip.row);
  return place;
}

float flipped(Format format, float value, const ArrayFault& flip, const ArrayPass& pass,
              FaultOutcome& outcome) {
  const std::uint32_t before = encode(format, value);
  const auto after =
      static_cast<std::uint32_t>(flip.how.applied(before, flip.mask, bits_of(format)));
  outcome = {true, flip.cycle + 1, before, after, place_in(pass, flip)};
  return decode(format, after);
}

/// The operands of one row or column, one after another.
void gather(const float* values, std::size_t stride, std::uint32_t depth, LaneTile& line) {
  line.resize(depth);
  for (std::uint32_t k = 0; k < depth; ++k) line[k] = values[k * stride];
}

/// Columns or rows are the lanes: a product does not care which factor is called west.
void multiply(const ArrayPass& pass, const float* lanes, std::size_t lane_stride,
              std::uint32_t count, PassChange& change) {
  std::fill_n(change.values.begin(), count, 0.0F);
  matmul_onto(pass.sum_format(),
              {lanes, lane_stride, change.operands.data(), 1, pass.depth, 1, count},
              change.values.data(), count);
}

void flip_west(const ArrayPass& pass, const ArrayFault& flip, std::uint32_t operand,
               PassChange& change, FaultOutcome& outcome) {
  LaneTile& line = change.operands;
  gather(pass.west + flip.row, pass.west_stride, pass.depth, line);
  line[operand] = flipped(pass.west_format, line[operand], flip, pass, outcome);
  change.first_row = flip.row;
  change.rows = 1;
  change.first_col = flip.col;
  change.cols = pass.cols - flip.col;
  multiply(pass, pass.north + flip.col, pass.north_stride, change.cols, change);
}

void flip_north(const ArrayPass& pass, const ArrayFault& flip, std::uint32_t operand,
                PassChange& change, FaultOutcome& outcome) {
  LaneTile& line = change.operands;
  gather(pass.north + flip.col, pass.north_stride, pass.depth, line);
  line[operand] = flipped(pass.north_format, line[operand], flip, pass, outcome);
  change.first_row = flip.row;
  change.rows = pass.rows - flip.row;
  change.first_col = flip.col;
  change.cols = 1;
  multiply(pass, pass.west + flip.row, pass.west_stride, change.rows, change);
}

/// The sum after `products` products is flipped and carried on.
void flip_sum(const ArrayPass& pass, const ArrayFault& flip, std::uint32_t products,
              PassChange& change, FaultOutcome& outcome) {
  const float* west = pass.west + flip.row;
  const float* north = pass.north + flip.col;
  const Format format = pass.sum_format();
  float& sum = change.values[0];
  sum = 0.0F;
  matmul_onto(format, {west, pass.west_stride, north, pass.north_stride, products, 1, 1}, &sum, 1);
  sum = flipped(format, sum, flip, pass, outcome);
  west += products * pass.west_stride;
  north += products * pass.north_stride;
  matmul_onto(format,
              {west, pass.west_stride, north, pass.north_stride, pass.depth - products, 1, 1}, &sum,
              1);
  change.first_row = flip.row;
  change.first_col = flip.col;
  change.rows = change.cols = 1;
}

}  // namespace

bool flip_in_pass(const ArrayPass& pass, const ArrayFault& flip, PassChange& change,
                  FaultOutcome& outcome) {
  change.rows = change.cols = 0;
  change.values.resize(kMaxArrayLanes);
  const Format format = format_held(pass, flip.which);
  if ((flip.mask & ((std::uint64_t{1} << bits_of(format)) - 1)) == 0) return false;
  // Cycles since the first operand of the pass reached this element.
  const auto since = static_cast<std::uint32_t>(flip.cycle - pass.start - flip.row - flip.col);
  switch (flip.which) {
    case ArrayRegister::west:
      flip_west(pass, flip, since, change, outcome);
      break;
    case ArrayRegister::north:
      flip_north(pass, flip, since, change, outcome);
      break;
    case ArrayRegister::acc:  // product k is accumulated a cycle after its operands arrived
      flip_sum(pass, flip, since, change, outcome);
      break;
    case ArrayRegister::drain:
      flip_sum(pass, flip, pass.depth, change, outcome);
      break;
    case ArrayRegister::stationary:
    case ArrayRegister::preload:
    case ArrayRegister::sum:
      throw std::logic_error("array pass: no such register");
  }
  return true;
}

}  // namespace attnguard
