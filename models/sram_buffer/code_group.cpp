#include "models/sram_buffer/code_group.h"

namespace attnguard {

std::uint64_t CodeGroup::data_of(const std::byte* data, std::uint32_t word) const {
  std::uint64_t value = 0;
  for (std::uint32_t bit = 0; bit < code_.data_bits(); ++bit) {
    const std::uint32_t at = bit * interleaving_ + word;
    value |= (std::to_integer<std::uint64_t>(data[at / 8]) >> at % 8 & 1U) << bit;
  }
  return value;
}

void CodeGroup::put_data(std::byte* data, std::uint32_t word, std::uint64_t value) const {
  for (std::uint32_t bit = 0; bit < code_.data_bits(); ++bit) {
    const std::uint32_t at = bit * interleaving_ + word;
    const std::byte mask{static_cast<unsigned char>(1U << at % 8)};
    data[at / 8] = (value >> bit & 1U) != 0 ? data[at / 8] | mask : data[at / 8] & ~mask;
  }
}

std::uint64_t CodeGroup::encode(const std::byte* data) const {
  std::uint64_t check = 0;
  for (std::uint32_t word = 0; word < interleaving_; ++word) {
    const std::uint64_t bits = code_.encode(data_of(data, word));
    for (std::uint32_t bit = 0; bit < code_.check_bits(); ++bit)
      check |= (bits >> bit & 1U) << (bit * interleaving_ + word);
  }
  return check;
}

CodeReads CodeGroup::decode(std::byte* data, std::uint64_t check, const std::byte* written) const {
  CodeReads reads;
  for (std::uint32_t word = 0; word < interleaving_; ++word) {
    CodeWord read{data_of(data, word), 0};
    for (std::uint32_t bit = 0; bit < code_.check_bits(); ++bit)
      read.check |= static_cast<std::uint32_t>(check >> (bit * interleaving_ + word) & 1U) << bit;
    const Decoded decoded = code_.decode(read);
    const bool right = read.data == data_of(written, word);
    switch (decoded) {
      case Decoded::clean:
        reads.missed += right ? 0 : 1;
        break;
      case Decoded::corrected:
        ++(right ? reads.corrected : reads.miscorrected);
        put_data(data, word, read.data);
        break;
      case Decoded::detected:
        ++reads.detected;
        break;
    }
  }
  return reads;
}

}  // namespace attnguard
