#include "src/cli/selftest_command.h"

#include <fmt/format.h>

#include <chrono>

#include "src/cli/standard_streams.h"
#include "src/cli/text_table.h"
#include "src/selftest/versions.h"

namespace attnguard {

int selftest_command(const CommandLine& command_line) {
  return report_selftest(default_selftest(), command_line.quiet);
}

int report_selftest(const Selftest& selftest, bool quiet) {
  const auto start = std::chrono::steady_clock::now();
  const std::vector<SelftestFinding> findings = run_selftest(selftest);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;

  TextTable machine("<"), table("<<");
  for (const auto& [what, which] : versions()) machine.add({what, which});
  table.head({"check", "", "found"});
  std::size_t differ = 0;
  for (const SelftestFinding& finding : findings) {
    differ += finding.same ? 0 : 1;
    table.add({finding.check, finding.same ? Cell("same") : Cell("DIFFERS", Style::alert),
               finding.found});
  }
  if (!quiet)
    fmt::print(
        "{}\n{}\n{} checks in {:.1f} s: {}\n", machine.str(), table.str(), findings.size(),
        wall.count(),
        differ == 0 ? std::string("all the same as everywhere") : fmt::format("{} differ", differ));
  for (const SelftestFinding& finding : findings)
    if (!finding.same)
      tell(fmt::format("attnguard: selftest: {} differs: {}\n", finding.check, finding.found));
  return differ == 0 ? kDone : kModelBug;
}

}  // namespace attnguard
