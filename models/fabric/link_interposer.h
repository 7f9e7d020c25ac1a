// The fault injector of a TLM link: bound between two sockets, it passes bursts on and, when armed,
// misleads, loses, repeats, holds up or refuses a transaction, or changes bits of the beats that
// cross in the cycles in which a fault acts.
#pragma once

#include <string>

#include "models/fabric/burst.h"
#include "models/fabric/interposer.h"

namespace attnguard {

class LinkInterposer final : public Interposer {
 public:
  /// `link` names the sites link.<link>.data and .transfer; a beat has up to `lanes` elements of
  /// `bits` bits; the target decodes `address_bits` of an address.
  LinkInterposer(sc_core::sc_module_name name, const Clock& clock, FaultUniverse& universe,
                 LiveLog& log, const std::string& link, std::uint32_t lanes, std::uint32_t bits,
                 std::uint32_t address_bits, Domain domain);

  RegisterId reg() const { return reg_; }

 private:
  void cross(std::uint64_t cycle, tlm::tlm_generic_payload& payload,
             sc_core::sc_time& delay) override;
  void forward(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void disturb(ArmedFault& armed, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void record(const Burst& burst, std::uint64_t address);
  void corrupt(tlm::tlm_generic_payload& payload);
  void act(ArmedFault& armed, tlm::tlm_generic_payload& payload, const BurstElement& at);

  RegisterId reg_ = 0;
  std::uint32_t bits_;
};

}  // namespace attnguard
