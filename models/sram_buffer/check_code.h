// Check codes of one memory word: even parity, and single error correction with double error
// detection (SECDED). Plain C++.
//
// SECDED is an odd-weight-column code after Hsiao ("A class of optimal minimum odd-weight-column
// SEC-DED codes", IBM J. Res. Dev. 14, 1970): (22,16), (39,32) and (72,64). Check bit r is the
// parity of the data bits whose column has bit r set. Data bit 0, 1, 2 … have the r-bit numbers of
// weight 3 in ascending order, then those of weight 5; check bit r has the column 1 << r. The sum
// of two columns has even weight, so it is none of the columns: every double error is told from
// every single one. Which columns of a weight are taken decides what errors of three and more bits
// look like, and nothing else; rows are not balanced, as circuits prefer them.
#pragma once

#include <cstdint>
#include <vector>

namespace attnguard {

enum class CodeKind : std::uint8_t { none, parity, secded };

/// What a decoder says of a word: no error seen; an error seen and removed; an error seen and left.
enum class Decoded : std::uint8_t { clean, corrected, detected };

struct CodeWord {
  std::uint64_t data = 0;   ///< the low data_bits
  std::uint32_t check = 0;  ///< the low check_bits
};

class CheckCode {
 public:
  /// `kind`: parity or secded. `data_bits`: 16, 32 or 64. Throws std::logic_error for others.
  CheckCode(CodeKind kind, std::uint32_t data_bits);

  std::uint32_t data_bits() const { return static_cast<std::uint32_t>(columns_.size()); }
  /// 1 for parity; 6, 7 or 8.
  std::uint32_t check_bits() const { return check_bits_; }
  /// Check bits of `data`.
  std::uint32_t encode(std::uint64_t data) const;
  /// Removes the error from `word` if it is corrected; else leaves it as it is.
  Decoded decode(CodeWord& word) const;

 private:
  CodeKind kind_;
  std::uint32_t check_bits_ = 1;
  std::vector<std::uint32_t> columns_;  ///< of the data bits
};

}  // namespace attnguard
