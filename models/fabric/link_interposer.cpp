#include "models/fabric/link_interposer.h"

#include <cstring>

namespace attnguard {

LinkInterposer::LinkInterposer(sc_core::sc_module_name name, const Clock& clock,
                               FaultUniverse& universe, LiveLog& log, const std::string& link,
                               std::uint32_t lanes, std::uint32_t bits, std::uint32_t address_bits,
                               Domain domain)
    : Interposer(name, clock, log), bits_(bits) {
  RegisterClass data;
  data.path = "link." + link + ".data";
  data.bits = bits;
  data.lanes = lanes;
  data.domain = domain;
  data.kind = StorageKind::link;
  reg_ = universe.declare(data);
  transfer_.declare(universe, link, address_bits, domain);
}

void LinkInterposer::cross(std::uint64_t cycle, tlm::tlm_generic_payload& payload,
                           sc_core::sc_time& delay) {
  if (log_.enabled()) transfer_.record(cycle, burst_of(payload).tile.id());
  if (ArmedFault* armed = transfer_.struck(tap_, cycle)) {
    TransferSite::activate(*armed, cycle, payload.get_address(), place_of(burst_of(payload).tile));
    tap_.update_pending();
    return disturb(*armed, payload, delay);
  }
  forward(payload, delay);
}

void LinkInterposer::forward(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  // Timing of a read is filled in by the target, so the beats are known only once it has answered.
  if (payload.is_read()) pass(payload, delay);
  if (log_.enabled()) record(burst_of(payload), payload.get_address());
  if (tap_.pending()) corrupt(payload);
  if (!payload.is_read()) pass(payload, delay);
}

void LinkInterposer::disturb(ArmedFault& armed, tlm::tlm_generic_payload& payload,
                             sc_core::sc_time& delay) {
  Burst& burst = burst_of(payload);
  const std::uint64_t late = armed.fault.delay_cycles;
  switch (armed.fault.how.model) {
    case FaultModel::address:
      payload.set_address(payload.get_address() ^ armed.fault.mask());
      return forward(payload, delay);
    case FaultModel::drop:
      // A write waits for no answer; a read gets none.
      payload.set_response_status(payload.is_read() ? tlm::TLM_INCOMPLETE_RESPONSE
                                                    : tlm::TLM_OK_RESPONSE);
      return;
    case FaultModel::duplicate:
      forward(payload, delay);
      return forward(payload, delay);
    case FaultModel::delay:
      if (payload.is_read()) {
        forward(payload, delay);
        burst.timing.first_cycle += late;
        return;
      }
      burst.timing.first_cycle += late;
      forward(payload, delay);
      burst.timing.first_cycle -= late;  // who sent it does not know
      return;
    default:
      payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
  }
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

void LinkInterposer::corrupt(tlm::tlm_generic_payload& payload) {
  const Burst& burst = burst_of(payload);
  for (ArmedFault& armed : tap_.armed()) {
    const Fault& fault = armed.fault;
    if (armed.spent || fault.site.reg != reg_) continue;
    const std::uint32_t lane = fault.bit / bits_;
    if (armed.once()) {
      if (const auto at = element_at(burst, fault.cycle, lane)) act(armed, payload, *at);
      continue;
    }
    // A wire holds nothing: what crosses while the fault acts is changed, nothing else.
    for (std::uint32_t group = 0; group < burst.timing.groups; ++group) {
      if (lane < burst.first_lane || lane - burst.first_lane >= burst.lanes_of(group)) continue;
      for (std::uint32_t beat = 0; beat < burst.timing.beats; ++beat) {
        const std::uint64_t cycle = burst.timing.cycle(group, beat);
        if (fault.how.acts(fault.cycle, cycle, cycle + 1))
          act(armed, payload, {group, beat, lane - burst.first_lane});
      }
    }
  }
  tap_.update_pending();
}

void LinkInterposer::act(ArmedFault& armed, tlm::tlm_generic_payload& payload,
                         const BurstElement& at) {
  const Burst& burst = burst_of(payload);
  const std::uint64_t cycle = burst.timing.cycle(at.group, at.beat);
  if (armed.fault.how.model == FaultModel::probe) return armed.count(cycle);
  Fault within = armed.fault;
  within.bit = armed.fault.bit % bits_;
  unsigned char* element = payload.get_data_ptr() + burst.offset(at.group, at.beat, at.lane);
  std::uint64_t raw = 0;
  std::memcpy(&raw, element, bytes_of(burst.format));
  const std::uint64_t after = within.applied(raw, bits_of(burst.format));
  if (after == raw) return;
  std::memcpy(element, &after, bytes_of(burst.format));
  armed.activate(cycle, raw, after, place_of(burst.tile));
}

}  // namespace attnguard
