// The built executable, which ctest names in ATTNGUARD.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

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

}  // namespace attnguard
