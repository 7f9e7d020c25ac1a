#include "models/sram_buffer/sram_core.h"

#include <algorithm>
#include <cstring>

namespace attnguard {

SramCore::SramCore(const BufferConfig& config, Format element, std::uint32_t line_elements)
    : line_elements_(line_elements),
      element_bytes_(bytes_of(element)),
      word_bytes_(config.word_bits / 8),
      element_(element),
      write_latency_(config.write_latency_cycles),
      storage_(std::size_t{config.words} * (config.word_bits / 8)) {
  const std::uint32_t line_words = line_bytes() / word_bytes_;
  const auto cycles_at = [&](std::uint32_t words_per_cycle) {
    return words_per_cycle == 0 ? 1 : (line_words + words_per_cycle - 1) / words_per_cycle;
  };
  // Consecutive words fall into consecutive banks, so a bank serves at most ceil(line_words /
  // banks) of them.
  beat_interval_ = std::max(cycles_at(config.port_words), cycles_at(config.banks));
}

void SramCore::declare(FaultUniverse& universe, const std::string& name) {
  RegisterClass cls;
  cls.path = name + ".word[{}]";
  cls.extents = {static_cast<std::uint32_t>(storage_.size() / word_bytes_)};
  cls.bits = word_bytes_ * 8;
  cls.kind = StorageKind::sram;
  reg_ = universe.declare(cls);
}

void SramCore::reset() {
  ++run_;  // a word is read only after it was written in the same run, so the storage need not be
           // cleared
  tap_.disarm();
}

void SramCore::abandon(std::uint64_t cycle) {
  ++run_;
  tap_.abandon(cycle);
}

/// Calls touch(word, cycle of its beat) for the armed faults' words among the used words of the
/// access.
template <class Touch>
void SramCore::touch_faulty_words(const LineAccess& access, Touch touch) {
  const std::uint64_t lines = std::uint64_t{access.timing.groups} * access.timing.beats;
  for (const ArmedFault& armed : tap_.armed()) {
    const std::uint32_t word = armed.fault.site.index;
    const std::uint64_t byte = std::uint64_t{word} * word_bytes_;
    if (byte < access.address || byte >= access.address + lines * line_bytes()) continue;
    const std::uint64_t line = (byte - access.address) / line_bytes();
    const auto group = static_cast<std::uint32_t>(line / access.timing.beats);
    const auto beat = static_cast<std::uint32_t>(line % access.timing.beats);
    const std::uint64_t lane = (byte - access.address) % line_bytes() / element_bytes_;
    const std::uint32_t used =
        group + 1 == access.timing.groups ? access.last_group_lanes : access.lanes;
    if (lane < used) touch(word, access.timing.cycle(group, beat));
  }
}

void SramCore::write(const LineAccess& access, const std::byte* data, LiveLog& log) {
  if (tap_.pending())
    touch_faulty_words(access, [&](std::uint32_t word, std::uint64_t cycle) {
      tap_.write(reg_, word, cycle + write_latency_);
    });
  std::memcpy(storage_.data() + access.address, data,
              std::size_t{access.timing.groups} * access.timing.beats * line_bytes());
  Region& region = regions_[access.address];
  if (log.enabled() && region.run == run_) add_live(region, log);
  region.written = access;
  region.was_read = false;
  region.run = run_;
}

bool SramCore::read(const LineAccess& access, std::byte* data) {
  const auto found = regions_.find(access.address);
  if (found == regions_.end() || found->second.run != run_) return false;
  Region& region = found->second;
  const BeatTiming& written = region.written.timing;
  // Both are affine in (group, beat), so the corners decide.
  for (const std::uint32_t group : {0U, access.timing.groups - 1})
    for (const std::uint32_t beat : {0U, access.timing.beats - 1})
      if (access.timing.cycle(group, beat) <= written.cycle(group, beat) + write_latency_)
        return false;
  region.last_read = access;
  region.was_read = true;

  if (tap_.pending())
    touch_faulty_words(access, [&](std::uint32_t word, std::uint64_t cycle) {
      std::byte* at = storage_.data() + std::size_t{word} * word_bytes_;
      std::uint64_t raw = 0;
      std::memcpy(&raw, at, word_bytes_);
      if (tap_.read(reg_, word, cycle, raw, place_of(access.tile), word_bytes_ * 8))
        std::memcpy(at, &raw, word_bytes_);
    });
  std::memcpy(data, storage_.data() + access.address,
              std::size_t{access.timing.groups} * access.timing.beats * line_bytes());
  return true;
}

void SramCore::flush_live(LiveLog& log) {
  if (!log.enabled()) return;
  for (const auto& [address, region] : regions_)
    if (region.run == run_) add_live(region, log);
}

void SramCore::add_live(const Region& region, LiveLog& log) const {
  if (!region.was_read) return;
  const BeatTiming& written = region.written.timing;
  const BeatTiming& read = region.last_read.timing;
  const auto difference = [](std::uint64_t a, std::uint64_t b) {
    return static_cast<std::int64_t>(a) - static_cast<std::int64_t>(b);
  };
  const std::uint32_t line_words = line_bytes() / word_bytes_;
  const std::uint32_t element_words = element_bytes_ / word_bytes_;
  const bool ragged = region.written.lanes != region.written.last_group_lanes;

  // The low word of a 32-bit element is all mantissa; the high word has the fields of bfloat16.
  for (std::uint32_t word = 0; word < element_words; ++word) {
    LiveBlock block;
    block.tile = region.written.tile.id();
    block.reg = reg_;
    block.format = element_words == 1 ? element_ : word == 0 ? Format::low_half : Format::bfloat16;
    block.index_step = {static_cast<std::int64_t>(written.beats) * line_words, line_words,
                        element_words};
    const auto add = [&](std::uint32_t first_group, std::uint32_t groups, std::uint32_t lanes) {
      if (groups == 0) return;
      block.count = {groups, written.beats, lanes};
      block.index = static_cast<std::uint32_t>(region.written.address / word_bytes_) +
                    first_group * written.beats * line_words + word;
      block.start = written.cycle(first_group, 0) + write_latency_;
      block.length = difference(read.cycle(first_group, 0), block.start);
      block.start_step = {written.group_interval_cycles, written.beat_interval_cycles, 0};
      block.length_step = {difference(read.group_interval_cycles, written.group_interval_cycles),
                           difference(read.beat_interval_cycles, written.beat_interval_cycles), 0};
      log.add(block);
    };
    add(0, written.groups - (ragged ? 1 : 0), region.written.lanes);
    if (ragged) add(written.groups - 1, 1, region.written.last_group_lanes);
  }
}

}  // namespace attnguard
