#include "src/campaign/differential/protected_buffers.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "models/checksum_unit/memory_protection.h"

namespace attnguard {

ProtectedBuffers::ProtectedBuffers(const GoldenJob& job)
    : job_(job), buffer_of_(job.universe.classes().size()) {
  const BuffersConfig& configs = job.accelerator.buffers;
  const std::pair<const char*, const BufferConfig*> named[] = {{"q_buffer.", &configs.q},
                                                               {"k_buffer.", &configs.k},
                                                               {"v_buffer.", &configs.v},
                                                               {"o_buffer.", &configs.o}};
  for (std::size_t b = 0; b < 4; ++b) {
    const auto& [name, config] = named[b];
    if (!config->is_protected()) continue;
    const ProtectionConfig& protection = *config->protection;
    Buffer& buffer = buffers_[b].emplace(
        Buffer{CodeGroup(protection.code, protection.data_bits, protection.interleaving),
               config->word_bits / 8, config->read_latency_cycles});
    for (RegisterId reg = 0; reg < buffer_of_.size(); ++reg) {
      const RegisterClass& cls = job.universe[reg];
      if (!cls.coded || cls.path.rfind(name, 0) != 0) continue;
      (cls.domain == Domain::function ? buffer.words : buffer.checks) = reg;
      buffer_of_[reg] = &buffer;
    }
  }
}

DecodedFlip ProtectedBuffers::decode(const Fault& fault) const {
  const Buffer& buffer = *buffer_of_[fault.site.reg];
  constexpr std::size_t kMost = 64;  // bytes of a group: 8 code words of 64 bits
  static constexpr std::array<std::byte, kMost> kNothing{};
  std::array<std::byte, kMost> errors{};
  const std::uint64_t mask = fault.applied(0, job_.universe[fault.site.reg].bits);
  DecodedFlip flip;
  if (fault.site.reg == buffer.checks) {
    flip.reads = buffer.code.decode(errors.data(), mask, kNothing.data());
  } else {
    const std::uint32_t group_words = buffer.code.bytes() / buffer.word_bytes;
    std::byte* word = errors.data() + fault.site.index % group_words * buffer.word_bytes;
    std::memcpy(word, &mask, buffer.word_bytes);
    flip.reads = buffer.code.decode(errors.data(), 0, kNothing.data());
    std::memcpy(&flip.mask, word, buffer.word_bytes);
    std::fill_n(word, buffer.word_bytes, std::byte{0});
  }
  flip.elsewhere = errors != kNothing;
  return flip;
}

Fault ProtectedBuffers::first_word(const Fault& fault) const {
  const Buffer& buffer = *buffer_of_[fault.site.reg];
  Fault word;
  word.site = {buffer.words, fault.site.index * (buffer.code.bytes() / buffer.word_bytes)};
  word.cycle = fault.cycle;
  return word;
}

void ProtectedBuffers::add_reads(const Fault& fault, const DecodedFlip& flip, std::uint64_t count,
                                 std::uint64_t cycle, Measurement& measurement) const {
  for (std::uint64_t read = 0; read < count; ++read) measurement.code_reads += flip.reads;
  CodeErrors errors;
  errors.add(flip.reads, cycle + buffer_of_[fault.site.reg]->read_latency_cycles);
  for (std::size_t c = 0; c < job_.checkers.size(); ++c) {
    const auto* config = job_.checkers[c].options.get_if<MemoryProtectionConfig>();
    if (config == nullptr) continue;
    const std::uint64_t set = MemoryProtection::alarm_cycle(*config, errors);
    if (set != kNever) measurement.checkers[c].alarm_cycle = set + 1;
  }
}

}  // namespace attnguard
