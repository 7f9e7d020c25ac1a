// Sequencer: walks the job's program, one thread per engine it feeds.
//
// Not modelled: instruction fetch.
// Timing: one command per cycle and engine, written in the cycle in which the unit's `done` is
// sampled high and everything the command needs has happened. A unit's done line is sampled every
// cycle while waiting.
#pragma once

#include <cstdint>
#include <functional>
#include <systemc>
#include <utility>
#include <vector>

#include "models/fabric/clock.h"
#include "models/fabric/commands.h"
#include "models/fabric/line.h"
#include "models/fabric/routed_socket.h"
#include "models/fabric/run_monitor.h"
#include "models/sequencer/program.h"
#include "models/sequencer/schedule.h"
#include "models/sequencer/state_counters.h"

namespace attnguard {

struct DoneLines {
  Line& load;
  Line& array;
  Line& accumulator;
  Line& store;
};

class Sequencer final : public sc_core::sc_module {
 public:
  RoutedSocket<Sequencer> command_out;

  SC_HAS_PROCESS(Sequencer);
  Sequencer(sc_core::sc_module_name name, const Program& program, const Clock& clock,
            RunMonitor& monitor, const DoneLines& done, StateCounters& state);

  /// Sends threads that stand in the middle of a job back to its start, in the next delta cycle.
  void abandon();
  /// Starts the job in the current cycle, which is cycle 0.
  void start();
  /// Abandons the job at once and goes on in `cycle` with `rest`, the job from output tile `first`
  /// on.
  void restart(Program rest, std::uint32_t first, std::uint64_t cycle);
  /// The job is not finished before `last_check` is past: asked after the last store, the cycle in
  /// which the last check is read. Empty: nobody waits for checks.
  void await_checks(std::function<std::uint64_t()> last_check) {
    last_check_ = std::move(last_check);
  }
  /// The first output tiles of the job that are whole in external memory.
  std::uint32_t tiles_stored() const { return static_cast<std::uint32_t>(stored_.size()); }
  /// Of such a tile: the cycle in which the store's done was high.
  std::uint64_t stored_cycle(std::uint32_t tile) const { return stored_[tile]; }
  /// Of the next run; nullptr to stop.
  void record(Schedule* schedule) { schedule_ = schedule; }
  bool finished() const { return finished_; }
  /// Cycle in which the last store's done was sampled.
  std::uint64_t finish_cycle() const { return finish_cycle_; }

 private:
  void abandon_method();
  void load_thread();
  void array_thread();
  void store_thread();
  void stored_method();
  void abandon_now();

  LineWait wait_done(Line& line, std::uint64_t since);
  LineWait wait_done_again(Line& line);
  void wait_cycle() { wait(clock_.until(clock_.cycle() + 1)); }
  template <class Command>
  void issue(CommandWindow window, Command command);
  void open_output_tile(std::uint32_t tile);

  const Program& job_;
  Program rest_;                    ///< after a restart
  const Program* program_ = &job_;  ///< what is walked
  std::uint32_t first_tile_ = 0;    ///< its first output tile, in the job
  const Clock& clock_;
  RunMonitor& monitor_;
  DoneLines done_;
  tlm::tlm_generic_payload payloads_[static_cast<std::size_t>(CommandWindow::count)];
  sc_core::sc_event start_event_, abandon_event_, retired_event_, loaded_event_, tile_event_;
  sc_core::sc_process_handle threads_[3];
  Schedule* schedule_ = nullptr;
  std::uint32_t walking_ = 0;  ///< threads in the middle of a job
  /// Counters, where faults can reach them.
  StateCounters& state_;
  std::uint32_t &load_, &operation_, &tile_;
  std::uint32_t &loads_complete_, &operations_retired_, &tiles_opened_, &tiles_written_,
      &stores_issued_;
  sc_core::sc_event_or_list retired_, loaded_, tiles_;  ///< what ends a wait for a counter
  std::uint32_t operations_awaited_ = 0;
  std::vector<std::uint64_t> stored_;  ///< [output tile of the job]
  std::function<std::uint64_t()> last_check_;
  bool finished_ = false;
  std::uint64_t finish_cycle_ = 0;
};

}  // namespace attnguard
