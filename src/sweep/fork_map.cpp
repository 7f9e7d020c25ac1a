#include "src/sweep/fork_map.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>
#include <system_error>

#include "src/simulation/errors.h"

namespace attnguard {
namespace {

using Json = nlohmann::ordered_json;

struct Child {
  std::size_t index;
  pid_t pid;
  int fd;
  std::string received;
};

[[noreturn]] void throw_errno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

[[noreturn]] void run_child(int fd, const std::string& text) {
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t count = ::write(fd, text.data() + sent, text.size() - sent);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) ::_exit(1);
    sent += static_cast<std::size_t>(count);
  }
  ::_exit(0);
}

Child start(std::size_t index, const std::function<Json(std::size_t)>& task) {
  int ends[2];
  if (::pipe(ends) != 0) throw_errno("pipe");
  std::fflush(nullptr);  // else the child would print it again
  const pid_t pid = ::fork();
  if (pid < 0) throw_errno("fork");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(ends[0]);
    run_child(ends[1], task(index).dump());
  }
  ::close(ends[1]);
  return {index, pid, ends[0], {}};
}

Json finish(const Child& child) {
  ::close(child.fd);
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0)
    if (errno != EINTR) throw_errno("waitpid");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw ModelError(
        fmt::format("the process of point {} died: status {:#x}", child.index, status));
  return Json::parse(child.received);
}

// True when the child has closed its end.
bool receive(Child& child) {
  char buffer[4096];
  const ssize_t count = ::read(child.fd, buffer, sizeof buffer);
  if (count < 0 && errno == EINTR) return false;
  if (count < 0) throw_errno("read");
  child.received.append(buffer, static_cast<std::size_t>(count));
  return count == 0;
}

}  // namespace

std::vector<Json> fork_map(std::size_t count, std::uint32_t workers,
                           const std::function<Json(std::size_t)>& task,
                           const std::function<void(std::size_t, const Json&)>& done) {
  std::vector<Json> results(count);
  std::vector<Child> running;
  std::size_t next = 0;
  while (next < count || !running.empty()) {
    while (next < count && running.size() < workers) running.push_back(start(next++, task));
    std::vector<pollfd> waits;
    for (const Child& child : running) waits.push_back({child.fd, POLLIN, 0});
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) throw_errno("poll");
    for (std::size_t i = running.size(); i-- > 0;) {
      if (waits[i].revents == 0 || !receive(running[i])) continue;
      const Child child = std::move(running[i]);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
      results[child.index] = finish(child);
      done(child.index, results[child.index]);
    }
  }
  return results;
}

}  // namespace attnguard
