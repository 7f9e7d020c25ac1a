// A temporary folder, and what a test reads in it.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "src/selftest/scratch_folder.h"

namespace attnguard {

inline std::string read_text(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace attnguard
