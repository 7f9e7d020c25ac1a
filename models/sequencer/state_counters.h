// The sequencer's state as fault sites: its counters, one site per flip-flop.
//
// Comparators look at every counter in every cycle, so all of it is live while the job runs. A
// fault of cycle t changes the counter at the end of that cycle, when its update is done; who waits
// for a counter looks again in cycle t + 1.
#pragma once

#include <array>
#include <cstdint>
#include <systemc>

#include "models/fabric/clock.h"
#include "models/fault_injector/register_tap.h"
#include "models/sequencer/program.h"

namespace attnguard {

enum class SequencerCounter : std::uint8_t {
  load,       ///< next load chain
  operation,  ///< next array operation
  tile,       ///< output tile whose store is next
  loads_complete,
  operations_retired,  ///< operations that have read their operands
  tiles_opened,        ///< output tiles the accumulator has taken
  tiles_written,       ///< output tiles in the o buffer
  stores_issued,
  count
};

class StateCounters final : public sc_core::sc_module {
 public:
  static constexpr auto kCounters = static_cast<std::size_t>(SequencerCounter::count);

  SC_HAS_PROCESS(StateCounters);
  StateCounters(sc_core::sc_module_name name, const Program& program, const Clock& clock,
                FaultUniverse& universe, LiveLog& log);

  /// Start of a job: all 0, no fault armed.
  void reset();
  /// All 0; what is armed stays armed.
  void clear() { values_.fill(0); }
  std::uint32_t& operator[](SequencerCounter counter) {
    return values_[static_cast<std::size_t>(counter)];
  }
  void arm(const Fault& fault);
  /// The job is done: the counters mean nothing any more.
  void stop() { act_event_.cancel(); }
  /// All of it was live up to and including cycle `end`.
  void live_until(std::uint64_t end);

  const sc_core::sc_event& changed() const { return changed_event_; }
  RegisterTap& tap() { return tap_; }

 private:
  void act_method();
  void schedule(std::uint64_t from);

  const Clock& clock_;
  LiveLog& log_;
  std::array<RegisterId, kCounters> registers_{};
  std::array<std::uint32_t, kCounters> bits_{}, values_{};
  RegisterTap tap_;
  sc_core::sc_event act_event_, changed_event_;
};

}  // namespace attnguard
