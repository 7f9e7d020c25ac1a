#include "models/fabric/link_interposer.h"

#include <cstring>

namespace attnguard {
LinkInterposer::LinkInterposer(sc_core::sc_module_name name, const Clock& clock,
                               FaultUniverse& universe, LiveLog& log, const std::string& link,
                               std::uint32_t lanes, std::uint32_t bits, Domain domain)
    : sc_module(name), in("in"), out("out"), log_(log), clock_(clock), bits_(bits) {
  RegisterClass cls;
  cls.path = "link." + link + ".data";
  cls.bits = bits;
  cls.lanes = lanes;
  cls.domain = domain;
  cls.kind = StorageKind::link;
  reg_ = universe.declare(cls);
  in.bind(static_cast<tlm::tlm_fw_transport_if<>&>(*this));
  out.bind(static_cast<tlm::tlm_bw_transport_if<>&>(*this));
}

void LinkInterposer::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  if (log_.enabled() || tap_.pending()) {
    // Timing of a read is filled in by the target, so the beats are known only once it has
    // answered.
    if (payload.is_read()) target_->b_transport(payload, delay);
    if (log_.enabled()) record(burst_of(payload), payload.get_address());
    if (tap_.pending()) flip(payload);
    if (payload.is_read()) return;
  }
  target_->b_transport(payload, delay);
}

void LinkInterposer::record(const Burst& burst, std::uint64_t address) {
  log_.add(BurstRecord{reg_, burst, address, clock_.cycle()});
  const BeatTiming& timing = burst.timing;
  LiveBlock block;
  block.reg = reg_;
  block.format = burst.format;
  block.index = burst.first_lane;
  block.tile = burst.tile.id();
  block.start = timing.first_cycle;
  const bool ragged = burst.last_group_lanes != burst.lanes;
  block.count = {timing.groups - (ragged ? 1 : 0), timing.beats, burst.lanes};
  block.index_step = {0, 0, 1};
  block.start_step = {timing.group_interval_cycles, timing.beat_interval_cycles, 0};
  if (block.count[0] > 0) log_.add(block);
  if (!ragged) return;
  block.start = timing.cycle(timing.groups - 1, 0);
  block.count = {1, timing.beats, burst.last_group_lanes};
  log_.add(block);
}

void LinkInterposer::flip(tlm::tlm_generic_payload& payload) {
  const Burst& burst = burst_of(payload);
  const Fault& fault = tap_.fault();
  const auto at = element_at(burst, fault.cycle, fault.bit / bits_);
  if (!at) return;
  Fault within = fault;
  within.bit = fault.bit % bits_;
  const std::uint64_t width = bits_of(burst.format);
  const std::uint64_t mask =
      within.mask() & (width >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1);
  if (mask == 0) return;

  unsigned char* element = payload.get_data_ptr() + burst.offset(at->group, at->beat, at->lane);
  std::uint64_t raw = 0;
  std::memcpy(&raw, element, bytes_of(burst.format));
  const std::uint64_t flipped = raw ^ mask;
  std::memcpy(element, &flipped, bytes_of(burst.format));
  tap_.activate(fault.cycle, raw, flipped, place_of(burst.tile));
}

}  // namespace attnguard
