// Which build of the tool this is.
#pragma once

#include <string_view>

namespace attnguard {

std::string_view tool_version();
/// The commit the build was configured at, with "-dirty" for local changes; "unknown" outside a
/// repository.
std::string_view tool_git();

}  // namespace attnguard
