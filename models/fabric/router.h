// Routes the sequencer's memory-mapped commands to the units' command registers by address window.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <array>
#include <systemc>

#include "models/fabric/commands.h"

namespace attnguard {

class Router final : public sc_core::sc_module {
 public:
  static constexpr std::size_t kWindows = static_cast<std::size_t>(CommandWindow::count);

  tlm_utils::simple_target_socket<Router> command_in;
  std::array<tlm_utils::simple_initiator_socket<Router>, kWindows> unit_out;

  explicit Router(sc_core::sc_module_name name) : sc_module(name), command_in("command_in") {
    command_in.register_b_transport(this, &Router::b_transport);
  }

 private:
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    const std::uint64_t window = payload.get_address() / kWindowBytes;
    if (window >= kWindows) {
      payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
      return;
    }
    payload.set_address(payload.get_address() % kWindowBytes);
    unit_out[window]->b_transport(payload, delay);
  }
};

}  // namespace attnguard
