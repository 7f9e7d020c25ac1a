#include "tests/support/random_faults.h"

#include <algorithm>
#include <array>

namespace attnguard {

LiveMap::LiveMap(const FaultUniverse& universe, const std::vector<LiveBlock>& blocks)
    : universe_(universe) {
  for (const LiveBlock& block : blocks)
    for (std::uint32_t i = 0; i < block.count[0]; ++i)
      for (std::uint32_t j = 0; j < block.count[1]; ++j)
        for (std::uint32_t k = 0; k < block.count[2]; ++k) add(block, i, j, k);
}

bool LiveMap::live(const Fault& fault) const {
  const RegisterClass& cls = universe_[fault.site.reg];
  const bool link = cls.kind == StorageKind::link;
  const auto found = pieces_.find({fault.site.reg, link ? fault.bit / cls.bits : fault.site.index});
  if (found == pieces_.end()) return false;
  for (const Piece& piece : found->second)
    if (piece.start <= fault.cycle && fault.cycle < piece.end &&
        (link ? fault.bit % cls.bits : fault.bit) < piece.bits)
      return true;
  return false;
}

void LiveMap::add(const LiveBlock& block, std::uint32_t i, std::uint32_t j, std::uint32_t k) {
  const auto at = [&](std::int64_t base, const std::array<std::int64_t, 3>& step) {
    return static_cast<std::uint64_t>(base + i * step[0] + j * step[1] + k * step[2]);
  };
  const std::uint64_t start = at(static_cast<std::int64_t>(block.start), block.start_step);
  const std::uint64_t length = block.length_at(i, j, k);
  if (length > 0)
    pieces_[{block.reg, static_cast<std::uint32_t>(at(block.index, block.index_step))}].push_back(
        {start, start + length, block.bits()});
}

std::vector<Fault> random_faults(const FaultUniverse& universe,
                                 const std::vector<LiveBlock>& blocks, std::uint64_t cycles,
                                 std::size_t per_class, FloatSamples& samples) {
  std::vector<Fault> faults;
  std::map<RegisterId, std::vector<const LiveBlock*>> by_register;
  for (const LiveBlock& block : blocks) by_register[block.reg].push_back(&block);
  const auto below = [&](std::uint64_t limit) {
    return static_cast<std::uint32_t>(samples.integer(0, limit - 1));
  };
  for (RegisterId reg = 0; reg < universe.classes().size(); ++reg) {
    const RegisterClass& cls = universe[reg];
    if (cls.kind == StorageKind::transfer) continue;
    for (std::size_t n = 0; n < per_class; ++n) {
      Fault fault;
      fault.site = {reg, below(cls.instances())};
      fault.bit = below(cls.site_bits());
      fault.cycle = below(cycles);
      faults.push_back(fault);
      if (by_register[reg].empty()) continue;
      // Around a live cell: its first and last cycle and their neighbours are where mistakes hide.
      const LiveBlock& block = *by_register[reg][below(by_register[reg].size())];
      const std::uint32_t i = below(block.count[0]), j = below(block.count[1]),
                          k = below(block.count[2]);
      const auto at = [&](std::int64_t base, const std::array<std::int64_t, 3>& step) {
        return base + i * step[0] + j * step[1] + k * step[2];
      };
      const auto index = static_cast<std::uint32_t>(at(block.index, block.index_step));
      const std::uint32_t bit = below(cls.bits);
      const bool link = cls.kind == StorageKind::link;
      fault.site.index = link ? 0 : index;
      fault.bit = link ? index * cls.bits + bit : bit;
      const std::int64_t start = at(static_cast<std::int64_t>(block.start), block.start_step);
      const auto length = static_cast<std::int64_t>(block.length_at(i, j, k));
      const std::int64_t cycle =
          samples.integer(0, 1) == 0
              ? start + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(length) + 1))
              : start - 1 + static_cast<std::int64_t>(samples.integer(0, 1)) * length;
      fault.cycle = static_cast<std::uint64_t>(
          std::clamp<std::int64_t>(cycle, 0, static_cast<std::int64_t>(cycles) - 1));
      faults.push_back(fault);
    }
  }
  return faults;
}

std::vector<Fault> random_transfer_faults(const FaultUniverse& universe,
                                          const std::vector<LiveBlock>& blocks,
                                          std::uint64_t cycles, std::size_t per_model,
                                          FloatSamples& samples) {
  std::map<RegisterId, std::vector<std::uint64_t>> crossings;
  for (const LiveBlock& block : blocks)
    if (universe[block.reg].kind == StorageKind::transfer)
      crossings[block.reg].push_back(block.start);
  std::vector<Fault> faults;
  for (const auto& [reg, at] : crossings)
    for (const FaultModel model : {FaultModel::address, FaultModel::drop, FaultModel::duplicate,
                                   FaultModel::delay, FaultModel::error_response})
      for (std::size_t n = 0; n < per_model; ++n) {
        if (model == FaultModel::address && universe[reg].address_bits == 0) continue;
        Fault fault;
        fault.site.reg = reg;
        fault.how.model = model;
        fault.cycle =
            n % 8 == 7 ? samples.integer(0, cycles - 1) : at[samples.integer(0, at.size() - 1)];
        if (model == FaultModel::address)
          fault.bit =
              static_cast<std::uint32_t>(samples.integer(0, universe[reg].address_bits - 1));
        if (model == FaultModel::delay) fault.delay_cycles = samples.pick(1U, 3U, 20U, 500U);
        faults.push_back(fault);
      }
  return faults;
}

void vary_models(std::vector<Fault>& faults, const FaultUniverse& universe, FloatSamples& samples) {
  for (Fault& fault : faults) {
    const RegisterClass& cls = universe[fault.site.reg];
    const std::uint32_t room = std::min(64U, cls.bits - fault.bit % cls.bits);
    fault.bits_flipped = std::min(samples.pick(1U, 1U, 2U, 5U), room);
    const int model = static_cast<int>(samples.integer(0, cls.adder != Adder::none ? 6 : 5));
    switch (model) {
      case 0:
        break;
      case 1:  // scattered
        fault.pattern = (samples.integer(0, (std::uint64_t{1} << std::min(room, 31U)) - 1)) | 1U;
        break;
      case 2:
      case 3:
        fault.how.model = model == 2 ? FaultModel::stuck_at_0 : FaultModel::stuck_at_1;
        fault.cycle = 0;
        break;
      case 4:
      case 5:
        fault.how.model = FaultModel::intermittent;
        fault.how.value = samples.integer(0, 1) == 1;
        fault.how.period_cycles = samples.pick(1U, 2U, 7U, 40U);
        fault.how.duty_cycles =
            static_cast<std::uint32_t>(samples.integer(1, fault.how.period_cycles));
        break;
      default:
        fault.bits_flipped = 1;
        fault.bit = std::min(fault.bit, cls.bits - 2);  // the sign is no sum's bit
        fault.how.model = FaultModel::carry;
        fault.how.missing = samples.integer(0, 1) == 1;
    }
  }
}

}  // namespace attnguard
