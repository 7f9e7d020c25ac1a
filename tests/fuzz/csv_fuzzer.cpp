// A CSV file: record by record, and as each table that a command reads back.
#include <fstream>

#include "src/calibration/roc.h"
#include "src/files/csv.h"
#include "src/files/csv_reader.h"
#include "src/report/injection_tally.h"
#include "src/report/records.h"
#include "tests/fuzz/hardware.h"
#include "tests/fuzz/memory_file.h"
#include "tests/support/scratch_folder.h"

namespace attnguard {
namespace {

std::vector<std::vector<std::string>> records(const std::filesystem::path& file) {
  std::vector<std::vector<std::string>> all;
  CsvReader reader(file, "f.csv");
  while (std::optional<CsvRow> row = reader.next()) all.push_back(std::move(row->fields));
  return all;
}

void require_same_when_written(const std::filesystem::path& file) {
  static const MemoryFile copy;
  const auto first = records(file);
  std::string text = "records\r\n";  // no byte order mark comes first
  for (const auto& fields : first) {
    CsvLine line;
    for (const std::string& field : fields) line.add(field);
    text += line.str();
  }
  std::vector<std::vector<std::string>> again;
  require(accepts([&] { again = records(copy.hold(text)); }), "written records are accepted", text);
  again.erase(again.begin());
  require(again == first, "written records read back", text);
}

void read_numbers(const std::filesystem::path& file) {
  CsvTable table(file, "f.csv");
  while (table.next())
    for (std::size_t column = 0; column < table.header().size(); ++column) {
      accepts([&] { table.number(column); });
      accepts([&] { table.count(column); });
    }
}

void read_records(const std::filesystem::path& file) {
  const Records table(file);
  for (std::size_t row = 0; row < table.size(); ++row)
    for (const char* column : {"coverage", "factor", "no such column"})
      accepts([&] { table.json(row, column); });
  accepts([&] { table.distinct("checker"); });
}

/// Checkers a (one comparison) and b (two) of a campaign on the toy hardware.
struct Campaign {
  ToyHardware hardware = fuzz_hardware();
  CampaignConfig config;
  CampaignPlan plan{config,         1, hardware.origin, hardware.universe, hardware.blocks,
                    hardware.cycles};
  RunResult golden;
  CampaignContext context{
      hardware.universe, plan, golden, {"a", "b"}, {{"output"}, {"score", "output"}}, {}, 0.01};
  FaultFree clean;

  Campaign() {
    for (const auto& [checker, name] :
         {std::pair(0, "output"), std::pair(1, "score"), std::pair(1, "output")}) {
      CleanComparison& comparison = clean.comparisons.emplace_back();
      comparison.checker = static_cast<std::size_t>(checker);
      comparison.name = name;
      comparison.factor = 1e-5;
      comparison.largest = {1e-6, 2e-6};
      for (const double ratio : comparison.largest) comparison.checks[0].add(ratio);
    }
    clean.units = 2;
  }
};
const Campaign kCampaign;

Roc roc(const std::filesystem::path& injections, const FaultFree& clean) {
  return make_roc(injections, kCampaign.context, kCampaign.config, {false, true}, clean);
}

/// `text` may hold both files of a calibration, the second after a NUL byte.
void read_calibration(std::string_view text) {
  static const ScratchFolder folder;
  const auto write = [&](const char* name, std::string_view bytes) {
    std::ofstream(folder.path() / name, std::ios::binary) << bytes;
  };
  const std::size_t end = std::min(text.find('\0'), text.size());
  write("maxima.csv", text.substr(0, end));
  write("distribution.csv", text.substr(std::min(end + 1, text.size())));
  write("injections.csv",
        "stratum,site_class,fault_class,domain,effect,a.verdict,b.verdict,a.output.ratio_max,a."
        "output."
        "nonfinite,b.score.ratio_max,b.score.nonfinite,b.output.ratio_max,b.output.nonfinite\r\n"
        "k_buffer.word[*]/exponent,k_buffer.word[*],transient,function,sdc,detected,undetected,"
        "2e-5,0,1e-6,0,,0\r\n");
  const FaultFree clean =
      read_fault_free(folder.path(), kCampaign.clean, kCampaign.context.checkers);
  roc(folder.path() / "injections.csv", clean);
}

}  // namespace
}  // namespace attnguard

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attnguard;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const MemoryFile given;
  const std::filesystem::path file = given.hold(text);
  accepts([&] { require_same_when_written(file); });
  accepts([&] { read_numbers(file); });
  accepts([&] { read_records(file); });
  accepts([&] { tally_injections(file, {"a", "b"}); });
  accepts([&] { roc(file, kCampaign.clean); });
  if (text.find("half") != std::string_view::npos) accepts([&] { read_calibration(text); });
  return 0;
}
