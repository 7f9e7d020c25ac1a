#include "src/files/input_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <system_error>

namespace attnguard {

std::string read_file(const std::filesystem::path& file) {
  constexpr std::size_t kBlock = std::size_t{1} << 16U;
  const auto fail = [&](int error) {
    throw std::system_error(error, std::generic_category(), file.string());
  };
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(errno);
  std::string bytes;
  std::array<char, kBlock> block{};
  for (;;) {
    const ssize_t count = ::read(fd, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    const int error = errno;
    if (count <= 0) ::close(fd);
    if (count < 0) fail(error);
    if (count == 0) return bytes;
    bytes.append(block.data(), static_cast<std::size_t>(count));
  }
}

nlohmann::ordered_json read_own_json(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return {};
  return nlohmann::ordered_json::parse(read_file(file), nullptr, false);
}

}  // namespace attnguard
