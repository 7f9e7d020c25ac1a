#include "src/files/csv_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "src/config/user_error.h"
#include "src/files/input_file.h"

namespace attnguard {

CsvReader::CsvReader(const std::filesystem::path& file, std::string name) : name_(std::move(name)) {
  try {
    text_ = read_file(file);
  } catch (const std::system_error& refused) {
    throw UserError(
        fmt::format("{}: cannot be read: {}; a CSV file", name_, refused.code().message()));
  }
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text_.compare(0, kByteOrderMark.size(), kByteOrderMark) == 0) at_ = kByteOrderMark.size();
}

void CsvReader::reject(std::uint64_t line, std::string_view column, std::string_view value,
                       std::string_view allowed) const {
  const std::string at = column.empty() ? "" : std::string(column) + ": ";
  throw UserError(fmt::format("{}:{}: {}{}; {}", name_, line, at, value, allowed));
}

std::optional<CsvRow> CsvReader::next() {
  if (at_ >= text_.size()) return std::nullopt;
  CsvRow row{line_, {""}};
  while (at_ < text_.size()) {
    if (text_[at_] == '"' && row.fields.back().empty()) {
      quoted(row.fields.back());
      continue;
    }
    const char c = text_[at_++];
    if (c == ',') {
      row.fields.emplace_back();
    } else if (c == '\n') {
      ++line_;
      // One in quotes, which end between, belongs to the field.
      if (at_ >= 2 && text_[at_ - 2] == '\r') row.fields.back().pop_back();
      return row;
    } else {
      row.fields.back().push_back(c);
    }
  }
  return row;
}

void CsvReader::quoted(std::string& field) {
  const std::uint64_t first = line_;
  for (++at_; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '"') {
      if (at_ + 1 >= text_.size() || text_[at_ + 1] != '"') {
        ++at_;
        return;
      }
      ++at_;
    }
    if (c == '\n') ++line_;
    field.push_back(c);
  }
  reject(first, "", "a quote that is never closed", "\"…\", a quote inside doubled");
}

CsvTable::CsvTable(const std::filesystem::path& file, std::string name)
    : reader_(file, std::move(name)) {
  std::optional<CsvRow> header = reader_.next();
  if (!header) reader_.reject(1, "", "empty", "a first line that names the columns");
  header_ = std::move(header->fields);
}

std::size_t CsvTable::column(std::string_view column) const {
  const auto found = std::find(header_.begin(), header_.end(), column);
  if (found == header_.end()) reader_.reject(1, column, "missing", "a column of that name");
  return static_cast<std::size_t>(found - header_.begin());
}

bool CsvTable::next() {
  std::optional<CsvRow> row = reader_.next();
  if (!row) return false;
  row_ = std::move(*row);
  if (row_.fields.size() != header_.size())
    reader_.reject(row_.line, "", fmt::format("{} fields", row_.fields.size()),
                   fmt::format("{}, as the first line has", header_.size()));
  return true;
}

double CsvTable::number(std::size_t column) const {
  const std::string& text = row_.fields[column];
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= 0))
    reject(column, "a number of at least 0, or inf");
  return value;
}

std::uint64_t CsvTable::count(std::size_t column) const {
  const std::string& text = row_.fields[column];
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) reject(column, "an integer");
  return value;
}

void CsvTable::reject(std::size_t column, std::string_view allowed) const {
  reader_.reject(row_.line, header_[column], fmt::format("\"{}\"", row_.fields[column]), allowed);
}

}  // namespace attnguard
