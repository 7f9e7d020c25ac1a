// Commands the sequencer writes to the units' command registers, and the memory map they live in.
#pragma once

#include <cstdint>

#include "models/fabric/tile.h"

namespace attnguard {

/// Command windows behind the router; one per command register.
enum class CommandWindow : std::uint64_t { load = 0, store, array, accumulator, count };
inline constexpr std::uint64_t kWindowBytes = 4096;
constexpr std::uint64_t command_address(CommandWindow window) {
  return static_cast<std::uint64_t>(window) * kWindowBytes;
}

/// Why the sequencer could not issue an array command earlier.
enum class WaitedFor : std::uint8_t { command, load, accumulator };

enum class BufferId : std::uint8_t { q, k, v, o };

/// A tile between external memory and a buffer: `groups` × `beats` lines, stored one after another.
struct TileTransfer {
  BufferId buffer = BufferId::q;
  std::uint64_t external_address = 0;  ///< bytes
  std::uint64_t buffer_address = 0;    ///< bytes
  std::uint32_t groups = 1, beats = 1;
  std::uint32_t lanes = 1, last_group_lanes = 1;  ///< used elements of a line
  TileContext tile;
};

/// A chain of loads: their requests follow each other, so the memory latency is paid once.
struct LoadCommand {
  std::uint32_t count = 0;
  TileTransfer transfers[3];
};
struct StoreCommand {
  TileTransfer transfer;
};

enum class ArrayOperation : std::uint8_t { scores, values };
struct ArrayCommand {
  ArrayOperation operation = ArrayOperation::scores;
  WaitedFor waited_for = WaitedFor::command;
  std::uint32_t query_half = 0;                ///< parity of the query tile in the whole job
  std::uint64_t q_address = 0, k_address = 0;  ///< scores
  std::uint64_t v_address = 0;                 ///< values
  TileContext tile;
};

/// Opens an output tile; `done` when it stands in the o buffer.
struct AccumulatorCommand {
  std::uint64_t o_address = 0;
  TileContext tile;
};

}  // namespace attnguard
