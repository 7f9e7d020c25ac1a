#include "src/config/shell_word.h"

#include "src/config/printable.h"

namespace attnguard {

std::string shell_word(const std::string& text) {
  if (!text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                              "0123456789_./=,:+-@") == std::string::npos)
    return text;
  // Escapes are read between $' and ' alone.
  const bool escapes = printable(text) != text;
  std::string word;
  for (const char c : text)
    if (c == '\'')
      word += escapes ? "\\'" : "'\\''";
    else if (c == '\\' && escapes)
      word += "\\\\";
    else
      word += escapes ? printable({&c, 1}) : std::string(1, c);
  return (escapes ? "$'" : "'") + word + "'";
}

}  // namespace attnguard
