#include "src/files/whole_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <system_error>

#include "src/files/output_file.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;

/// `name`, hidden, and as no other process calls it.
fs::path temporary_for(const fs::path& file) {
  return file.parent_path() / fmt::format(".{}.{}", file.filename().string(), ::getpid());
}

}  // namespace

void write_whole(const fs::path& file, std::string_view bytes) {
  const fs::path temporary = temporary_for(file);
  try {
    OutputFile output(temporary);
    output << bytes;
    output.finish();
    std::error_code error;
    fs::rename(temporary, file, error);
    if (error) throw std::system_error(error, file.string());
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

}  // namespace attnguard
