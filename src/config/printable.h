// Names and values that users and files give, in messages.
#pragma once

#include <string>
#include <string_view>

namespace attnguard {

/// Control characters and bytes that are no UTF-8 as \n, \r, \t or \x1b, so that a name cannot break
/// a line or steer a terminal.
std::string printable(std::string_view text);

}  // namespace attnguard
