// The user's input is wrong: reported in one line, exit code 2.
#pragma once

#include <stdexcept>
#include <string>

namespace attnguard {

/// what() is one line that names the place (`file#/json/path` or option), the value and what is
/// allowed. A control character or a byte that is no UTF-8, which a file may put into a name or
/// value, stands in it as \n or \x1b; of more than 2000 bytes the middle is left out.
class UserError : public std::runtime_error {
 public:
  explicit UserError(const std::string& what);
};

}  // namespace attnguard
