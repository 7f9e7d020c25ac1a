// RFC 4180: fields with a comma, quote or line break are quoted, lines end in CR LF. Numbers are
// locale-independent and round-trip; a missing value is an empty field.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace attnguard {

class CsvLine {
 public:
  CsvLine& add(std::string_view text) {
    separate();
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
      line_ += text;
      return *this;
    }
    line_ += '"';
    for (const char c : text) line_.append(c == '"' ? 2 : 1, c);
    line_ += '"';
    return *this;
  }
  CsvLine& add(const std::string& text) { return add(std::string_view(text)); }
  CsvLine& add(const char* text) { return add(std::string_view(text)); }
  /// Shortest text that reads back as the same double: 0, 0.01, 1e-07, inf.
  CsvLine& add(double value) { return add(std::string_view(fmt::format("{}", value))); }
  CsvLine& add(std::uint64_t value) { return add(std::string_view(fmt::format("{}", value))); }
  CsvLine& add(std::uint32_t value) { return add(std::uint64_t{value}); }
  CsvLine& add(bool value) { return add(std::string_view(value ? "1" : "0")); }
  template <class T>
  CsvLine& add(const std::optional<T>& value) {
    return value ? add(*value) : skip();
  }
  /// An empty field.
  CsvLine& skip(int fields = 1) {
    while (fields-- > 0) separate();
    return *this;
  }
  /// The finished line.
  std::string str() const { return line_ + "\r\n"; }

 private:
  void separate() {
    if (!first_) line_ += ',';
    first_ = false;
  }

  std::string line_;
  bool first_ = true;
};

}  // namespace attnguard
