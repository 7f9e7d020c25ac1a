// DMA engine: one load and one store channel between external memory and the buffers' idle halves.
//
// Not modelled: address generators as fault sites, descriptor fetch, byte enables.
// Timing: a load command accepted at cycle c sends its requests at c + 1; each line crosses to the
// buffer in the cycle in which it arrives, every max(memory, buffer) interval; done once the last
// word is written. A store reads its first line at c + 1; a line crosses to memory read_latency
// cycles after its beat and is accepted in that cycle.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstddef>
#include <systemc>
#include <vector>

#include "models/external_memory/external_memory_core.h"
#include "models/fabric/burst.h"
#include "models/fabric/clock.h"
#include "models/fabric/commands.h"
#include "models/fabric/line.h"
#include "models/fabric/run_monitor.h"
#include "models/fabric/timeline.h"
#include "models/fabric/unit_stats.h"
#include "models/sram_buffer/sram_core.h"

namespace attnguard {

/// The buffers a DMA serves, by BufferId.
struct DmaBuffers {
  SramCore* core[4];
  const BufferConfig* config[4];
};

class Dma final : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<Dma> load_command_in, store_command_in;
  BurstPort memory_read_out, memory_write_out;
  BurstPort q_out, k_out, v_out;  ///< write a tile into its buffer
  BurstPort o_in;                 ///< reads the output buffer

  SC_HAS_PROCESS(Dma);
  Dma(sc_core::sc_module_name name, const DmaBuffers& buffers, const ExternalMemoryConfig& memory,
      Format operand, Format output, const Clock& clock, RunMonitor& monitor, Line& load_done,
      Line& store_done);

  void reset();
  /// Drops both transfers; lines that have not crossed never will.
  void abandon(std::uint64_t cycle);
  UnitStats load_stats(std::uint64_t total_cycles) const { return load_.stats(total_cycles); }
  UnitStats store_stats(std::uint64_t total_cycles) const { return store_.stats(total_cycles); }
  /// Where the cycles of the channels are kept one by one; nullptr: nowhere.
  void record(UnitTrack* load, UnitTrack* store) {
    load_.track = load;
    store_.track = store;
  }
  static constexpr const char *kIdle = "no_command", *kLatency = "memory_latency";

 private:
  struct Channel {
    bool busy = false;
    bool moving = false;  ///< the transfer has been started; the next activation finishes it
    std::uint64_t data_cycles = 0, occupied_cycles = 0;
    std::uint64_t end = 0;              ///< of the command under way
    std::vector<BeatTiming> transfers;  ///< of the command under way
    UnitTrack* track = nullptr;
    sc_core::sc_event event;
    void move(const BeatTiming& timing, const TileTransfer& transfer);
    void occupy(std::uint64_t begin);
    void abandon(std::uint64_t cycle);
    UnitStats stats(std::uint64_t total_cycles) const;
  };
  void accept_load(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void accept_store(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  bool accept(Channel& channel, tlm::tlm_generic_payload& payload, Line& done,
              std::size_t command_bytes);
  void load_method();
  void store_method();
  void finish(Channel& channel, Line& done);
  std::uint64_t load_tile(const TileTransfer& transfer);
  std::uint64_t store_tile(const TileTransfer& transfer);

  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  DmaBuffers buffers_;
  const ExternalMemoryConfig& memory_;
  Format operand_, output_;
  const Clock& clock_;
  RunMonitor& monitor_;
  Line& load_done_;
  Line& store_done_;
  LoadCommand load_command_;
  StoreCommand store_command_;
  Channel load_, store_;
  std::vector<std::byte> staging_;
};

}  // namespace attnguard
