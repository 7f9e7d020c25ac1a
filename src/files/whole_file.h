// A file that is there as a whole or not at all.
#pragma once

#include <filesystem>
#include <string_view>

namespace attnguard {

/// Temporary file beside it, fsync, rename: killed at any moment it leaves the whole file, or what
/// was there before. Failures as of OutputFile.
void write_whole(const std::filesystem::path& file, std::string_view bytes);

}  // namespace attnguard
