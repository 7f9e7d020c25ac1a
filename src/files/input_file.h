// All of a file.
#pragma once

#include <filesystem>
#include <string>

namespace attnguard {

/// Its bytes. Failures as of OutputFile: never a part of a file, as std::ifstream may give.
std::string read_file(const std::filesystem::path& file);

}  // namespace attnguard
