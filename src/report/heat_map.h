// Two maps of the same places side by side: which share of the faults is dangerous, and which share
// of the dangerous ones a checker misses.
#pragma once

#include <string>
#include <vector>

#include "src/report/html.h"
#include "src/report/injection_tally.h"

namespace attnguard {

/// Elements of the array; up to 32 × 32 cells, a larger array several elements to the cell.
/// `checkers`: as in the tallies. An empty table without faults there.
Figure array_map(const PlaceTallies& places, const std::vector<std::string>& checkers,
                 const std::string& id);

/// Site class by bit.
Figure bit_map(const PlaceTallies& places, const std::vector<std::string>& checkers,
               const std::string& id);

}  // namespace attnguard
