#include "models/systolic_array/pass_flip.h"

#include "models/numerics/kernels.h"

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

void flip_west(const ArrayPass& pass, const ArrayFault& flip, std::uint32_t operand,
               PassChange& change, FaultOutcome& outcome) {
  LaneTile& line = change.operands;
  gather(pass.west + flip.row, pass.west_stride, pass.depth, line);
  line[operand] = flipped(pass.west_format, line[operand], flip, pass, outcome);
  change.first_row = flip.row;
  change.rows = 1;
  change.first_col = flip.col;
  change.cols = pass.cols - flip.col;
  // Columns are the lanes: a product does not care which factor is called west.
  matmul_tile(pass.north + flip.col, line.data(), change.values.data(), pass.depth, 1, change.cols,
              pass.north_stride, 1);
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
  matmul_tile(pass.west + flip.row, line.data(), change.values.data(), pass.depth, 1, change.rows,
              pass.west_stride, 1);
}

/// The sum after `products` products is flipped and carried on.
void flip_sum(const ArrayPass& pass, const ArrayFault& flip, std::uint32_t products,
              PassChange& change, FaultOutcome& outcome) {
  const float* west = pass.west + flip.row;
  const float* north = pass.north + flip.col;
  float sum = 0.0F;
  matmul_resume(west, north, &sum, products, 1, pass.west_stride, pass.north_stride);
  sum = flipped(Format::float32, sum, flip, pass, outcome);
  matmul_resume(west + products * pass.west_stride, north + products * pass.north_stride, &sum,
                pass.depth - products, 1, pass.west_stride, pass.north_stride);
  change.first_row = flip.row;
  change.first_col = flip.col;
  change.rows = change.cols = 1;
  change.values[0] = canonical(sum);
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
  }
  return true;
}

}  // namespace attnguard
