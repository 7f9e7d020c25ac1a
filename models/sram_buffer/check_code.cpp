#include "models/sram_buffer/check_code.h"

#include <algorithm>
#include <bitset>
#include <stdexcept>

namespace attnguard {
namespace {

std::uint32_t secded_check_bits(std::uint32_t data_bits) {
  switch (data_bits) {
    case 16:
      return 6;
    case 32:
      return 7;
    case 64:
      return 8;
    default:
      throw std::logic_error("a code word of 16, 32 or 64 data bits");
  }
}

std::vector<std::uint32_t> secded_columns(std::uint32_t data_bits, std::uint32_t check_bits) {
  std::vector<std::uint32_t> columns;
  for (const std::size_t weight : {3U, 5U})
    for (std::uint32_t column = 0; column < 1U << check_bits && columns.size() < data_bits;
         ++column)
      if (std::bitset<8>(column).count() == weight) columns.push_back(column);
  return columns;
}

}  // namespace

CheckCode::CheckCode(CodeKind kind, std::uint32_t data_bits) : kind_(kind) {
  const std::uint32_t secded_bits = secded_check_bits(data_bits);
  switch (kind) {
    case CodeKind::none:
      throw std::logic_error("no code");
    case CodeKind::parity:
      columns_.assign(data_bits, 1);
      break;
    case CodeKind::secded:
      check_bits_ = secded_bits;
      columns_ = secded_columns(data_bits, check_bits_);
      break;
  }
}

std::uint32_t CheckCode::encode(std::uint64_t data) const {
  std::uint32_t check = 0;
  for (std::uint32_t bit = 0; bit < data_bits(); ++bit)
    if ((data >> bit & 1U) != 0) check ^= columns_[bit];
  return check;
}

Decoded CheckCode::decode(CodeWord& word) const {
  const std::uint32_t syndrome = word.check ^ encode(word.data);
  if (syndrome == 0) return Decoded::clean;
  if (kind_ == CodeKind::parity) return Decoded::detected;
  if (const auto column = std::find(columns_.begin(), columns_.end(), syndrome);
      column != columns_.end()) {
    word.data ^= std::uint64_t{1} << (column - columns_.begin());
    return Decoded::corrected;
  }
  const bool one_check_bit = (syndrome & (syndrome - 1)) == 0;
  if (!one_check_bit) return Decoded::detected;
  word.check ^= syndrome;
  return Decoded::corrected;
}

}  // namespace attnguard
