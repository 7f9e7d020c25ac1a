#include "src/files/whole_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace attnguard {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& file) {
  throw std::system_error(errno, std::generic_category(), "cannot write " + file.string());
}

void write_all(int fd, std::string_view bytes, const fs::path& file) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(file);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace

void write_whole(const fs::path& file, std::string_view bytes) {
  const fs::path temporary =
      file.parent_path() / fmt::format("{}.{}", file.stem().string(), ::getpid());
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) fail(temporary);
  try {
    write_all(fd, bytes, temporary);
    if (::fsync(fd) != 0) fail(temporary);
  } catch (...) {
    ::close(fd);
    ::unlink(temporary.c_str());
    throw;
  }
  ::close(fd);
  fs::rename(temporary, file);
}

}  // namespace attnguard
