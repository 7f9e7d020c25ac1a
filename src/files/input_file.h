// All of a file.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace attnguard {

/// Its bytes. Failures as of OutputFile: never a part of a file, as std::ifstream may give.
std::string read_file(const std::filesystem::path& file);

/// What a command has written for another: null when there is no such file, discarded
/// (is_discarded) when it is no JSON. Failures as read_file().
nlohmann::ordered_json read_own_json(const std::filesystem::path& file);

}  // namespace attnguard
