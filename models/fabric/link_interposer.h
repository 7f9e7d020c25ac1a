// The fault injector of a TLM link: bound between two sockets, it passes bursts on and, when armed,
// misleads, loses, repeats, holds up or refuses a transaction, or changes bits of the beats that
// cross in the cycles in which a fault acts.
#pragma once

#include <string>
#include <systemc>
#include <tlm>

#include "models/fabric/burst.h"
#include "models/fabric/clock.h"
#include "models/fabric/transfer_site.h"
#include "models/fault_injector/fault_universe.h"
#include "models/fault_injector/register_tap.h"

namespace attnguard {

/// Implements the TLM interfaces itself: a disarmed interposer costs one virtual call per burst.
class LinkInterposer final : public sc_core::sc_module,
                             private tlm::tlm_fw_transport_if<>,
                             private tlm::tlm_bw_transport_if<> {
 public:
  tlm::tlm_target_socket<> in;
  tlm::tlm_initiator_socket<> out;

  /// `link` names the sites link.<link>.data and .transfer; a beat has up to `lanes` elements of
  /// `bits` bits; the target decodes `address_bits` of an address.
  LinkInterposer(sc_core::sc_module_name name, const Clock& clock, FaultUniverse& universe,
                 LiveLog& log, const std::string& link, std::uint32_t lanes, std::uint32_t bits,
                 std::uint32_t address_bits, Domain domain);

  void reset();

  RegisterId reg() const { return reg_; }
  RegisterTap& tap() { return tap_; }

 private:
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) override;
  // Bursts are blocking transactions; the other interfaces are passed on untouched.
  tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay) override {
    return out->nb_transport_fw(payload, phase, delay);
  }
  tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay) override {
    return in->nb_transport_bw(payload, phase, delay);
  }
  bool get_direct_mem_ptr(tlm::tlm_generic_payload&, tlm::tlm_dmi&) override {
    return false;  // data that bypass the link could not be corrupted on it
  }
  void invalidate_direct_mem_ptr(sc_dt::uint64 start, sc_dt::uint64 end) override {
    in->invalidate_direct_mem_ptr(start, end);
  }
  unsigned transport_dbg(tlm::tlm_generic_payload& payload) override {
    return out->transport_dbg(payload);
  }
  void end_of_elaboration() override { target_ = out.operator->(); }
  void forward(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void disturb(ArmedFault& armed, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void record(const Burst& burst, std::uint64_t address);
  void corrupt(tlm::tlm_generic_payload& payload);
  void act(ArmedFault& armed, tlm::tlm_generic_payload& payload, const BurstElement& at);

  // What a disarmed interposer touches stands together.
  tlm::tlm_fw_transport_if<>* target_ = nullptr;  ///< what `out` is bound to
  LiveLog& log_;
  const Clock& clock_;
  RegisterTap tap_;
  RegisterId reg_ = 0;
  TransferSite transfer_;
  std::uint32_t bits_;
};

}  // namespace attnguard
