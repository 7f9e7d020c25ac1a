#include "src/calibration/fault_free.h"

#include <fmt/format.h>

#include "src/config/user_error.h"
#include "src/files/csv.h"
#include "src/files/csv_reader.h"

namespace attnguard {
namespace {

std::string maxima_column(const CleanComparison& comparison,
                          const std::vector<std::string>& checkers) {
  return fmt::format("{}.{}.ratio_max", checkers[comparison.checker], comparison.name);
}

}  // namespace

std::string distribution_csv(const FaultFree& sample, const std::vector<std::string>& checkers) {
  std::string text = CsvLine().add_fields("checker,comparison,half,ratio,checks").str();
  for (const CleanComparison& comparison : sample.comparisons)
    for (const Half half : kHalves)
      for (const auto& [ratio, count] : comparison.checks[static_cast<std::size_t>(half)].counts())
        text += CsvLine()
                    .add(checkers[comparison.checker])
                    .add(comparison.name)
                    .add(enum_name(half))
                    .add(ratio)
                    .add(count)
                    .str();
  return text;
}

std::string maxima_csv(const FaultFree& sample, const std::vector<std::string>& checkers) {
  CsvLine header;
  header.add(sample.unit).add("half");
  for (const CleanComparison& comparison : sample.comparisons)
    header.add(maxima_column(comparison, checkers));
  std::string text = header.str();
  for (std::uint64_t unit = 0; unit < sample.units; ++unit) {
    CsvLine line;
    line.add(unit).add(enum_name(sample.half(unit)));
    for (const CleanComparison& comparison : sample.comparisons) line.add(comparison.largest[unit]);
    text += line.str();
  }
  return text;
}

FaultFree read_fault_free(const std::filesystem::path& folder, const FaultFree& like,
                          const std::vector<std::string>& checkers) {
  FaultFree sample;
  for (const CleanComparison& known : like.comparisons) {
    CleanComparison& comparison = sample.comparisons.emplace_back();
    comparison.checker = known.checker;
    comparison.name = known.name;
    comparison.factor = known.factor;
  }
  const std::filesystem::path maxima = folder / "maxima.csv";
  CsvTable units(maxima, maxima.string());
  sample.unit = units.header().front();
  std::vector<std::size_t> columns;
  for (const CleanComparison& comparison : sample.comparisons)
    columns.push_back(units.column(maxima_column(comparison, checkers)));
  while (units.next()) {
    for (std::size_t i = 0; i < columns.size(); ++i)
      sample.comparisons[i].largest.push_back(units.number(columns[i]));
    ++sample.units;
  }
  const std::filesystem::path distribution = folder / "distribution.csv";
  CsvTable checks(distribution, distribution.string());
  const std::size_t checker = checks.column("checker"), name = checks.column("comparison"),
                    half = checks.column("half"), ratio = checks.column("ratio"),
                    count = checks.column("checks");
  while (checks.next())
    for (CleanComparison& comparison : sample.comparisons) {
      if (checkers[comparison.checker] != checks[checker] || comparison.name != checks[name])
        continue;
      const auto part = static_cast<std::size_t>(checks[half] == enum_name(Half::held_out));
      comparison.checks[part].add(checks.number(ratio), checks.count(count));
    }
  for (const CleanComparison& comparison : sample.comparisons)
    if (sample.units == 0 || comparison.total() == 0)
      throw UserError(fmt::format("{}: no check of {}.{}; the files of a calibration",
                                  distribution.string(), checkers[comparison.checker],
                                  comparison.name));
  return sample;
}

}  // namespace attnguard
