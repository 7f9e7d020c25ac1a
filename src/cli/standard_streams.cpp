#include "src/cli/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace attnguard {

void open_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    // The lowest free number is this one. Input that cannot be read, output that cannot be written.
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF)
      ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

bool output_is_complete() { return std::fflush(stdout) == 0 && std::ferror(stdout) == 0; }

void tell(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

}  // namespace attnguard
