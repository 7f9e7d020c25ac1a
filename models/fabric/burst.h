// The TLM-2.0 payload of a tile: generic payload plus the extension that says which tile it is,
// when each beat crosses and where each element lies. Data always travels in the payload.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <systemc>
#include <tlm>

#include "models/fabric/burst_shape.h"
#include "models/fabric/routed_socket.h"
#include "models/fabric/run_monitor.h"

namespace attnguard {

/// Extension of every tile burst.
struct Burst final : tlm::tlm_extension<Burst>, BurstShape {
  tlm::tlm_extension_base* clone() const override { return new Burst(*this); }
  void copy_from(const tlm::tlm_extension_base& other) override {
    *this = static_cast<const Burst&>(other);
  }
};

/// The sending end of a link: an initiator socket with a payload it reuses and a count of the bytes
/// sent.
class BurstPort : public RoutedSocket<BurstPort> {
 public:
  /// `monitor`: an error answer ends the run; without, it is the caller's business.
  explicit BurstPort(const char* name, RunMonitor* monitor = nullptr)
      : RoutedSocket(name), monitor_(monitor) {
    payload_.set_extension(&burst);
  }
  ~BurstPort() override { payload_.clear_extension(&burst); }

  Burst burst;  ///< filled in by the unit before each transfer

  /// Moves the burst described by `burst`. False if the target answers with an error or not at all.
  bool write(std::uint64_t address, const void* data, std::size_t bytes) {
    return transfer(tlm::TLM_WRITE_COMMAND, address, const_cast<void*>(data), bytes);
  }
  bool read(std::uint64_t address, void* data, std::size_t bytes) {
    return transfer(tlm::TLM_READ_COMMAND, address, data, bytes);
  }
  /// The last transfer got no answer: whoever waits for it waits for ever.
  bool lost() const { return lost_; }
  std::uint64_t bytes() const { return bytes_; }
  void reset() {
    bytes_ = 0;
    lost_ = false;
  }

 private:
  bool transfer(tlm::tlm_command command, std::uint64_t address, void* data, std::size_t bytes) {
    payload_.set_command(command);
    payload_.set_address(address);
    payload_.set_data_ptr(static_cast<unsigned char*>(data));
    payload_.set_data_length(static_cast<unsigned>(bytes));
    payload_.set_streaming_width(static_cast<unsigned>(bytes));
    payload_.set_byte_enable_ptr(nullptr);
    payload_.set_dmi_allowed(false);
    payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    b_transport(payload_, delay);
    bytes_ += burst.bytes();
    lost_ = payload_.get_response_status() == tlm::TLM_INCOMPLETE_RESPONSE;
    if (payload_.is_response_ok()) return true;
    if (monitor_ != nullptr && !lost_)
      monitor_->crash(std::string(this->name()) + " got " + payload_.get_response_string());
    return false;
  }

  tlm::tlm_generic_payload payload_;
  RunMonitor* monitor_;
  bool lost_ = false;
  std::uint64_t bytes_ = 0;
};

/// The burst extension of a payload; every payload on a tile link carries one.
inline Burst& burst_of(tlm::tlm_generic_payload& payload) {
  return *payload.get_extension<Burst>();
}

}  // namespace attnguard
