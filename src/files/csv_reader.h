// Reads RFC 4180 CSV; lines may also end in LF alone, and a byte order mark may come first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace attnguard {

/// A record of a CSV file.
struct CsvRow {
  std::uint64_t line = 0;  ///< on which it begins
  std::vector<std::string> fields;
};

class CsvReader {
 public:
  /// UserError when the file cannot be read. `name` stands for the file in messages.
  CsvReader(const std::filesystem::path& file, std::string name);

  /// Throws UserError `name:line: column: value; allowed`; without the column if it is empty.
  [[noreturn]] void reject(std::uint64_t line, std::string_view column, std::string_view value,
                           std::string_view allowed) const;

  const std::string& text() const { return text_; }
  /// The next record, if there is one.
  std::optional<CsvRow> next();

 private:
  void quoted(std::string& field);

  std::string name_, text_;
  std::size_t at_ = 0;
  std::uint64_t line_ = 1;
};

/// A CSV file with a header line whose columns are asked for by name.
class CsvTable {
 public:
  /// Reads the header. UserError for a file without one.
  CsvTable(const std::filesystem::path& file, std::string name);

  /// Where `column` stands; UserError if it is missing.
  std::size_t column(std::string_view column) const;
  const std::vector<std::string>& header() const { return header_; }
  /// Goes on to the next row; false at the end. UserError for a row of another length.
  bool next();
  const std::string& operator[](std::size_t column) const { return row_.fields[column]; }
  /// The field as a number; UserError if it is none, or negative.
  double number(std::size_t column) const;
  std::uint64_t count(std::size_t column) const;
  [[noreturn]] void reject(std::size_t column, std::string_view allowed) const;

 private:
  CsvReader reader_;
  std::vector<std::string> header_;
  CsvRow row_;
};

}  // namespace attnguard
