#include "src/sweep/sweep_csv.h"

#include <algorithm>

#include "src/files/csv.h"

namespace attnguard {
namespace {

std::vector<std::string> columns(const std::vector<Json>& rows) {
  std::vector<std::string> names;
  for (const Json& row : rows) {
    std::size_t next = 0;  // behind the column before
    for (const auto& item : row.items()) {
      const auto found = std::find(names.begin(), names.end(), item.key());
      if (found == names.end())
        names.insert(names.begin() + static_cast<std::ptrdiff_t>(next++), item.key());
      else
        next = static_cast<std::size_t>(found - names.begin()) + 1;
    }
  }
  return names;
}

void add_value(CsvLine& line, const Json& value) {
  if (value.is_null())
    line.skip();
  else if (value.is_string())
    line.add(value.get<std::string>());
  else if (value.is_number_float())
    line.add(value.get<double>());
  else
    line.add(one_line(value));
}

}  // namespace

std::string sweep_csv(const std::vector<SweepPoint>& points, const std::vector<Json>& rows) {
  const std::vector<std::string> names = columns(rows);
  CsvLine head;
  for (const Setting& setting : points.at(0)) head.add(setting.key);
  for (const std::string& name : names) head.add(name);
  std::string text = head.str();
  for (std::size_t i = 0; i < points.size(); ++i) {
    CsvLine line;
    for (const Setting& setting : points[i]) add_value(line, setting.value);
    for (const std::string& name : names) add_value(line, rows[i].value(name, Json()));
    text += line.str();
  }
  return text;
}

}  // namespace attnguard
