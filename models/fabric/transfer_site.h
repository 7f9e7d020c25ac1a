// The transactions of a TLM link as a fault site: link.<name>.transfer.
//
// One transaction crosses per cycle: those that are made in the same cycle follow each other, so
// that a cycle names at most one. Plain C++.
#pragma once

#include <cstdint>
#include <string>

#include "models/fault_injector/register_tap.h"

namespace attnguard {

class TransferSite {
 public:
  explicit TransferSite(LiveLog& log) : log_(log) {}
  void declare(FaultUniverse& universe, const std::string& link, std::uint32_t address_bits,
               Domain domain);

  void reset() { free_ = 0; }
  /// Cycle in which the transaction made at `now` crosses. Needs every transaction of the run for
  /// as long as one is recorded or a fault is pending; faults are armed before the run starts.
  std::uint64_t cross(std::uint64_t now) {
    const std::uint64_t cycle = now > free_ ? now : free_;
    free_ = cycle + 1;
    return cycle;
  }
  void record(std::uint64_t cycle, const TileId& tile);
  /// The armed fault that strikes the transaction of `cycle`, if one does; counts it for probes.
  ArmedFault* struck(RegisterTap& tap, std::uint64_t cycle) const;
  /// Activates the fault: what became of the address, of the number of arrivals, of the delay or of
  /// the error response.
  static void activate(ArmedFault& armed, std::uint64_t cycle, std::uint64_t address,
                       const Place& place);

  RegisterId reg() const { return reg_; }

 private:
  LiveLog& log_;
  RegisterId reg_ = 0;
  std::uint64_t free_ = 0;
};

}  // namespace attnguard
