// A word for a command line that is printed.
#pragma once

#include <string>

namespace attnguard {

/// `text` as one word of a shell, in quotes where it needs them; one line: with control characters
/// a word of bash.
std::string shell_word(const std::string& text);

}  // namespace attnguard
