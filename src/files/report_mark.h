// How a report is told from other pages.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace attnguard {

/// So that no page of the user's own is ever replaced.
inline bool is_report(const std::filesystem::path& file) {
  constexpr std::size_t kHead = 1024;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return false;
  std::string head(kHead, '\0');
  std::ifstream(file, std::ios::binary).read(head.data(), kHead);
  return head.find("<meta name=\"generator\" content=\"attnguard ") != std::string::npos;
}

}  // namespace attnguard
