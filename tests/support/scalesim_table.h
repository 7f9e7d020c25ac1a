// tests/data/scalesim_cycles.csv.
#pragma once

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

namespace attnguard {

struct ScaleSimRow {
  std::string dataflow;  ///< os, ws or is
  std::uint32_t m = 0, n = 0, k = 0, rows = 0, cols = 0;
  std::uint64_t total_cycles = 0;  ///< index of the last cycle

  std::string name() const {
    return dataflow + "_" + std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k) +
           "_on_" + std::to_string(rows) + "x" + std::to_string(cols);
  }
};

/// `dataflow`: os, ws or is; empty for all.
inline std::vector<ScaleSimRow> scalesim_table(const std::string& dataflow = "") {
  std::ifstream file(ATTNGUARD_TEST_DATA "/scalesim_cycles.csv");
  std::vector<ScaleSimRow> table;
  for (std::string line; std::getline(file, line);) {
    char name[3] = {};
    ScaleSimRow row;
    unsigned long long total = 0;
    if (std::sscanf(line.c_str(), "%2[a-z],%u,%u,%u,%u,%u,%llu", name, &row.m, &row.n, &row.k,
                    &row.rows, &row.cols, &total) != 7)
      continue;
    row.dataflow = name;
    row.total_cycles = total;
    if (dataflow.empty() || row.dataflow == dataflow) table.push_back(row);
  }
  return table;
}

}  // namespace attnguard
