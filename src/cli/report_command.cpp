// attnguard report DIR...: results as one HTML page.
#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "src/cli/command_line.h"
#include "src/config/printable.h"
#include "src/config/user_error.h"
#include "src/files/report_mark.h"
#include "src/files/whole_file.h"
#include "src/processes/interrupt.h"
#include "src/report/report.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;

fs::path usable_file(const CommandLine& command_line) {
  const std::vector<std::string>& folders = command_line.positional;
  if (!command_line.out && folders.size() > 1)
    throw UserError("report: several folders; --out FILE says where the page goes");
  const fs::path named =
      command_line.out ? fs::path(*command_line.out) : fs::path(folders.front()) / "report.html";
  const auto reject = [&](const char* problem, const char* allowed) {
    throw UserError(fmt::format("--out {}: {}; {}", named.string(), problem, allowed));
  };
  std::error_code error;
  const fs::path file = fs::absolute(named, error);
  if (error || !file.has_filename() || fs::is_directory(file))
    reject("is a folder", "the name of a file");
  if (!fs::is_directory(file.parent_path()))
    reject("its folder does not exist", "a file in an existing folder");
  if (fs::exists(file) && !command_line.force) reject("exists", "a new file, or --force");
  if (fs::exists(file) && !is_report(file))
    reject("is no report", "a new file, or an earlier report with --force");
  return file;
}

}  // namespace

int report_command(const CommandLine& command_line) {
  std::vector<fs::path> folders(command_line.positional.begin(), command_line.positional.end());
  for (const fs::path& folder : folders)
    if (!fs::is_directory(folder))
      throw UserError(folder.string() +
                      ": no folder; one that `attnguard run`, `campaign` or `sweep` wrote");
  const fs::path file = usable_file(command_line);
  const std::string page = report_page(folders);
  const InterruptGuard guard;  // no part of a file stays
  write_whole(file, page);
  if (!command_line.quiet)
    fmt::print("written: {}\n",
               printable(command_line.out.value_or((folders.front() / "report.html").string())));
  return kDone;
}

}  // namespace attnguard
