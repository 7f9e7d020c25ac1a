#include "src/cli/text_table.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>

namespace attnguard {
namespace {

std::string with_codes(std::string_view text, Style style) {
  switch (style) {
    case Style::plain:
      break;
    case Style::head:
      return fmt::format("\033[1m{}\033[0m", text);
    case Style::alert:
      return fmt::format("\033[1;31m{}\033[0m", text);
  }
  return std::string(text);
}

/// Characters, not bytes.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

}  // namespace

void TextTable::head(const std::vector<std::string>& names) {
  std::vector<Cell> row;
  for (const std::string& name : names) row.emplace_back(name, Style::head);
  add(std::move(row));
}

std::string TextTable::str(bool styled) const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], width_of(row[i].text));
  }
  std::string text;
  for (const auto& row : rows_) {
    std::size_t column = 0, blanks = 0;  // blanks wait for text behind them
    for (const Cell& cell : row) {
      const bool left = alignment_[std::min(column, alignment_.size() - 1)] == '<';
      const std::size_t padding = widths[column] - width_of(cell.text);
      if (column > 0) blanks += 2;
      if (!left) blanks += padding;
      if (!cell.text.empty()) {
        text.append(blanks, ' ');
        text += styled ? with_codes(cell.text, cell.style) : cell.text;
        blanks = 0;
      }
      if (left) blanks += padding;
      ++column;
    }
    text += '\n';
  }
  return text;
}

std::string TextTable::str() const { return str(output_is_styled()); }

bool output_is_styled() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0') &&
         terminal != nullptr && std::string_view(terminal) != "dumb";
}

std::string styled(std::string_view text, Style style) {
  return output_is_styled() ? with_codes(text, style) : std::string(text);
}

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ' ');
  return text;
}

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

}  // namespace attnguard
