// Faults for tests that run many of them, and which of them hit a live bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "models/fault_injector/fault.h"
#include "tests/support/float_samples.h"

namespace attnguard {

/// Live cycles as [start, end) by register, instance (on a link: lane) and bit.
class LiveMap {
 public:
  LiveMap(const FaultUniverse& universe, const std::vector<LiveBlock>& blocks);
  bool live(const Fault& fault) const;

 private:
  struct Piece {
    std::uint64_t start, end;
    std::uint32_t bits;
  };
  void add(const LiveBlock& block, std::uint32_t i, std::uint32_t j, std::uint32_t k);

  const FaultUniverse& universe_;
  std::map<std::pair<RegisterId, std::uint32_t>, std::vector<Piece>> pieces_;
};

/// `per_class` flips in every register class, anywhere in the run, and as many in its live cells.
std::vector<Fault> random_faults(const FaultUniverse& universe,
                                 const std::vector<LiveBlock>& blocks, std::uint64_t cycles,
                                 std::size_t per_class, FloatSamples& samples);

/// `per_model` faults of every model in the transactions of every link, nearly all of which strike.
std::vector<Fault> random_transfer_faults(const FaultUniverse& universe,
                                          const std::vector<LiveBlock>& blocks,
                                          std::uint64_t cycles, std::size_t per_model,
                                          FloatSamples& samples);

/// Gives every fault one of the models its site can have, with random parameters.
void vary_models(std::vector<Fault>& faults, const FaultUniverse& universe, FloatSamples& samples);

}  // namespace attnguard
