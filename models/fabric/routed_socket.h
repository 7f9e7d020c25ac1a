// An initiator socket that can leave out the interposer it is bound to.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <systemc>
#include <tlm>

namespace attnguard {

/// Transactions go to what the socket is bound to, or past it.
template <class Module>
class RoutedSocket : public tlm_utils::simple_initiator_socket<Module> {
 public:
  using tlm_utils::simple_initiator_socket<Module>::simple_initiator_socket;

  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    route_->b_transport(payload, delay);
  }
  /// nullptr: what the socket is bound to.
  void route(tlm::tlm_fw_transport_if<>* target) {
    route_ = target != nullptr ? target : this->operator->();
  }

 protected:
  void end_of_elaboration() override { route(nullptr); }

 private:
  tlm::tlm_fw_transport_if<>* route_ = nullptr;
};

}  // namespace attnguard
