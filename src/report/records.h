// A result file with a few thousand rows, held in memory.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/report/chart.h"

namespace attnguard {

class Records {
 public:
  /// UserError when the file cannot be read, is empty or has a row of another length.
  explicit Records(const std::filesystem::path& file);

  std::size_t size() const { return rows_.size(); }
  const std::vector<std::string>& header() const { return header_; }
  bool has(std::string_view column) const;
  /// The field as the file has it. UserError when the column is missing.
  const std::string& text(std::size_t row, std::string_view column) const;
  /// The field as a number; empty if it is. UserError if it is something else.
  std::optional<double> number(std::size_t row, std::string_view column) const;
  /// The same for a chart: null if it is empty or not finite.
  Json json(std::size_t row, std::string_view column) const;
  /// The values of a column in order of appearance, each once.
  std::vector<std::string> distinct(std::string_view column) const;

 private:
  std::size_t index(std::string_view column) const;

  std::string name_;
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace attnguard
