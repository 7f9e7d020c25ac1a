// What fault injectors of TLM links share: bound between two sockets, they pass transactions on
// until somebody records liveness or a fault is pending. In a run without either they are left out.
#pragma once

#include <string>
#include <systemc>
#include <tlm>

#include "models/fabric/clock.h"
#include "models/fabric/routed_socket.h"
#include "models/fabric/transfer_site.h"
#include "models/fault_injector/fault_universe.h"
#include "models/fault_injector/register_tap.h"

namespace attnguard {

class Interposer : public sc_core::sc_module,
                   private tlm::tlm_fw_transport_if<>,
                   private tlm::tlm_bw_transport_if<> {
 public:
  tlm::tlm_target_socket<> in;
  tlm::tlm_initiator_socket<> out;

  void reset() {
    transfer_.reset();
    tap_.disarm();
  }
  RegisterTap& tap() { return tap_; }
  /// At the start of a run, when its faults are armed: transactions of a run that has nothing to do
  /// here go past.
  template <class Module>
  void let_pass(RoutedSocket<Module>& from) {
    from.route(!log_.enabled() && tap_.armed().empty() ? target_ : nullptr);
  }

 protected:
  Interposer(sc_core::sc_module_name name, const Clock& clock, LiveLog& log)
      : sc_module(name), in("in"), out("out"), log_(log), clock_(clock), transfer_(log) {
    in.bind(static_cast<tlm::tlm_fw_transport_if<>&>(*this));
    out.bind(static_cast<tlm::tlm_bw_transport_if<>&>(*this));
  }

  /// A transaction that crosses in `cycle`; somebody records or a fault is pending.
  virtual void cross(std::uint64_t cycle, tlm::tlm_generic_payload& payload,
                     sc_core::sc_time& delay) = 0;
  void pass(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    target_->b_transport(payload, delay);
  }

 private:
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) final {
    if (!log_.enabled() && !tap_.pending()) return pass(payload, delay);
    cross(transfer_.cross(clock_.cycle()), payload, delay);
  }
  // Transactions are blocking; the other interfaces are passed on untouched.
  tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay) final {
    return out->nb_transport_fw(payload, phase, delay);
  }
  tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay) final {
    return in->nb_transport_bw(payload, phase, delay);
  }
  bool get_direct_mem_ptr(tlm::tlm_generic_payload&, tlm::tlm_dmi&) final {
    return false;  // data that bypass the link could not be corrupted on it
  }
  void invalidate_direct_mem_ptr(sc_dt::uint64 start, sc_dt::uint64 end) final {
    in->invalidate_direct_mem_ptr(start, end);
  }
  unsigned transport_dbg(tlm::tlm_generic_payload& payload) final {
    return out->transport_dbg(payload);
  }
  void end_of_elaboration() override { target_ = out.operator->(); }

  // What a disarmed interposer touches stands together.
  tlm::tlm_fw_transport_if<>* target_ = nullptr;  ///< what `out` is bound to

 protected:
  LiveLog& log_;
  const Clock& clock_;
  RegisterTap tap_;
  TransferSite transfer_;
};

}  // namespace attnguard
