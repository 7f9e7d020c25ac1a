// How a report is told from other pages.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>

namespace attnguard {

/// So that no page of the user's own is ever replaced.
inline bool is_report(const std::filesystem::path& file) {
  constexpr std::size_t kHead = 1024;
  std::string head(kHead, '\0');
  std::ifstream(file, std::ios::binary).read(head.data(), kHead);
  return head.find("<meta name=\"generator\" content=\"attnguard ") != std::string::npos;
}

}  // namespace attnguard
