// Rows of the tool's CSV files, by column name.
#pragma once

#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace attnguard {

using Row = std::map<std::string, std::string>;

inline std::vector<std::string> fields_of(std::string line) {
  if (!line.empty() && line.back() == '\r') line.pop_back();
  std::vector<std::string> fields;
  std::istringstream stream(line + ",");
  for (std::string field; std::getline(stream, field, ',');) fields.push_back(field);
  return fields;
}

/// Of a CSV file without quoted commas.
inline std::vector<Row> rows_of(const std::string& csv) {
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);
  const std::vector<std::string> columns = fields_of(line);
  std::vector<Row> rows;
  while (std::getline(lines, line)) {
    const std::vector<std::string> fields = fields_of(line);
    rows.emplace_back();
    for (std::size_t i = 0; i < columns.size(); ++i) rows.back()[columns[i]] = fields.at(i);
  }
  return rows;
}

}  // namespace attnguard
