// What the sequencer has to do for a job: loads, array operations and output tiles with their
// dependencies. Plain C++.
//
// Order: kv heads, the query heads that share one, query tiles; within a query tile S0 S1 PV0 S2
// PV1 …. Everything is listed in issue order.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "models/accelerator/job_layout.h"
#include "models/fabric/commands.h"

namespace attnguard {

/// An operation of the array and what must have happened before it is issued.
struct ProgramOperation {
  ArrayCommand command;
  std::uint32_t loads_needed = 0;  ///< load chains that must be complete
  std::uint32_t output_tile = 0;   ///< P·V: index of the output tile it adds to, in job order
};

/// A load chain and the operation that must have read its operands before the halves may be
/// overwritten.
struct ProgramLoad {
  LoadCommand command;
  std::uint32_t operations_retired = 0;  ///< array operations that must have finished reading
};

struct ProgramTile {
  AccumulatorCommand accumulate;
  StoreCommand store;
};

struct Program {
  std::vector<ProgramLoad> loads;
  std::vector<ProgramOperation> operations;
  std::vector<ProgramTile> tiles;
};

/// Sizes of a half of the q, k, v and o buffer, in bytes.
using HalfBytes = std::array<std::uint64_t, 4>;

/// Where a program begins.
struct ProgramStart {
  std::uint32_t tile = 0;            ///< output tile, in job order
  std::uint32_t key_tile = 0;        ///< of that tile; what comes before it is done
  std::uint32_t half = 0, bank = 0;  ///< TileContext's, of that key tile
};

/// The job from `start` on, as if nothing were loaded; indices count from there.
Program make_program(const JobLayout& layout, const HalfBytes& half_bytes, ProgramStart start = {});

}  // namespace attnguard
