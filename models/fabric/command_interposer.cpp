#include "models/fabric/command_interposer.h"

namespace attnguard {

CommandInterposer::CommandInterposer(sc_core::sc_module_name name, const Clock& clock,
                                     FaultUniverse& universe, LiveLog& log, const std::string& link,
                                     std::uint32_t address_bits)
    : Interposer(name, clock, log) {
  transfer_.declare(universe, link, address_bits, Domain::function);
}

void CommandInterposer::cross(std::uint64_t cycle, tlm::tlm_generic_payload& payload,
                              sc_core::sc_time& delay) {
  if (log_.enabled()) transfer_.record(cycle, TileId{});
  ArmedFault* armed = transfer_.struck(tap_, cycle);
  if (armed == nullptr) return pass(payload, delay);
  TransferSite::activate(*armed, cycle, payload.get_address(), Place{});
  tap_.update_pending();
  switch (armed->fault.how.model) {
    case FaultModel::address:
      payload.set_address(payload.get_address() ^ armed->fault.mask());
      break;
    case FaultModel::drop:
      return payload.set_response_status(tlm::TLM_OK_RESPONSE);  // a write waits for no answer
    case FaultModel::duplicate: {
      const sc_dt::uint64 address = payload.get_address();
      pass(payload, delay);
      if (payload.is_response_error()) return;
      payload.set_address(address);  // the router makes it an offset
      break;
    }
    case FaultModel::delay:
      sc_core::wait(clock_.until(clock_.cycle() + armed->fault.delay_cycles));
      break;
    default:
      return payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
  }
  pass(payload, delay);
}

}  // namespace attnguard
