// What one flipped register does to the output of the pass that holds it, without stepping: only
// the elements it reaches are computed again, with the tile kernels. Plain C++.
//
// A west operand travels east and reaches the rest of its row, a north operand travels south and
// reaches every row below; an accumulator goes on from the flipped sum; a drain register is the
// output. The stepping array says which operand or sum a register holds in which cycle.
#pragma once

#include <cstdint>

#include "models/numerics/lane_tile.h"
#include "models/systolic_array/stepping_array.h"

namespace attnguard {

/// New values of one row or of one column of a pass's output.
struct PassChange {
  std::uint32_t first_row = 0, rows = 0;
  std::uint32_t first_col = 0, cols = 0;  ///< one of rows and cols is 1
  LaneTile values;                        ///< in the direction that is longer
  LaneTile operands;                      ///< room to work in
};

/// `pass` holds the register of `flip` at its cycle (pass_holds); its `out` is not used. False, and
/// no change, when the mask has no bit of the format held.
bool flip_in_pass(const ArrayPass& pass, const ArrayFault& flip, PassChange& change,
                  FaultOutcome& outcome);

}  // namespace attnguard
