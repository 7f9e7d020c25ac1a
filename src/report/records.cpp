#include "src/report/records.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>

#include "src/config/user_error.h"
#include "src/files/csv_reader.h"

namespace attnguard {

Records::Records(const std::filesystem::path& file) : name_(file.string()) {
  CsvTable table(file, name_);
  header_ = table.header();
  while (table.next()) {
    std::vector<std::string>& row = rows_.emplace_back();
    for (std::size_t i = 0; i < header_.size(); ++i) row.push_back(table[i]);
  }
}

std::size_t Records::index(std::string_view column) const {
  const auto found = std::find(header_.begin(), header_.end(), column);
  if (found == header_.end())
    throw UserError(fmt::format("{}:1: {}: missing; a column of that name", name_, column));
  return static_cast<std::size_t>(found - header_.begin());
}

bool Records::has(std::string_view column) const {
  return std::find(header_.begin(), header_.end(), column) != header_.end();
}

const std::string& Records::text(std::size_t row, std::string_view column) const {
  return rows_[row][index(column)];
}

std::optional<double> Records::number(std::size_t row, std::string_view column) const {
  const std::string& field = text(row, column);
  if (field.empty()) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc{} || end != field.data() + field.size())
    throw UserError(fmt::format("{}: row {}: {}: \"{}\"; a number", name_, row + 1, column, field));
  return value;
}

Json Records::json(std::size_t row, std::string_view column) const {
  const std::optional<double> value = number(row, column);
  return value && std::isfinite(*value) ? Json(*value) : Json();
}

std::vector<std::string> Records::distinct(std::string_view column) const {
  const std::size_t at = index(column);
  std::vector<std::string> values;
  for (const std::vector<std::string>& row : rows_) add_once(values, row[at]);
  return values;
}

}  // namespace attnguard
