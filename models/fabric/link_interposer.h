// The fault injector of a TLM link: bound between two sockets, it passes bursts on and, when armed, flips bits of
// the beat that crosses at the fault's cycle.
#pragma once

#include <string>
#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include "models/fabric/burst.h"
#include "models/fault_injector/fault_universe.h"
#include "models/fault_injector/register_tap.h"

namespace attnguard {

class LinkInterposer final : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<LinkInterposer> in;
  tlm_utils::simple_initiator_socket<LinkInterposer> out;

  /// `link` names the site link.<link>.data; a beat has up to `lanes` elements of `bits` bits.
  LinkInterposer(sc_core::sc_module_name name, FaultUniverse& universe, LiveLog& log, const std::string& link,
                 std::uint32_t lanes, std::uint32_t bits, Domain domain);

  RegisterId reg() const { return reg_; }
  RegisterTap& tap() { return tap_; }

 private:
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void record(const Burst& burst);
  void flip(tlm::tlm_generic_payload& payload);

  LiveLog& log_;
  RegisterTap tap_;
  RegisterId reg_ = 0;
  std::uint32_t bits_;
};

}  // namespace attnguard
