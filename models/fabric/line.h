// A one-bit control line driven from a register of a unit: `done` or `alarm`.
//
// The register keeps its value until it is next written. A flip of cycle t inverts the value after
// the update of cycle t; like every update it is visible from cycle t + 1 on. A fault that forces
// the line acts on the wire: when it ends, the register's value is seen again.
#pragma once

#include <cstdint>
#include <string>
#include <systemc>
#include <vector>

#include "models/fabric/clock.h"
#include "models/fabric/line_wait.h"
#include "models/fabric/timeline.h"
#include "models/fault_injector/fault_universe.h"
#include "models/fault_injector/register_tap.h"

namespace attnguard {

class Line final : public sc_core::sc_module {
 public:
  /// Written by the unit and by a flip, in any order within a delta cycle: either way the last
  /// write carries the same value.
  sc_core::sc_signal<bool, sc_core::SC_UNCHECKED_WRITERS> signal;

  SC_HAS_PROCESS(Line);
  Line(sc_core::sc_module_name name, const Clock& clock, FaultUniverse& universe, LiveLog& log,
       const std::string& site, Domain domain);

  /// Start of a job: the register holds `value` from cycle 0; no fault is armed.
  void reset(bool value);
  /// The register takes `value` in the update of cycle `update`. A unit that finishes writes at the
  /// start of the cycle after; one that accepts a command writes in the cycle of the command, when
  /// nobody samples the line any more.
  void write(bool value, std::uint64_t update);
  bool read() const { return signal.read(); }
  /// Its changes are kept there from the next reset on; nullptr: nowhere.
  void record(LineTrack* track) { track_ = track; }

  /// Whether a flip is due or stands unread, or the line is forced: whoever waits must then sample
  /// every cycle, when the line has settled.
  bool armed() const { return armed_ && tap_.pending(); }
  /// What ends a wait for the line to rise: its rise, and the time from which it is armed().
  const sc_core::sc_event_or_list& changes() const { return changes_; }
  /// The line is sampled in the current cycle by someone waiting since cycle `since`.
  void sample(std::uint64_t since);
  /// The wait that ends with a sample in the current cycle.
  LineWait wait_since(std::uint64_t since) const;
  /// The line was sampled in every cycle up to and including `end`: all of it is live.
  void sampled_throughout(std::uint64_t end);

  RegisterId reg() const { return reg_; }
  RegisterTap& tap() { return tap_; }
  /// One more fault.
  void arm(const Fault& fault);

 private:
  void arm_method();
  void act_method();
  void schedule_act(std::uint64_t from);
  bool seen(std::uint64_t update) const;
  void drive(std::uint64_t update);
  void add_live(std::uint64_t from, std::uint64_t to);

  const Clock& clock_;
  LiveLog& log_;
  LineTrack* track_ = nullptr;
  RegisterTap tap_;
  RegisterId reg_ = 0;
  sc_core::sc_event arm_event_, act_event_;
  sc_core::sc_event_or_list changes_;
  bool value_ = false;  ///< of the register
  bool armed_ = false;
  std::vector<bool> flipped_;  ///< [armed fault]: the flip has been made
  std::uint64_t last_write_ = 0, previous_write_ = 0, live_until_ = 0;
};

}  // namespace attnguard
