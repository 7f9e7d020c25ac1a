// The data links of an accelerator: sockets bound, with a fault interposer between them where links
// are fault sites.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/fabric/burst.h"
#include "models/fabric/clock.h"
#include "models/fabric/link_interposer.h"
#include "models/fault_injector/fault_owners.h"
#include "models/fault_injector/fault_universe.h"

namespace attnguard {

class Links {
 public:
  Links(const Clock& clock, FaultUniverse& universe, LiveLog& log, FaultOwners& owners)
      : clock_(clock), universe_(universe), log_(log), owners_(owners) {}

  /// Sites link.<name>.data and .transfer, if there is to be an `interposer`; see LinkInterposer.
  template <class Target>
  void connect(const std::string& name, BurstPort& from, Target& to, std::uint32_t lanes,
               Format format, bool interposer, std::uint32_t address_bits = 0,
               Domain domain = Domain::function) {
    links_.push_back({name, &from, nullptr});
    if (!interposer) {
      from.bind(to);
      return;
    }
    interposers_.push_back(std::make_unique<LinkInterposer>(("link_" + name).c_str(), clock_,
                                                            universe_, log_, name, lanes,
                                                            bits_of(format), address_bits, domain));
    LinkInterposer& between = *interposers_.back();
    links_.back().interposer = &between;
    from.bind(between.in);
    between.out.bind(to);
    owners_.own_tap(between);
  }

  void reset() {
    for (auto& interposer : interposers_) interposer->reset();
  }
  /// A run begins; what is to be armed and recorded in it is known.
  void start() {
    for (const Link& link : links_)
      if (link.interposer != nullptr) link.interposer->let_pass(*link.port);
  }
  void abandon(std::uint64_t cycle) {
    for (auto& interposer : interposers_) interposer->tap().abandon(cycle);
  }
  /// Moved since the reset.
  std::map<std::string, std::uint64_t> bytes() const {
    std::map<std::string, std::uint64_t> bytes;
    for (const Link& link : links_) bytes[link.name] = link.port->bytes();
    return bytes;
  }

 private:
  struct Link {
    std::string name;
    BurstPort* port;
    LinkInterposer* interposer;
  };

  const Clock& clock_;
  FaultUniverse& universe_;
  LiveLog& log_;
  FaultOwners& owners_;
  std::vector<std::unique_ptr<LinkInterposer>> interposers_;
  std::vector<Link> links_;
};

}  // namespace attnguard
