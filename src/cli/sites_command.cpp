// attnguard sites: where faults can strike, how many bits that is and how long they matter.
#include <fmt/format.h>

#include <string>

#include "src/campaign/differential/site_kind.h"
#include "src/cli/command_line.h"
#include "src/cli/text_table.h"
#include "src/config/printable.h"
#include "src/files/csv.h"
#include "src/files/output_file.h"
#include "src/simulation/output_dir.h"
#include "src/simulation/prepared.h"
#include "src/simulation/require_finished.h"
#include "src/simulation/simulation.h"
#include "src/simulation/site_table.h"

namespace attnguard {
namespace {

/// What resolves the faults of a class: without the differential engine always complete runs.
std::string_view engine_for(const RegisterClass& cls, bool differential) {
  return differential ? engine_of(cls) : enum_name(Engine::full);
}

void write_csv(const std::filesystem::path& file, const std::vector<SiteRow>& rows,
               const FaultUniverse& universe, bool differential) {
  OutputFile table(file);
  table << "site_class,domain,storage_kind,instances,bits,live_bit_cycles,live_share,"
           "first_live_cycle,last_live_cycle,engine\r\n";
  for (RegisterId reg = 0; reg < rows.size(); ++reg) {
    const SiteRow& row = rows[reg];
    CsvLine line;
    line.add(row.site_class).add(domain_name(row.domain)).add(storage_kind_name(row.kind));
    line.add(row.instances).add(row.bits).add(row.live_bit_cycles).add(row.live_share);
    line.add(row.first_live_cycle).add(row.last_live_cycle);
    line.add(engine_for(universe[reg], differential));
    table << line.str();
  }
  table.finish();
}

std::string cell(const std::optional<std::uint64_t>& value) { return value ? grouped(*value) : ""; }

void print_table(const std::vector<SiteRow>& rows) {
  TextTable table("<<<>");
  table.head({"site class", "domain", "storage", "instances", "bits", "live bit-cycles",
              "live share", "first", "last"});
  for (const SiteRow& row : rows)
    table.add({row.site_class, std::string(domain_name(row.domain)),
               std::string(storage_kind_name(row.kind)), grouped(row.instances), grouped(row.bits),
               grouped(row.live_bit_cycles), fmt::format("{:.2f} %", 100 * row.live_share),
               cell(row.first_live_cycle), cell(row.last_live_cycle)});
  fmt::print("{}", table.str());
}

}  // namespace

int sites_command(const CommandLine& command_line) {
  const Prepared prepared = prepare(command_line);
  OutputDir directory(output_directory(command_line), command_line.force);
  Simulation simulation(prepared.config.accelerator, prepared.config.checkers, prepared.job);
  const RunResult golden = simulation.run(true);
  require_finished(golden);
  const std::vector<SiteRow> rows =
      site_table(simulation.universe(), simulation.live_blocks(), golden.cycles);

  std::uint64_t bits = 0, live_bit_cycles = 0;
  for (const SiteRow& row : rows) {
    bits += row.bits;
    live_bit_cycles += row.live_bit_cycles;
  }
  nlohmann::ordered_json summary = result_header(prepared);
  summary["cycles"] = golden.cycles;
  summary["bits"] = bits;
  summary["live_bit_cycles"] = live_bit_cycles;
  write_csv(
      directory.path() / "sites.csv", rows, simulation.universe(),
      prepared.config.campaign.engine == Engine::differential && prepared.attention() != nullptr);
  write_json(directory.path() / "sites.json", summary);
  write_json(directory.path() / "config.json", prepared.effective);
  directory.commit();
  if (command_line.quiet) return kDone;
  print_table(rows);
  fmt::print(
      "\n{} site classes, {} bits, {} cycles, {} live bit-cycles\n\nwritten to {}: sites.csv "
      "sites.json config.json\n",
      rows.size(), grouped(bits), grouped(golden.cycles), grouped(live_bit_cycles),
      printable(output_directory(command_line).string()));
  return kDone;
}

}  // namespace attnguard
