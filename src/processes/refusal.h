// What the machine refuses, of whatever type the exception is.
#pragma once

#include <optional>
#include <string>

namespace attnguard {

/// Of the exception being handled, one line if it says that a file, memory or another process could
/// not be had; call it in a catch block.
std::optional<std::string> current_refusal();

}  // namespace attnguard
