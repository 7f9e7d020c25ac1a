// A universe with a register class of every kind, for the checks of faults against the hardware.
#pragma once

#include <optional>

#include "src/campaign/faults/plan.h"
#include "tests/support/toy_hardware.h"

namespace attnguard {

/// The toy hardware of the tests, with sums, transactions and the sequencer's state.
inline ToyHardware fuzz_hardware() {
  ToyHardware toy = toy_hardware();
  FaultUniverse& u = toy.universe;
  RegisterClass sum{"softmax.row[{}].sum",      {4}, 32, Domain::function,
                    StorageKind::register_file, 1};
  sum.adder = Adder::per_write;
  toy.blocks.push_back({u.declare(sum), Format::float32, 0, 10, 8, {4, 1, 1}, {1, 0, 0}});
  RegisterClass transfer{"link.dma_to_k_buffer.transfer", {}, 1, Domain::function,
                         StorageKind::transfer,           1};
  transfer.address_bits = 12;
  u.declare(transfer);
  u.declare({"sequencer.key_tile", {}, 16, Domain::function, StorageKind::state, 1});
  return toy;
}

/// Every site but the SRAM is accessed in each of the first 50 cycles.
inline std::optional<std::uint64_t> access_cycle(const ToyHardware& toy, const Fault& probe) {
  if (toy.universe[probe.site.reg].kind == StorageKind::sram || probe.access > 50)
    return std::nullopt;
  return probe.access;
}

}  // namespace attnguard
