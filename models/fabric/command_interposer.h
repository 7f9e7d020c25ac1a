// The fault injector of the sequencer's command link: transactions as wholes. Called from the
// sequencer's threads, so a late command holds up the thread that writes it.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <systemc>

#include "models/fabric/clock.h"
#include "models/fabric/transfer_site.h"

namespace attnguard {

class CommandInterposer final : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<CommandInterposer> in;
  tlm_utils::simple_initiator_socket<CommandInterposer> out;

  CommandInterposer(sc_core::sc_module_name name, const Clock& clock, FaultUniverse& universe,
                    LiveLog& log, const std::string& link, std::uint32_t address_bits);

  void reset();
  RegisterTap& tap() { return tap_; }

 private:
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);

  const Clock& clock_;
  LiveLog& log_;
  TransferSite transfer_;
  RegisterTap tap_;
};

}  // namespace attnguard
