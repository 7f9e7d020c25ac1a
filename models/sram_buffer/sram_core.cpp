#include "models/sram_buffer/sram_core.h"

#include <algorithm>
#include <cstring>

namespace attnguard {

SramCore::SramCore(const BufferConfig& config, Format element, std::uint32_t line_elements)
    : line_elements_(line_elements),
      element_bytes_(bytes_of(element)),
      word_bytes_(config.word_bits / 8),
      element_(element),
      read_latency_(config.read_latency_cycles),
      write_latency_(config.write_latency_cycles),
      storage_(std::size_t{config.words} * (config.word_bits / 8)) {
  const std::uint32_t line_words = line_bytes() / word_bytes_;
  const auto cycles_at = [&](std::uint32_t words_per_cycle) {
    return words_per_cycle == 0 ? 1 : (line_words + words_per_cycle - 1) / words_per_cycle;
  };
  // Consecutive words fall into consecutive banks, so a bank serves at most ceil(line_words /
  // banks) of them.
  beat_interval_ = std::max(cycles_at(config.port_words), cycles_at(config.banks));
  if (config.is_protected())
    code_.emplace(config.protection->code, config.protection->data_bits,
                  config.protection->interleaving);
}

void SramCore::declare(FaultUniverse& universe, const std::string& name) {
  RegisterClass cls;
  cls.path = name + ".word[{}]";
  cls.extents = {static_cast<std::uint32_t>(storage_.size() / word_bytes_)};
  cls.bits = word_bytes_ * 8;
  cls.kind = StorageKind::sram;
  cls.coded = code_.has_value();
  reg_ = universe.declare(cls);
  if (!code_) return;
  cls.path = name + ".check[{}]";
  cls.extents = {static_cast<std::uint32_t>(storage_.size() / code_->bytes())};
  cls.bits = code_->check_bits();
  cls.domain = Domain::safety_mechanism;
  check_reg_ = universe.declare(cls);
}

void SramCore::reset() {
  ++run_;  // a word is read only after it was written in the same run, so the storage need not be
           // cleared
  tap_.disarm();
  faulty_groups_.clear();
  code_reads_ = {};
}

void SramCore::abandon(std::uint64_t cycle) {
  ++run_;
  tap_.abandon(cycle);
  faulty_groups_.clear();
}

/// Lanes that a read of `used` ones looks at: all of a code group that holds one of them.
std::uint32_t SramCore::read_lanes(std::uint32_t used) const {
  if (!code_) return used;
  const std::uint32_t group_bytes = code_->bytes();
  return (used * element_bytes_ + group_bytes - 1) / group_bytes * group_bytes / element_bytes_;
}

/// First byte of a word, or of the group of check bits.
std::uint64_t SramCore::byte_of(const Site& site) const {
  return std::uint64_t{site.index} * (site.reg == reg_ ? word_bytes_ : code_->bytes());
}

/// The cycle in which the beat of `byte` crosses, if that is one of the lanes looked at.
std::optional<std::uint64_t> SramCore::read_cycle(const LineAccess& access,
                                                  std::uint64_t byte) const {
  const std::uint64_t lines = std::uint64_t{access.timing.groups} * access.timing.beats;
  if (byte < access.address || byte >= access.address + lines * line_bytes()) return std::nullopt;
  const std::uint64_t line = (byte - access.address) / line_bytes();
  const auto group = static_cast<std::uint32_t>(line / access.timing.beats);
  const auto beat = static_cast<std::uint32_t>(line % access.timing.beats);
  const std::uint64_t lane = (byte - access.address) % line_bytes() / element_bytes_;
  const std::uint32_t used =
      group + 1 == access.timing.groups ? access.last_group_lanes : access.lanes;
  if (lane >= read_lanes(used)) return std::nullopt;
  return access.timing.cycle(group, beat);
}

/// Calls touch(site, cycle of its beat) for the armed faults' sites that the access looks at.
template <class Touch>
void SramCore::touch_faulty_sites(const LineAccess& access, Touch touch) {
  for (const ArmedFault& armed : tap_.armed()) {
    const Site site = armed.fault.site;
    if (const auto cycle = read_cycle(access, byte_of(site))) touch(site, *cycle);
  }
}

void SramCore::preload(const LineAccess& access, const std::byte* data) {
  std::memcpy(storage_.data() + access.address, data,
              std::size_t{access.timing.groups} * access.timing.beats * line_bytes());
  Region& region = regions_[access.address];
  region.written = access;
  region.was_read = false;
  region.preloaded = true;
  region.run = run_;
}

void SramCore::write(const LineAccess& access, const std::byte* data, LiveLog& log) {
  if (tap_.pending())
    touch_faulty_sites(access, [&](const Site& site, std::uint64_t cycle) {
      tap_.write(site.reg, site.index, cycle + write_latency_);
    });
  const std::uint64_t bytes =
      std::uint64_t{access.timing.groups} * access.timing.beats * line_bytes();
  std::memcpy(storage_.data() + access.address, data, bytes);
  faulty_groups_.erase(faulty_groups_.lower_bound(access.address),
                       faulty_groups_.lower_bound(access.address + bytes));
  Region& region = regions_[access.address];
  if (log.enabled() && region.run == run_) add_live(region, log);
  region.written = access;
  region.was_read = region.preloaded = false;
  region.run = run_;
}

/// What was written at the address, nullptr if nothing ever was. The few addresses that tiles have
/// are asked for all the time.
SramCore::Region* SramCore::find_region(std::uint64_t address) {
  Region*& recent = recent_regions_[address * 0x9E3779B97F4A7C15U >> 58U];
  if (recent != nullptr && recent->written.address == address) return recent;
  const auto found = regions_.find(address);
  return found == regions_.end() ? nullptr : recent = &found->second;
}

bool SramCore::read(const LineAccess& access, std::byte* data) {
  Region* const found = find_region(access.address);
  if (found == nullptr || found->run != run_) return false;
  Region& region = *found;
  const BeatTiming& written = region.written.timing;
  // Both are affine in (group, beat), so the corners decide.
  for (const std::uint32_t group : {0U, access.timing.groups - 1})
    for (const std::uint32_t beat : {0U, access.timing.beats - 1})
      if (!region.preloaded &&
          access.timing.cycle(group, beat) <= written.cycle(group, beat) + write_latency_)
        return false;
  region.last_read = access;
  region.was_read = true;

  if (tap_.pending())
    touch_faulty_sites(access, [&](const Site& site, std::uint64_t cycle) {
      read_site(site, cycle, place_of(access.tile));
    });
  std::memcpy(data, storage_.data() + access.address,
              std::size_t{access.timing.groups} * access.timing.beats * line_bytes());
  code_errors_ = {};
  code_errors_.place = place_of(access.tile, 0);
  if (!faulty_groups_.empty()) decode_faulty_groups(access, data);
  return true;
}

/// The group that `byte` lies in. No fault has reached it before: it still is what was written.
SramCore::FaultyGroup& SramCore::faulty_group(std::uint64_t byte) {
  const std::uint64_t first = byte - byte % code_->bytes();
  const auto [at, inserted] = faulty_groups_.try_emplace(first);
  FaultyGroup& group = at->second;
  if (inserted) {
    const std::byte* data = storage_.data() + first;
    group.written.assign(data, data + code_->bytes());
    group.check = code_->encode(data);
  }
  return group;
}

/// What a fault due makes of the site stays in the array.
void SramCore::read_site(const Site& site, std::uint64_t cycle, const Place& place) {
  FaultyGroup* group = code_ ? &faulty_group(byte_of(site)) : nullptr;
  if (site.reg != reg_) {
    tap_.read(site.reg, site.index, cycle, group->check, place, code_->check_bits());
    return;
  }
  std::byte* at = storage_.data() + byte_of(site);
  std::uint64_t raw = 0;
  std::memcpy(&raw, at, word_bytes_);
  if (tap_.read(site.reg, site.index, cycle, raw, place, word_bytes_ * 8))
    std::memcpy(at, &raw, word_bytes_);
}

void SramCore::decode_faulty_groups(const LineAccess& access, std::byte* data) {
  for (const auto& [first, group] : faulty_groups_) {
    const auto cycle = read_cycle(access, first);
    if (!cycle) continue;
    const CodeReads reads =
        code_->decode(data + (first - access.address), group.check, group.written.data());
    code_reads_ += reads;
    code_errors_.add(reads, *cycle + read_latency_);
  }
}

void SramCore::flush_live(LiveLog& log) {
  if (!log.enabled()) return;
  for (const auto& [address, region] : regions_)
    if (region.run == run_) add_live(region, log);
}

void SramCore::add_live(const Region& region, LiveLog& log) const {
  if (!region.was_read) return;
  const std::uint32_t element_words = element_bytes_ / word_bytes_;
  LiveBlock block;
  block.tile = region.written.tile.id();
  block.reg = reg_;
  // The low word of a 32-bit element is all mantissa; the high word has the fields of bfloat16.
  for (std::uint32_t word = 0; word < element_words; ++word) {
    block.format = element_words == 1 ? element_ : word == 0 ? Format::low_half : Format::bfloat16;
    add_live_sites(region, word_bytes_, word, element_words, read_lanes(region.written.lanes),
                   read_lanes(region.written.last_group_lanes), block, log);
  }
  if (!code_) return;
  const auto groups = [&](std::uint32_t lanes) {
    return read_lanes(lanes) * element_bytes_ / code_->bytes();
  };
  block.reg = check_reg_;
  block.format = Format::flag;
  block.flags = code_->check_bits();
  add_live_sites(region, code_->bytes(), 0, 1, groups(region.written.lanes),
                 groups(region.written.last_group_lanes), block, log);
}

/// Sites that stand for `site_bytes` of a line each: every `step`-th from the `first` one on,
/// `count` of them in a line, `last_count` in a line of the last group.
void SramCore::add_live_sites(const Region& region, std::uint32_t site_bytes, std::uint32_t first,
                              std::uint32_t step, std::uint32_t count, std::uint32_t last_count,
                              LiveBlock block, LiveLog& log) const {
  BeatTiming written = region.written.timing;
  if (region.preloaded) written.group_interval_cycles = written.beat_interval_cycles = 0;
  const BeatTiming& read = region.last_read.timing;
  const auto difference = [](std::uint64_t a, std::uint64_t b) {
    return static_cast<std::int64_t>(a) - static_cast<std::int64_t>(b);
  };
  const std::uint32_t line_sites = line_bytes() / site_bytes;
  block.index_step = {static_cast<std::int64_t>(written.beats) * line_sites, line_sites, step};
  const auto add = [&](std::uint32_t first_group, std::uint32_t groups, std::uint32_t sites) {
    if (groups == 0) return;
    block.count = {groups, written.beats, sites};
    block.index = static_cast<std::uint32_t>(region.written.address / site_bytes) +
                  first_group * written.beats * line_sites + first;
    block.start = region.preloaded ? 0 : written.cycle(first_group, 0) + write_latency_;
    block.length = difference(read.cycle(first_group, 0), block.start);
    block.start_step = {written.group_interval_cycles, written.beat_interval_cycles, 0};
    block.length_step = {difference(read.group_interval_cycles, written.group_interval_cycles),
                         difference(read.beat_interval_cycles, written.beat_interval_cycles), 0};
    log.add(block);
  };
  const bool ragged = count != last_count;
  add(0, written.groups - (ragged ? 1 : 0), count);
  if (ragged) add(written.groups - 1, 1, last_count);
}

}  // namespace attnguard
