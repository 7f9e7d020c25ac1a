// The user's input is wrong: reported in one line, exit code 2.
#pragma once

#include <stdexcept>

namespace attnguard {

/// what() is one line that names the place (`file#/json/path` or option), the value and what is
/// allowed. Control characters in
/// names are shown as escapes when it is printed.
class UserError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace attnguard
