#include "src/files/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <system_error>
#include <utility>

namespace attnguard {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 16U;

}  // namespace

OutputFile::OutputFile(std::filesystem::path file) : file_(std::move(file)) {
  do fd_ = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  while (fd_ < 0 && errno == EINTR);
  if (fd_ < 0) fail();
}

OutputFile::~OutputFile() {
  if (fd_ >= 0) ::close(fd_);
}

OutputFile& OutputFile::operator<<(std::string_view bytes) {
  if (waiting_.size() + bytes.size() > kBlock) {
    write(waiting_);
    waiting_.clear();
  }
  if (bytes.size() > kBlock)
    write(bytes);
  else
    waiting_ += bytes;
  return *this;
}

void OutputFile::finish() {
  write(waiting_);
  // Some file systems find out only now that there is no room.
  while (::fsync(fd_) != 0)
    if (errno != EINTR) fail();
  // Whatever close() says, the descriptor is gone. Interrupted, it has closed all the same.
  if (::close(std::exchange(fd_, -1)) != 0 && errno != EINTR) fail();
}

void OutputFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail();
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void OutputFile::fail() const {
  throw std::system_error(errno, std::generic_category(), file_.string());
}

}  // namespace attnguard
