// SHA-256.
#pragma once

#include <string>
#include <string_view>

namespace attnguard {

/// 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace attnguard
