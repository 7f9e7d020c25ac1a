#include "src/config/printable.h"

#include <fmt/format.h>

#include <cstddef>

namespace attnguard {
namespace {

/// Bytes of the character that `text` begins with; 0 if it is none that can be printed on a line.
std::size_t printable_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  if (first < 0xc2 || first > 0xf4) return 0;
  const std::size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  unsigned code = first & 0x7fU >> length;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3fU);
  }
  constexpr unsigned kSmallest[] = {0xa0, 0x800, 0x10000};  // below 0xa0: control characters
  const bool surrogate = code >= 0xd800 && code < 0xe000, separator = code >> 1 == 0x2028 >> 1;
  return code < kSmallest[length - 2] || code > 0x10ffff || surrogate || separator ? 0 : length;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string line;
  while (!text.empty()) {
    std::size_t length = printable_length(text);
    if (length > 0) {
      line += text.substr(0, length);
    } else {
      const char c = text[length++];
      line += c == '\n'   ? "\\n"
              : c == '\r' ? "\\r"
              : c == '\t' ? "\\t"
                          : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    text.remove_prefix(length);
  }
  return line;
}

}  // namespace attnguard
