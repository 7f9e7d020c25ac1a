// The built executable, which ctest names in ATTNGUARD.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/scratch_folder.h"

namespace attnguard {

struct CommandResult {
  int exit_code = -1;
  std::string output;  ///< of both streams
};

inline CommandResult run_attnguard(const std::string& arguments) {
  const char* executable = std::getenv("ATTNGUARD");
  if (executable == nullptr) throw std::runtime_error("ATTNGUARD is not set: run this by ctest");
  const ScratchFolder folder;
  const std::string log = (folder.path() / "log").string();
  const int status =
      std::system((std::string(executable) + " " + arguments + " >" + log + " 2>&1").c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_text(log)};
}

/// The executable as a process of this one, to be killed.
class RunningAttnguard {
 public:
  /// `arguments` without shell syntax; both streams go to `log`.
  RunningAttnguard(const std::string& arguments, const std::filesystem::path& log) {
    std::istringstream words(std::string(std::getenv("ATTNGUARD")) + " " + arguments);
    std::vector<std::string> strings;
    for (std::string word; words >> word;) strings.push_back(word);
    std::vector<char*> argv;
    for (std::string& word : strings) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ > 0) return;
    const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    ::dup2(fd, STDOUT_FILENO);
    ::dup2(fd, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ~RunningAttnguard() {
    if (pid_ < 0) return;
    signal(SIGKILL);
    wait();
  }
  RunningAttnguard(const RunningAttnguard&) = delete;
  RunningAttnguard& operator=(const RunningAttnguard&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const { ::kill(pid_, number); }
  /// Its exit code; −1 when a signal ended it.
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
};

}  // namespace attnguard
