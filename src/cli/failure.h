// From an exception to an exit code and one message.
#pragma once

#include <string>

#include "src/cli/command_line.h"

namespace attnguard {

struct Failure {
  ExitCode code;
  std::string message;
};

/// Of the exception being handled; call it in a catch block.
Failure current_failure();

}  // namespace attnguard
