#include "src/campaign/faults/population.h"

#include <algorithm>

namespace attnguard {
namespace {

constexpr std::array kFields{BitField::sign, BitField::exponent, BitField::mantissa,
                             BitField::control};

// The run of adjacent live bits of a block that belong to `field`.
class FieldBits {
 public:
  explicit FieldBits(BitField field) : field_(field) {}

  struct Run {
    std::uint32_t first = 0, count = 0;
  };
  // Remembered from block to block: most of a register class hold the same format.
  Run operator()(const LiveBlock& block) {
    if (block.format == Format::flag) return {0, field_ == BitField::control ? block.flags : 0};
    if (format_ != block.format) {
      format_ = block.format;
      run_ = {};
      for (std::uint32_t bit = 0; bit < block.bits(); ++bit)
        if (bit_field(block.format, bit) == field_ && run_.count++ == 0) run_.first = bit;
    }
    return run_;
  }

 private:
  BitField field_;
  Format format_ = Format::flag;
  Run run_;
};

// Calls use(block) for blocks that together hold exactly the chosen instances of `block`.
template <class Use>
void restrict_block(const LiveBlock& block, const SelectedClass& selected, Use use) {
  if (selected.chosen.empty()) return use(block);
  // Counters that move the instance are unrolled, the others kept.
  std::array<std::uint32_t, 3> unroll{};
  for (std::size_t d = 0; d < 3; ++d) unroll[d] = block.index_step[d] != 0 ? block.count[d] : 1;
  for (std::uint32_t i = 0; i < unroll[0]; ++i)
    for (std::uint32_t j = 0; j < unroll[1]; ++j)
      for (std::uint32_t k = 0; k < unroll[2]; ++k) {
        LiveBlock part = block;
        const std::array<std::int64_t, 3> at{i, j, k};
        std::int64_t index = block.index;
        for (std::size_t d = 0; d < 3; ++d) {
          index += at[d] * block.index_step[d];
          part.start += static_cast<std::uint64_t>(at[d] * block.start_step[d]);
          part.length += at[d] * block.length_step[d];
          if (block.index_step[d] != 0) {
            part.count[d] = 1;
            part.index_step[d] = part.start_step[d] = part.length_step[d] = 0;
          }
        }
        part.index = static_cast<std::uint32_t>(index);
        if (selected.contains(part.index)) use(part);
      }
}

}  // namespace

std::string_view bit_field_name(BitField field) {
  switch (field) {
    case BitField::sign:
      return "sign";
    case BitField::exponent:
      return "exponent";
    case BitField::mantissa:
      return "mantissa";
    case BitField::control:
      return "control";
  }
  return {};
}

void Stratum::add(const LiveBlock& block, std::uint32_t first_bit, std::uint32_t bits,
                  std::uint32_t lane_bits) {
  std::int64_t longest = block.length;
  for (std::size_t d = 0; d < 3; ++d)
    longest += std::max<std::int64_t>(0, block.length_step[d] * (std::int64_t{block.count[d]} - 1));
  add(Piece{block, first_bit, bits, lane_bits,
            static_cast<std::uint64_t>(std::max<std::int64_t>(longest, 0))},
      block.live_cycles() * bits);
}

void Stratum::add_first(const LiveBlock& block, std::uint32_t first_bit, std::uint32_t bits) {
  std::uint64_t instances = 0;
  for (std::uint32_t i = 0; i < block.count[0]; ++i)
    for (std::uint32_t j = 0; j < block.count[1]; ++j)
      for (std::uint32_t k = 0; k < block.count[2]; ++k) instances += block.length_at(i, j, k) > 0;
  add(Piece{block, first_bit, bits, 0, 1}, instances * bits);
}

void Stratum::add(const Piece& piece, std::uint64_t cells) {
  if (cells == 0) return;
  ends_.push_back(live_bit_cycles() + cells);
  pieces_.push_back(piece);
}

void Stratum::add(const Stratum& other) {
  for (std::size_t i = 0; i < other.pieces_.size(); ++i)
    add(other.pieces_[i], other.ends_[i] - (i == 0 ? 0 : other.ends_[i - 1]));
}

Fault Stratum::draw(RandomStream& random, LiveBlock& from) const {
  const auto end = std::upper_bound(ends_.begin(), ends_.end(), random.below(live_bit_cycles()));
  const Piece& piece = pieces_[static_cast<std::size_t>(end - ends_.begin())];
  const LiveBlock& block = from = piece.block;
  const std::uint32_t bit = piece.first_bit + static_cast<std::uint32_t>(random.below(piece.bits));
  std::array<std::uint32_t, 3> at{};
  std::uint64_t offset = 0;
  // Lengths may differ over the counters: a cell past the end of its instance is drawn again.
  do {
    for (std::size_t d = 0; d < 3; ++d)
      at[d] = static_cast<std::uint32_t>(random.below(block.count[d]));
    offset = random.below(piece.longest);
  } while (offset >= block.length_at(at[0], at[1], at[2]));

  Fault fault;
  std::int64_t index = block.index, start = static_cast<std::int64_t>(block.start);
  for (std::size_t d = 0; d < 3; ++d) {
    index += block.index_step[d] * at[d];
    start += block.start_step[d] * at[d];
  }
  fault.cycle = static_cast<std::uint64_t>(start) + offset;
  fault.site.reg = block.reg;
  if (piece.lane_bits == 0) {
    fault.site.index = static_cast<std::uint32_t>(index);
    fault.bit = bit;
  } else {
    fault.bit = static_cast<std::uint32_t>(index) * piece.lane_bits + bit;
  }
  return fault;
}

namespace {

using Blocks = std::vector<const LiveBlock*>;

std::vector<Blocks> blocks_by_class(const FaultUniverse& universe,
                                    const std::vector<LiveBlock>& blocks) {
  std::vector<Blocks> by_class(universe.classes().size());
  for (const LiveBlock& block : blocks) by_class[block.reg].push_back(&block);
  return by_class;
}

// Site class × bit field: add(stratum, block, first bit, bits) puts the part of a selected block
// that holds the field into its stratum.
template <class Add>
std::vector<Stratum> field_strata(const FaultUniverse& universe,
                                  const std::vector<SelectedClass>& selected,
                                  const std::vector<LiveBlock>& blocks, Add add) {
  const std::vector<Blocks> by_class = blocks_by_class(universe, blocks);
  std::vector<Stratum> strata;
  for (const SelectedClass& cls : selected) {
    const RegisterClass& reg = universe[cls.reg];
    for (const BitField field : kFields) {
      Stratum stratum(reg.site_class() + "/" + std::string(bit_field_name(field)), reg.domain,
                      cls.reg);
      FieldBits field_bits(field);
      if (cls.chosen.empty()) stratum.reserve(by_class[cls.reg].size());
      for (const LiveBlock* block : by_class[cls.reg]) {
        const auto [first, count] = field_bits(*block);
        if (count == 0) continue;
        restrict_block(*block, cls, [&, first = first, count = count](const LiveBlock& part) {
          add(stratum, part, field, first, count);
        });
      }
      if (stratum.live_bit_cycles() > 0) strata.push_back(std::move(stratum));
    }
  }
  return strata;
}

}  // namespace

std::vector<Stratum> live_strata(const FaultUniverse& universe,
                                 const std::vector<SelectedClass>& selected,
                                 const std::vector<LiveBlock>& blocks) {
  return field_strata(universe, selected, blocks,
                      [&](Stratum& stratum, const LiveBlock& part, BitField, std::uint32_t first,
                          std::uint32_t count) {
                        const RegisterClass& reg = universe[part.reg];
                        stratum.add(part, first, count,
                                    reg.kind == StorageKind::link ? reg.bits : 0);
                      });
}

std::vector<Stratum> addition_strata(const FaultUniverse& universe,
                                     const std::vector<SelectedClass>& selected,
                                     const std::vector<LiveBlock>& blocks) {
  return field_strata(universe, selected, blocks,
                      [&](Stratum& stratum, const LiveBlock& part, BitField field,
                          std::uint32_t first, std::uint32_t count) {
                        if (field == BitField::sign) return;
                        if (universe[part.reg].adder == Adder::per_cycle)
                          stratum.add(part, first, count, 0);
                        else
                          stratum.add_first(part, first, count);
                      });
}

std::vector<Stratum> permanent_strata(const FaultUniverse& universe,
                                      const std::vector<SelectedClass>& selected) {
  std::vector<Stratum> strata;
  for (const SelectedClass& cls : selected) {
    const RegisterClass& reg = universe[cls.reg];
    Stratum stratum(reg.site_class(), reg.domain, cls.reg);
    LiveBlock all;
    all.reg = cls.reg;
    const bool link = reg.kind == StorageKind::link;
    all.count[0] = link ? reg.lanes : static_cast<std::uint32_t>(reg.instances());
    all.index_step[0] = 1;
    if (link)
      stratum.add(all, 0, reg.bits, reg.bits);
    else
      restrict_block(all, cls, [&](const LiveBlock& part) { stratum.add(part, 0, reg.bits, 0); });
    strata.push_back(std::move(stratum));
  }
  return strata;
}

std::vector<Stratum> transfer_strata(const FaultUniverse& universe,
                                     const std::vector<SelectedClass>& selected,
                                     const std::vector<LiveBlock>& blocks, bool addresses) {
  const std::vector<Blocks> by_class = blocks_by_class(universe, blocks);
  std::vector<Stratum> strata;
  for (const SelectedClass& cls : selected) {
    const RegisterClass& reg = universe[cls.reg];
    Stratum stratum(reg.site_class(), reg.domain, cls.reg);
    for (const LiveBlock* block : by_class[cls.reg])
      stratum.add(*block, 0, addresses ? reg.address_bits : 1, 0);
    if (stratum.live_bit_cycles() > 0) strata.push_back(std::move(stratum));
  }
  return strata;
}

}  // namespace attnguard
