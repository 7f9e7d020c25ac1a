// When the sequencer did what in a recorded run.
#pragma once

#include <cstdint>
#include <vector>

#include "models/fabric/line_wait.h"

namespace attnguard {

/// All in cycles; indices as in Program.
struct Schedule {
  struct Load {
    std::uint64_t issued = 0;
    LineWait done;
  };
  struct Operation {
    std::uint64_t ready = 0;  ///< the place of the operation before it is free
    std::uint64_t issued = 0;
    LineWait done;  ///< none after the last operation
  };
  struct Tile {
    std::uint64_t opened = 0;
    LineWait written;
    LineWait store_free;
    std::uint64_t stored = 0;   ///< store command issued
    std::uint64_t drained = 0;  ///< its last partial rows cross; then the o buffer takes it
  };
  std::vector<Load> loads;
  std::vector<Operation> operations;
  std::vector<Tile> tiles;
  LineWait last_store;
};

}  // namespace attnguard
