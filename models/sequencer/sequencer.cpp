#include "models/sequencer/sequencer.h"

#include <algorithm>

namespace attnguard {

Sequencer::Sequencer(sc_core::sc_module_name name, const Program& program, const Clock& clock,
                     RunMonitor& monitor, const DoneLines& done, StateCounters& state)
    : sc_module(name),
      command_out("command_out"),
      job_(program),
      clock_(clock),
      monitor_(monitor),
      done_(done),
      state_(state),
      load_(state[SequencerCounter::load]),
      operation_(state[SequencerCounter::operation]),
      tile_(state[SequencerCounter::tile]),
      loads_complete_(state[SequencerCounter::loads_complete]),
      operations_retired_(state[SequencerCounter::operations_retired]),
      tiles_opened_(state[SequencerCounter::tiles_opened]),
      tiles_written_(state[SequencerCounter::tiles_written]),
      stores_issued_(state[SequencerCounter::stores_issued]) {
  retired_ = retired_event_ | state.changed();
  loaded_ = loaded_event_ | state.changed();
  tiles_ = tile_event_ | state.changed();
  SC_METHOD(abandon_method);
  sensitive << abandon_event_;
  dont_initialize();
  SC_METHOD(stored_method);
  sensitive << done.store.signal.posedge_event();
  dont_initialize();
  SC_THREAD(load_thread);
  threads_[0] = sc_core::sc_get_last_created_process_handle();
  SC_THREAD(array_thread);
  threads_[1] = sc_core::sc_get_last_created_process_handle();
  SC_THREAD(store_thread);
  threads_[2] = sc_core::sc_get_last_created_process_handle();
}

void Sequencer::abandon() {
  if (walking_ > 0) abandon_event_.notify(sc_core::SC_ZERO_TIME);
}

/// The kernel resets a process only while it runs.
void Sequencer::abandon_method() { abandon_now(); }

void Sequencer::abandon_now() {
  for (sc_core::sc_process_handle& thread : threads_) thread.reset();
  walking_ = 0;
}

void Sequencer::start() {
  program_ = &job_;
  first_tile_ = 0;
  stored_.clear();
  operations_awaited_ = 0;
  finished_ = false;
  walking_ = 3;
  start_event_.notify(sc_core::SC_ZERO_TIME);
}

void Sequencer::restart(Program rest, std::uint32_t first, std::uint64_t cycle) {
  abandon_now();
  rest_ = std::move(rest);
  program_ = &rest_;
  first_tile_ = first;
  stored_.resize(first);
  state_.clear();
  operations_awaited_ = 0;
  walking_ = 3;
  start_event_.cancel();
  start_event_.notify(clock_.until(cycle));
}

/// Whenever the line rises one store is over; not so when it is abandoned, or forced.
void Sequencer::stored_method() {
  if (stored_.size() < std::min<std::size_t>(first_tile_ + stores_issued_, job_.tiles.size()))
    stored_.push_back(clock_.cycle());
}

template <class Command>
void Sequencer::issue(CommandWindow window, Command command) {
  tlm::tlm_generic_payload& payload = payloads_[static_cast<std::size_t>(window)];
  payload.set_write();
  payload.set_address(command_address(window));
  payload.set_data_ptr(reinterpret_cast<unsigned char*>(&command));
  payload.set_data_length(sizeof command);
  payload.set_streaming_width(sizeof command);
  payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  command_out.b_transport(payload, delay);
  if (payload.is_response_ok()) return;
  static constexpr const char* kUnits[] = {"dma load", "dma store", "array", "accumulator"};
  monitor_.crash(std::string(kUnits[static_cast<int>(window)]) + " answered a command with " +
                 payload.get_response_string());
  wait(sc_core::sc_event());  // the run is over
}

/// Samples every cycle while waiting. Away from a flip of the line only its rise can matter, so its
/// event stands for the samples; near one, the line is looked at in mid-cycle, when it has settled.
LineWait Sequencer::wait_done(Line& line, std::uint64_t since) {
  for (;;) {
    if (line.armed()) wait(clock_.until_middle(clock_.cycle()));
    if (line.read() || line.armed()) line.sample(since);
    if (line.read()) return line.wait_since(since);
    if (line.armed())
      wait_cycle();
    else
      wait(line.changes());
  }
}

/// After a command: the line has fallen in this cycle and is sampled from the next on.
LineWait Sequencer::wait_done_again(Line& line) {
  const std::uint64_t since = clock_.cycle() + 1;
  if (line.armed())
    wait_cycle();
  else
    wait(line.changes());
  return wait_done(line, since);
}

void Sequencer::load_thread() {
  for (;;) {
    wait(start_event_);
    for (; load_ < program_->loads.size(); ++load_) {
      operations_awaited_ = program_->loads[load_].operations_retired;
      while (operations_retired_ < operations_awaited_) wait(retired_);
      if (load_ >= program_->loads.size()) break;  // the counter changed meanwhile
      const std::uint64_t issued = clock_.cycle();
      issue(CommandWindow::load, program_->loads[load_].command);
      const LineWait done = wait_done_again(done_.load);
      if (schedule_ != nullptr) schedule_->loads.push_back({issued, done});
      ++loads_complete_;
      loaded_event_.notify(sc_core::SC_ZERO_TIME);
    }
    --walking_;
  }
}

void Sequencer::array_thread() {
  for (;;) {
    wait(start_event_);
    for (; operation_ < program_->operations.size(); ++operation_) {
      if (operation_ > 0) {
        const LineWait done = wait_done_again(done_.array);
        if (schedule_ != nullptr) schedule_->operations.back().done = done;
        if (operation_ >= program_->operations.size()) break;  // the counter changed meanwhile
        // The place is free: the operation before this one is being fed, all earlier ones have read
        // their operands.
        operations_retired_ = operation_ - std::min(operation_, 1U);
        if (operations_retired_ >= operations_awaited_)
          retired_event_.notify(sc_core::SC_ZERO_TIME);
      }
      const ProgramOperation& operation = program_->operations[operation_];
      ArrayCommand command = operation.command;
      const std::uint64_t ready = clock_.cycle();
      while (loads_complete_ < operation.loads_needed) wait(loaded_);
      if (clock_.cycle() > ready) command.waited_for = WaitedFor::load;
      if (command.operation == ArrayOperation::values && tiles_opened_ == operation.output_tile) {
        const std::uint64_t before = clock_.cycle();
        open_output_tile(operation.output_tile);
        if (clock_.cycle() > before + 1) command.waited_for = WaitedFor::accumulator;
      }
      if (schedule_ != nullptr) schedule_->operations.push_back({ready, clock_.cycle(), {}});
      issue(CommandWindow::array, command);
    }
    --walking_;
  }
}

/// The accumulator takes the next tile once the previous one is written and the o half it will use
/// has been stored.
void Sequencer::open_output_tile(std::uint32_t tile) {
  while (tiles_written_ < tile || stores_issued_ + 1 < tile) wait(tiles_);
  if (schedule_ != nullptr) schedule_->tiles.push_back({clock_.cycle(), {}, {}, 0});
  issue(CommandWindow::accumulator, program_->tiles[tile].accumulate);
  ++tiles_opened_;
  tile_event_.notify(sc_core::SC_ZERO_TIME);
  wait_cycle();
}

void Sequencer::store_thread() {
  for (;;) {
    wait(start_event_);
    for (; tile_ < program_->tiles.size(); ++tile_) {
      while (tiles_opened_ <= tile_) wait(tiles_);
      wait_cycle();
      const LineWait written = wait_done(done_.accumulator, clock_.cycle());
      tiles_written_ = tile_ + 1;
      tile_event_.notify(sc_core::SC_ZERO_TIME);
      const LineWait free = wait_done(done_.store, clock_.cycle());
      if (tile_ >= program_->tiles.size()) break;  // the counter changed meanwhile
      if (schedule_ != nullptr)
        schedule_->tiles[tile_] = {schedule_->tiles[tile_].opened, written, free, clock_.cycle()};
      issue(CommandWindow::store, program_->tiles[tile_].store);
      stores_issued_ = tile_ + 1;
      tile_event_.notify(sc_core::SC_ZERO_TIME);
      wait_cycle();
    }
    const LineWait last = wait_done(done_.store, clock_.cycle());
    if (schedule_ != nullptr) schedule_->last_store = last;
    finish_cycle_ = clock_.cycle();
    if (last_check_ && last_check_() >= finish_cycle_) wait(clock_.until(last_check_() + 1));
    finished_ = true;
    state_.stop();
    --walking_;
  }
}

}  // namespace attnguard
