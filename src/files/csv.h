// RFC 4180: fields with a comma, quote or line break are quoted, lines end in CR LF. Numbers are
// locale-independent and round-trip; a missing value is an empty field.
#pragma once

#include <fmt/compile.h>
#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace attnguard {

class CsvLine {
 public:
  CsvLine& add(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) return add_fields(text);
    separate();
    line_.push_back('"');
    for (const char c : text) {
      if (c == '"') line_.push_back('"');
      line_.push_back(c);
    }
    line_.push_back('"');
    return *this;
  }
  CsvLine& add(const std::string& text) { return add(std::string_view(text)); }
  CsvLine& add(const char* text) { return add(std::string_view(text)); }
  /// Shortest text that reads back as the same double: 0, 0.01, 1e-07, inf.
  CsvLine& add(double value) {
    if (value == 0 && !std::signbit(value)) return add_fields("0");  // most errors are
    separate();
    fmt::format_to(std::back_inserter(line_), FMT_COMPILE("{}"), value);
    return *this;
  }
  CsvLine& add(std::uint64_t value) {
    const fmt::format_int text(value);
    return add_fields({text.data(), text.size()});
  }
  CsvLine& add(std::int64_t value) {
    const fmt::format_int text(value);
    return add_fields({text.data(), text.size()});
  }
  CsvLine& add(std::uint32_t value) { return add(std::uint64_t{value}); }
  CsvLine& add(bool value) { return add_fields(value ? "1" : "0"); }
  template <class T>
  CsvLine& add(const std::optional<T>& value) {
    return value ? add(*value) : skip();
  }
  /// 0x…, as wide as a register of `bits` bits.
  CsvLine& add_bits(std::uint64_t value, std::uint32_t bits) {
    separate();
    fmt::format_to(std::back_inserter(line_), FMT_COMPILE("0x{:0{}x}"), value, (bits + 3) / 4);
    return *this;
  }
  /// One or more fields that need no quotes or have them already.
  CsvLine& add_fields(std::string_view fields) {
    separate();
    line_.append(fields.data(), fields.data() + fields.size());
    return *this;
  }
  /// An empty field.
  CsvLine& skip(int fields = 1) {
    while (fields-- > 0) separate();
    return *this;
  }
  std::string fields() const { return fmt::to_string(line_); }
  /// The finished line.
  std::string str() const { return fields() + "\r\n"; }
  /// Moves the finished line to the end of `text`; this one is empty then.
  void end(fmt::memory_buffer& text) {
    line_.push_back('\r');
    line_.push_back('\n');
    text.append(line_.data(), line_.data() + line_.size());
    line_.clear();
    first_ = true;
  }

 private:
  void separate() {
    if (!first_) line_.push_back(',');
    first_ = false;
  }

  fmt::memory_buffer line_;
  bool first_ = true;
};

}  // namespace attnguard
