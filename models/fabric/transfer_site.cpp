#include "models/fabric/transfer_site.h"

#include <algorithm>

namespace attnguard {

void TransferSite::declare(FaultUniverse& universe, const std::string& link,
                           std::uint32_t address_bits, Domain domain) {
  RegisterClass cls;
  cls.path = "link." + link + ".transfer";
  cls.bits = std::max(1U, address_bits);
  cls.domain = domain;
  cls.kind = StorageKind::transfer;
  cls.address_bits = address_bits;
  reg_ = universe.declare(cls);
}

void TransferSite::record(std::uint64_t cycle, const TileId& tile) {
  LiveBlock block;
  block.reg = reg_;
  block.format = Format::flag;
  block.start = cycle;
  block.tile = tile;
  log_.add(block);
}

ArmedFault* TransferSite::struck(RegisterTap& tap, std::uint64_t cycle) const {
  ArmedFault* strikes = nullptr;
  for (ArmedFault& armed : tap.armed()) {
    if (armed.spent || armed.fault.site.reg != reg_) continue;
    if (armed.fault.how.model == FaultModel::probe)
      armed.count(cycle);
    else if (armed.fault.cycle == cycle && strikes == nullptr)
      strikes = &armed;
  }
  return strikes;
}

void TransferSite::activate(ArmedFault& armed, std::uint64_t cycle, std::uint64_t address,
                            const Place& place) {
  const Fault& fault = armed.fault;
  switch (fault.how.model) {
    case FaultModel::address:
      return armed.activate(cycle, address, address ^ fault.mask(), place);
    case FaultModel::drop:
      return armed.activate(cycle, 1, 0, place);
    case FaultModel::duplicate:
      return armed.activate(cycle, 1, 2, place);
    case FaultModel::delay:
      return armed.activate(cycle, 0, fault.delay_cycles, place);
    default:
      return armed.activate(cycle, 0, 1, place);
  }
}

}  // namespace attnguard
