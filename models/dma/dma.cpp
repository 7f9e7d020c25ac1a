#include "models/dma/dma.h"

#include <algorithm>
#include <cstring>

namespace attnguard {

Dma::Dma(sc_core::sc_module_name name, const DmaBuffers& buffers,
         const ExternalMemoryConfig& memory, Format operand, Format output, const Clock& clock,
         RunMonitor& monitor, Line& load_done, Line& store_done)
    : sc_module(name),
      load_command_in("load_command_in"),
      store_command_in("store_command_in"),
      memory_read_out("memory_read_out", &monitor),
      memory_write_out("memory_write_out", &monitor),
      q_out("q_out", &monitor),
      k_out("k_out", &monitor),
      v_out("v_out", &monitor),
      o_in("o_in"),
      buffers_(buffers),
      memory_(memory),
      operand_(operand),
      output_(output),
      clock_(clock),
      monitor_(monitor),
      load_done_(load_done),
      store_done_(store_done) {
  load_command_in.register_b_transport(this, &Dma::accept_load);
  store_command_in.register_b_transport(this, &Dma::accept_store);
  SC_METHOD(load_method);
  sensitive << load_.event;
  dont_initialize();
  SC_METHOD(store_method);
  sensitive << store_.event;
  dont_initialize();
}

void Dma::reset() {
  for (Channel* channel : {&load_, &store_}) {
    channel->event.cancel();
    channel->busy = channel->moving = false;
    channel->data_cycles = channel->occupied_cycles = channel->end = 0;
    channel->transfers.clear();
  }
  for (BurstPort* port : {&memory_read_out, &memory_write_out, &q_out, &k_out, &v_out, &o_in})
    port->reset();
}

void Dma::abandon(std::uint64_t cycle) {
  load_.abandon(cycle);
  store_.abandon(cycle);
  load_done_.write(true, cycle);
  store_done_.write(true, cycle);
}

/// A tile moves: its lines follow each other.
void Dma::Channel::move(const BeatTiming& timing, const TileTransfer& transfer) {
  static constexpr std::string_view kTiles[] = {"q", "k", "v", "o"};
  data_cycles += std::uint64_t{timing.groups} * timing.beats * timing.beat_interval_cycles;
  transfers.push_back(timing);
  if (track != nullptr)
    track->add_beats(timing, timing.beat_interval_cycles,
                     kTiles[static_cast<std::size_t>(transfer.buffer)], transfer.tile.id());
}

/// The command under way takes from `begin` to its end; what its tiles leave of that is waiting.
void Dma::Channel::occupy(std::uint64_t begin) {
  if (end != kNever) occupied_cycles += end - begin;
  if (track == nullptr) return;
  for (const BeatTiming& timing : transfers) {
    track->add({begin, timing.first_cycle, kLatency, {}, {}});
    begin = std::max(begin, timing.last_cycle() + timing.beat_interval_cycles);
  }
  track->add({begin, end, kLatency, {}, {}});
}

/// What was counted ahead is taken back.
void Dma::Channel::abandon(std::uint64_t cycle) {
  event.cancel();
  if (busy && moving && end != kNever) {
    if (end > cycle) occupied_cycles -= end - cycle;
    for (const BeatTiming& timing : transfers) {
      const std::uint64_t last = timing.last_cycle() + timing.beat_interval_cycles;
      if (last > cycle) data_cycles -= last - std::max(cycle, timing.first_cycle);
    }
  }
  busy = moving = false;
}

UnitStats Dma::Channel::stats(std::uint64_t total_cycles) const {
  UnitStats stats;
  stats.busy_cycles = data_cycles;
  stats.stall_cycles[kLatency] = occupied_cycles - data_cycles;
  stats.stall_cycles[kIdle] = total_cycles - occupied_cycles;
  return stats;
}

bool Dma::accept(Channel& channel, tlm::tlm_generic_payload& payload, Line& done,
                 std::size_t command_bytes) {
  if (channel.busy || payload.get_data_length() != command_bytes) {
    payload.set_response_status(tlm::TLM_COMMAND_ERROR_RESPONSE);
    return false;
  }
  channel.busy = true;
  channel.moving = false;
  done.write(false, clock_.cycle());
  channel.event.notify(clock_.until(clock_.cycle() + 1));
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
  return true;
}

void Dma::accept_load(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  if (accept(load_, payload, load_done_, sizeof load_command_))
    std::memcpy(&load_command_, payload.get_data_ptr(), sizeof load_command_);
}

void Dma::accept_store(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  if (accept(store_, payload, store_done_, sizeof store_command_))
    std::memcpy(&store_command_, payload.get_data_ptr(), sizeof store_command_);
}

void Dma::load_method() {
  if (load_.moving) return finish(load_, load_done_);
  load_.moving = true;
  load_.transfers.clear();
  const std::uint64_t start = clock_.cycle();
  std::uint64_t end = start;
  for (std::uint32_t i = 0; i < load_command_.count; ++i)
    end = std::max(end, load_tile(load_command_.transfers[i]));
  load_.end = end;
  load_.occupy(start);
  if (end == kNever) return;
  load_.event.notify(clock_.until(end));
}

void Dma::store_method() {
  if (store_.moving) return finish(store_, store_done_);
  store_.moving = true;
  store_.transfers.clear();
  const std::uint64_t start = clock_.cycle();
  const std::uint64_t end = store_.end = store_tile(store_command_.transfer);
  store_.occupy(start);
  if (end == kNever) return;
  store_.event.notify(clock_.until(end));
}

void Dma::finish(Channel& channel, Line& done) {
  channel.busy = false;
  done.write(true, clock_.cycle() - 1);
}

namespace {
void describe(Burst& burst, const TileTransfer& transfer, Format format, std::uint32_t line_bytes) {
  burst.tile = transfer.tile;
  burst.format = format;
  burst.lanes = transfer.lanes;
  burst.last_group_lanes = transfer.last_group_lanes;
  burst.timing.groups = transfer.groups;
  burst.timing.beats = transfer.beats;
  burst.lane_stride = bytes_of(format);
  burst.beat_stride = line_bytes;
  burst.group_stride = std::size_t{line_bytes} * transfer.beats;
  burst.values_stride = line_bytes / bytes_of(format);
}
}  // namespace

/// Moves one tile in; the cycle from which its last word can be read, kNever if it never comes.
std::uint64_t Dma::load_tile(const TileTransfer& transfer) {
  const auto which = static_cast<std::size_t>(transfer.buffer);
  const std::uint32_t line_bytes = buffers_.core[which]->line_bytes();
  const std::uint64_t lines = std::uint64_t{transfer.groups} * transfer.beats;
  staging_.resize(lines * line_bytes);

  Burst& burst = memory_read_out.burst;
  describe(burst, transfer, operand_, line_bytes);
  burst.timing.beat_interval_cycles =
      std::max((line_bytes + memory_.bytes_per_cycle - 1) / memory_.bytes_per_cycle,
               buffers_.core[which]->beat_interval_cycles());
  if (!memory_read_out.read(transfer.external_address, staging_.data(), staging_.size()))
    return kNever;

  BurstPort& port = transfer.buffer == BufferId::q   ? q_out
                    : transfer.buffer == BufferId::k ? k_out
                                                     : v_out;
  port.burst = burst;
  port.write(transfer.buffer_address, staging_.data(), staging_.size());
  load_.move(burst.timing, transfer);
  // The line's last interval and the write latency pass before the tile counts as loaded.
  return burst.timing.last_cycle() + std::max(burst.timing.beat_interval_cycles,
                                              buffers_.config[which]->write_latency_cycles + 1);
}

/// Moves one output tile out; the cycle after its last line was accepted, kNever if it never comes.
std::uint64_t Dma::store_tile(const TileTransfer& transfer) {
  const auto which = static_cast<std::size_t>(BufferId::o);
  const std::uint32_t line_bytes = buffers_.core[which]->line_bytes();
  const std::uint64_t lines = std::uint64_t{transfer.groups} * transfer.beats;
  staging_.resize(lines * line_bytes);

  Burst& burst = o_in.burst;
  describe(burst, transfer, output_, line_bytes);
  BeatTiming& timing = burst.timing;
  timing.first_cycle = clock_.cycle();
  timing.beat_interval_cycles =
      std::max((line_bytes + memory_.bytes_per_cycle - 1) / memory_.bytes_per_cycle,
               buffers_.core[which]->beat_interval_cycles());
  timing.group_interval_cycles = timing.beats * timing.beat_interval_cycles;
  if (!o_in.read(transfer.buffer_address, staging_.data(), staging_.size())) {
    if (!o_in.lost()) monitor_.crash("dma read an output tile that is not complete");
    return kNever;
  }

  memory_write_out.burst = burst;
  memory_write_out.burst.timing.first_cycle += buffers_.config[which]->read_latency_cycles;
  memory_write_out.write(transfer.external_address, staging_.data(), staging_.size());
  store_.move(timing, transfer);
  return memory_write_out.burst.timing.last_cycle() + timing.beat_interval_cycles;
}

}  // namespace attnguard
