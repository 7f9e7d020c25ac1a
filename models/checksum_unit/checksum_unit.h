// Checksum unit: hands every observation to every checker, keeps what they report, drives the alarm
// lines.
//
// Not modelled: the registers inside the checkers' adder trees and multiply-add columns (not fault
// sites). Timing: each checker documents the cycle of its comparisons (docs/checkers.md); the alarm
// line rises in the cycle after.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <systemc>
#include <vector>

#include "models/checksum_unit/checker.h"
#include "models/checksum_unit/checker_arithmetic.h"
#include "models/checksum_unit/checker_config.h"
#include "models/fabric/burst.h"
#include "models/fabric/checkpoints.h"
#include "models/fabric/clock.h"
#include "models/fabric/line.h"
#include "models/fault_injector/fault_owners.h"
#include "models/numerics/lane_tile.h"

namespace attnguard {

class ChecksumUnit final : public sc_core::sc_module {
 public:
  /// One target per observed unit, so that each observation link can carry its own fault.
  tlm_utils::simple_target_socket<ChecksumUnit> q_in, k_in, v_in, array_in, softmax_in,
      accumulator_in;
  tlm_utils::simple_target_socket<ChecksumUnit>
      unused_in;  ///< of the o buffer, whose lines no checker observes

  SC_HAS_PROCESS(ChecksumUnit);
  ChecksumUnit(sc_core::sc_module_name name, const std::vector<CheckerConfig>& configs,
               const CheckerDimensions& dimensions, const Clock& clock, FaultUniverse& universe,
               LiveLog& log);
  ~ChecksumUnit() override;

  /// Union of what the checkers observe.
  std::uint32_t needs() const { return needs_; }
  void reset();
  /// The checkers' registers and alarm lines.
  void own(FaultOwners& owners);
  /// The error lines of the buffers' decoders.
  void code_errors(const CodeErrors& errors);

  struct Guard;
  std::vector<std::unique_ptr<Guard>>& guards() { return guards_; }

 private:
  void observe(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void decode(const Burst& burst, const std::byte* raw, std::size_t bytes);
  void join_value_rows(const Burst& burst);
  void join_output_rows(const Burst& burst);
  void dispatch(Guard& guard, const Burst& burst, std::uint64_t address,
                const Observed& observed) const;

  CheckerDimensions dimensions_;
  std::uint32_t needs_ = 0;
  std::vector<std::unique_ptr<Guard>> guards_;
  LaneTile values_, lines_;
};

/// One configured checker with its alarm line and its record of the run.
struct ChecksumUnit::Guard final : CheckSink {
  Guard(const CheckerConfig& config, const CheckerDimensions& dimensions, const Clock& clock,
        FaultUniverse& universe, LiveLog& log);

  void reset();
  void checked(const Check& check) override;
  void alarmed(std::uint64_t cycle, const Place& place) override;

  /// Status record: where the work lies whose alarm stands on the line in `cycle` and is not
  /// acknowledged. With a key tile if it is that of one alone.
  std::vector<Place> status(std::uint64_t cycle) const;
  /// The cycle in which the last of its checks and alarms so far is read; 0 without one.
  std::uint64_t last_reading() const;
  /// The status record is read in `cycle`, the alarm register cleared in its update.
  void acknowledge(std::uint64_t cycle);
  /// Work that `redone` tells is abandoned in `cycle` and will be done again: its checks that are
  /// still to come never happen, the checker starts afresh. Comparisons of other work that are
  /// under way go on.
  void abandon(std::uint64_t cycle, const std::function<bool(const Place&)>& redone);

  /// From now on `copies` of the sums that pass from key tile to key tile are kept; 0: none.
  void keep_checkpoints(std::size_t copies);
  /// After an observation of `tile`: what it has written is copied.
  void take_checkpoint(const TileContext& tile);
  /// After abandon(): the sums stand as before key tile `key_tile`, with which work begins again.
  /// Copies of it and of what follows are forgotten.
  void return_to(std::uint32_t head, std::uint32_t query_tile, std::uint32_t key_tile);

  /// Of the run so far; empty unless the checker says what its arithmetic is.
  std::optional<Activity> activity() const;

  std::string name;
  std::unique_ptr<Checker> checker;
  Line alarm;
  std::vector<Check> checks;  ///< in the order made
  TilesSeen seen;
  std::uint64_t observed_bytes = 0;
  std::uint64_t alarm_cycle;  ///< first cycle at which the line was read high; all ones if never
  std::pair<RegisterId, RegisterId>
      registers;  ///< [first, past the last) register class of the checker

 private:
  struct Alarm {
    std::uint64_t cycle;
    Place place;
  };

  Place place_of(const Check& check) const;
  void add(const Alarm& raised);
  void raise_method();
  void watch_method();

  const Clock& clock_;
  std::size_t expected_checks_ = 0;
  /// Registers that one key tile leaves to the next.
  struct KeptRegisters {
    RegisterBook* book;
    std::uint64_t writes = 0;  ///< of which copies are made
    Checkpoints checkpoints{};
  };
  std::vector<KeptRegisters> kept_;  ///< empty unless checkpoints are kept
  std::vector<Alarm> alarms_;        ///< not acknowledged, in the order made
  sc_core::sc_event raise_event_;
};

}  // namespace attnguard
