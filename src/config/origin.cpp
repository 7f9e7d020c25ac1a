#include "src/config/origin.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "src/config/user_error.h"

namespace attnguard {

std::string ConfigOrigin::where(std::string_view pointer) const {
  for (auto option = options.rbegin(); option != options.rend(); ++option) {
    const std::string& set = option->first;
    if (pointer == set) return option->second;
    if (pointer.size() > set.size() && pointer.substr(0, set.size()) == set &&
        pointer[set.size()] == '/')
      return fmt::format("{}#{}", option->second, pointer);
  }
  return fmt::format("{}#{}", file, pointer);
}

void ConfigOrigin::reject(std::string_view pointer, std::string_view value,
                          std::string_view allowed) const {
  throw UserError(fmt::format("{}: {}; {}", where(pointer), value, allowed));
}

std::string child_pointer(std::string_view parent, std::string_view key) {
  std::string escaped;
  for (const char c : key) {
    if (c == '~')
      escaped += "~0";
    else if (c == '/')
      escaped += "~1";
    else
      escaped += c;
  }
  // dump() writes control characters and broken UTF-8 as escapes.
  const std::string quoted =
      nlohmann::json(escaped).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return fmt::format("{}/{}", parent, quoted.substr(1, quoted.size() - 2));
}

}  // namespace attnguard
