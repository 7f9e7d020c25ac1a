// The built executable under conditions of its own, each stream by itself.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/scratch_folder.h"

namespace attnguard {

struct Ended {
  int exit_code = -1;  ///< −1 when a signal ended it
  int signal = 0;
  std::string out, err;

  bool one_line() const { return std::count(err.begin(), err.end(), '\n') == 1; }
};

struct Conditions {
  std::map<std::string, std::string> environment{};  ///< added to that of the test
  std::function<void()> before{};                    ///< in the new process; the streams are open
};

/// Starts the executable and returns its process; the streams go to <logs>/out and <logs>/err.
inline pid_t start_attnguard(const std::vector<std::string>& arguments,
                             const std::filesystem::path& logs, const Conditions& conditions = {}) {
  const char* executable = std::getenv("ATTNGUARD");
  if (executable == nullptr) throw std::runtime_error("ATTNGUARD is not set: run this by ctest");
  std::vector<char*> argv{const_cast<char*>(executable)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("fork failed");
  if (pid > 0) return pid;
  for (const auto& [fd, name] :
       {std::pair(STDOUT_FILENO, "out"), std::pair(STDERR_FILENO, "err")}) {
    const int file = ::open((logs / name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    ::dup2(file, fd);
  }
  for (const auto& [name, value] : conditions.environment) ::setenv(name.c_str(), value.c_str(), 1);
  if (conditions.before) conditions.before();
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

inline Ended end_of(pid_t pid, const std::filesystem::path& logs) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
          read_text(logs / "out"), read_text(logs / "err")};
}

inline Ended call_attnguard(const std::vector<std::string>& arguments,
                            const Conditions& conditions = {}) {
  const ScratchFolder logs;
  return end_of(start_attnguard(arguments, logs.path(), conditions), logs.path());
}

/// Every file below `folder` but those whose contents depend on the run, by its relative name.
inline std::map<std::string, std::string> files_below(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::map<std::string, std::string> files;
  if (!fs::exists(folder)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().filename() != "timing.json")
      files[entry.path().lexically_relative(folder).string()] = read_text(entry.path());
  return files;
}

}  // namespace attnguard
