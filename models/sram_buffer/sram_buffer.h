// On-chip buffer (q, k, v or o): two halves, one read and one write port, word-interleaved banks.
//
// Not modelled: refresh and retention, address decoder faults, energy; reads and writes never
// meet in a bank because each bank has a port for either. Timing: a beat takes beat_interval =
// max(⌈line words / port_words⌉, ⌈line words / banks⌉) cycles; data stands at the reader
// read_latency cycles after its beat, a word changes write_latency cycles after its beat. Encoder
// and decoder of a protected buffer lie within these latencies.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <functional>
#include <systemc>
#include <utility>
#include <vector>

#include "models/fabric/burst.h"
#include "models/fabric/timeline.h"
#include "models/fabric/unit_stats.h"
#include "models/sram_buffer/sram_core.h"

namespace attnguard {

class SramBuffer final : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<SramBuffer>
      lines_in;  ///< written by the DMA (q, k, v) or the accumulator (o)
  tlm_utils::simple_target_socket<SramBuffer>
      lines_out;          ///< read by the array (q, k, v) or the DMA (o)
  BurstPort observe_out;  ///< what crosses either port, for the checksum unit

  /// `observe_written` / `observe_read`: Observation bits to send, 0 for none.
  SramBuffer(sc_core::sc_module_name name, SramCore& core, FaultUniverse& universe, LiveLog& log);

  void observe(std::uint32_t written, std::uint32_t read) {
    observe_written_ = written;
    observe_read_ = read;
  }
  /// Told of every burst of reads in which a decoder found an error.
  void report_errors(std::function<void(const CodeErrors&)> report) {
    report_errors_ = std::move(report);
  }
  void reset();
  UnitStats read_stats(std::uint64_t total_cycles) const { return port_stats(read_, total_cycles); }
  UnitStats write_stats(std::uint64_t total_cycles) const {
    return port_stats(write_, total_cycles);
  }
  /// Where the cycles of the ports are kept one by one; nullptr: nowhere.
  void record(UnitTrack* read, UnitTrack* write) {
    read_.track = read;
    write_.track = write;
  }
  static constexpr const char *kIdle = "idle", *kConflict = "conflict";

 private:
  struct Port {
    std::uint64_t beats = 0, conflict_cycles = 0;
    UnitTrack* track = nullptr;
  };
  void write_lines(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void read_lines(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  LineAccess access_of(const tlm::tlm_generic_payload& payload, const Burst& burst) const;
  void send_observation(const tlm::tlm_generic_payload& payload, const Burst& burst,
                        std::uint32_t observation);
  void count(Port& port, const Burst& burst);
  UnitStats port_stats(const Port& port, std::uint64_t total_cycles) const;

  SramCore& core_;
  LiveLog& log_;
  std::uint32_t observe_written_ = 0, observe_read_ = 0;
  std::function<void(const CodeErrors&)> report_errors_;
  Port read_, write_;
  std::vector<unsigned char> observed_;
};

}  // namespace attnguard
