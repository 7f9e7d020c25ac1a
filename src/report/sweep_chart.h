// A measure over the points of a sweep.
#pragma once

#include <string>
#include <vector>

#include "src/report/html.h"
#include "src/report/records.h"

namespace attnguard {

/// How the points of a sweep.csv are laid out: along x the swept key with the most values together
/// with those it decides; one line per combination of the others.
struct SweepLayout {
  explicit SweepLayout(const Records& rows);

  std::vector<std::string> keys;    ///< swept keys, full paths
  std::string x_title, line_title;  ///< short names of keys
  std::vector<std::string> x;       ///< [row] e.g. "16 × 16"
  std::vector<std::string> line;    ///< [row] empty if there is one line only
};

/// One quantity of every row.
struct Measure {
  std::string id, title, unit, caption;
  std::string column;
  double factor = 1;  ///< from the column to `unit`
};

/// Axis in `measure.unit`, logarithmic if the values span more than two decades.
Figure sweep_figure(const Records& rows, const SweepLayout& layout, const Measure& measure,
                    const std::string& id);

/// Coverage of every checker with its interval; the reader chooses among the lines.
Figure sweep_coverage(const Records& rows, const SweepLayout& layout,
                      const std::vector<std::string>& checkers, const std::string& id);

}  // namespace attnguard
