#include "models/fabric/command_interposer.h"

namespace attnguard {

CommandInterposer::CommandInterposer(sc_core::sc_module_name name, const Clock& clock,
                                     FaultUniverse& universe, LiveLog& log, const std::string& link,
                                     std::uint32_t address_bits)
    : sc_module(name),
      in("in"),
      out("out"),
      clock_(clock),
      log_(log),
      transfer_(universe, log, link, address_bits, Domain::function) {
  in.register_b_transport(this, &CommandInterposer::b_transport);
}

void CommandInterposer::reset() {
  transfer_.reset();
  tap_.disarm();
}

void CommandInterposer::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  if (!log_.enabled() && !tap_.pending()) return out->b_transport(payload, delay);
  const std::uint64_t cycle = transfer_.cross(clock_.cycle());
  if (log_.enabled()) transfer_.record(cycle, TileId{});
  ArmedFault* armed = transfer_.struck(tap_, cycle);
  if (armed == nullptr) return out->b_transport(payload, delay);
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
      out->b_transport(payload, delay);
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
  out->b_transport(payload, delay);
}

}  // namespace attnguard
