#include "src/config/printable.h"

#include <fmt/format.h>

namespace attnguard {

std::string printable(std::string_view text) {
  constexpr std::string_view kNamed = "\n\r\t", kNames = "nrt";
  std::string shown;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code >= 0x20 && code != 0x7f)
      shown += c;
    else if (const std::size_t named = kNamed.find(c); named != std::string_view::npos)
      shown += {'\\', kNames[named]};
    else
      shown += fmt::format("\\{:03o}", code);  // unlike \x it ends after three digits
  }
  return shown;
}

}  // namespace attnguard
