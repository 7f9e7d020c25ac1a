// A small fault universe with live blocks, for tests of sampling and campaigns that need no
// simulation.
#pragma once

#include <vector>

#include "models/fault_injector/fault_universe.h"
#include "src/config/origin.h"

namespace attnguard {

struct ToyHardware {
  FaultUniverse universe;
  std::vector<LiveBlock> blocks;
  std::uint64_t cycles = 60;
  ConfigOrigin origin{"toy.json", {}};
};

/// Function: an accumulator array, an SRAM, a link and a done line. With `checkers`: state of
/// checkers a and b and an alarm line.
inline ToyHardware toy_hardware(bool checkers = true) {
  ToyHardware toy;
  FaultUniverse& u = toy.universe;
  const RegisterId acc = u.declare(
      {"array.pe[{}][{}].acc", {2, 3}, 32, Domain::function, StorageKind::register_file, 1});
  if (checkers) {
    const RegisterId sum = u.declare({"checksum.a.row[{}].sum",
                                      {4},
                                      32,
                                      Domain::safety_mechanism,
                                      StorageKind::register_file,
                                      1});
    toy.blocks.push_back(
        {sum, Format::float32, 0, 10, 8, {4, 1, 1}, {1, 0, 0}, {2, 0, 0}, {0, 0, 0}});
  }
  const RegisterId word =
      u.declare({"k_buffer.word[{}]", {8}, 16, Domain::function, StorageKind::sram, 1});
  const RegisterId link =
      u.declare({"link.array_to_softmax.data", {}, 32, Domain::function, StorageKind::link, 3});
  const RegisterId done =
      u.declare({"line.done.dma", {}, 1, Domain::function, StorageKind::line, 1});
  // PE (i, j) is live from cycle 4 + i + j for 5 + 2i − j cycles, twice, 20 cycles apart.
  toy.blocks.push_back(
      {acc, Format::float32, 0, 4, 5, {2, 3, 2}, {3, 1, 0}, {1, 1, 20}, {2, -1, 0}});
  toy.blocks.push_back(
      {word, Format::bfloat16, 0, 0, 7, {8, 1, 1}, {1, 0, 0}, {1, 0, 0}, {0, 0, 0}});
  toy.blocks.push_back(
      {word, Format::bfloat16, 2, 30, 3, {2, 1, 1}, {4, 0, 0}, {0, 0, 0}, {0, 0, 0}});
  toy.blocks.push_back(
      {link, Format::float32, 0, 40, 1, {3, 4, 1}, {1, 0, 0}, {0, 2, 0}, {0, 0, 0}});
  toy.blocks.push_back({done, Format::flag, 0, 50, 6});
  if (checkers) {
    const RegisterId b = u.declare(
        {"checksum.b.total", {}, 32, Domain::safety_mechanism, StorageKind::register_file, 1});
    const RegisterId alarm =
        u.declare({"line.alarm.a", {}, 1, Domain::safety_mechanism, StorageKind::line, 1});
    toy.blocks.push_back({b, Format::float32, 0, 12, 30});
    toy.blocks.push_back({alarm, Format::flag, 0, 0, 60});
  }
  return toy;
}

}  // namespace attnguard
