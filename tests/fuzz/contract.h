// What every reader promises: it accepts its input, or it refuses it with a UserError of one
// printable line. libFuzzer and the sanitizers see the rest: crashes, time and memory.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "src/config/user_error.h"

namespace attnguard {

inline void require(bool holds, const char* promise, std::string_view seen = {}) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s: %.*s\n", promise, static_cast<int>(seen.size()), seen.data());
  std::abort();
}

/// No control character, ASCII or U+0080 to U+009F, and no line or paragraph separator.
inline bool is_one_line(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = [&](std::size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
    };
    if (byte(i) < 0x20 || byte(i) == 0x7f) return false;
    if (byte(i) == 0xc2 && byte(i + 1) < 0xa0) return false;
    if (byte(i) == 0xe2 && byte(i + 1) == 0x80 && (byte(i + 2) == 0xa8 || byte(i + 2) == 0xa9))
      return false;
  }
  return true;
}

/// Whether `read` accepts. Any other exception ends the process.
template <class Read>
bool accepts(Read read) {
  try {
    read();
    return true;
  } catch (const UserError& error) {
    const std::string_view what = error.what();
    require(!what.empty() && is_one_line(what), "a message is one printable line", what);
    require(what.size() <= 2048, "a message has at most 2048 bytes", what);
    return false;
  }
}

}  // namespace attnguard
