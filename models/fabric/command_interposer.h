// The fault injector of the sequencer's command link: transactions as wholes. Called from the
// sequencer's threads, so a late command holds up the thread that writes it.
#pragma once

#include <string>

#include "models/fabric/interposer.h"

namespace attnguard {

class CommandInterposer final : public Interposer {
 public:
  /// `link` and `address_bits`: see LinkInterposer.
  CommandInterposer(sc_core::sc_module_name name, const Clock& clock, FaultUniverse& universe,
                    LiveLog& log, const std::string& link, std::uint32_t address_bits);

 private:
  void cross(std::uint64_t cycle, tlm::tlm_generic_payload& payload,
             sc_core::sc_time& delay) override;
};

}  // namespace attnguard
