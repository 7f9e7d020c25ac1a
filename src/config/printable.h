// Names that users give, in messages.
#pragma once

#include <string>
#include <string_view>

namespace attnguard {

/// Control characters as C writes them, so that a name cannot break a line or steer a terminal.
std::string printable(std::string_view text);

}  // namespace attnguard
