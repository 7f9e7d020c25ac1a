// What commands print: aligned tables, in one look. Plain text unless standard output is a
// terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attnguard {

enum class Style : std::uint8_t { plain, head, alert };

/// A cell: text, and how it stands out on a terminal.
struct Cell {
  std::string text;
  Style style = Style::plain;

  Cell(std::string content, Style look = Style::plain) : text(std::move(content)), style(look) {}
  Cell(const char* content) : text(content) {}
};

class TextTable {
 public:
  /// One '<' (to the left) or '>' (to the right) per column; further columns as the last one.
  explicit TextTable(std::string alignment = "<>") : alignment_(std::move(alignment)) {}

  void head(const std::vector<std::string>& names);
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  /// `styled`: with the terminal's codes.
  std::string str(bool styled) const;
  /// Styled if standard output is.
  std::string str() const;

 private:
  std::string alignment_;
  std::vector<std::vector<Cell>> rows_;
};

/// Standard output is a terminal, and neither NO_COLOR (https://no-color.org) nor TERM=dumb is set.
bool output_is_styled();
/// With the terminal's codes around it, if standard output is styled.
std::string styled(std::string_view text, Style style);

/// 1 234 567
std::string grouped(std::uint64_t number);
/// "84.2 %"
std::string percent(double share);

}  // namespace attnguard
