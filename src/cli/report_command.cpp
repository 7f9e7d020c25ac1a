// attnguard report DIR...: results as one HTML page.
#include <fmt/format.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "src/cli/command_line.h"
#include "src/config/user_error.h"
#include "src/report/report.h"
#include "src/simulation/output_dir.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;

/// So that --force never replaces a file of the user's own.
bool is_report(const fs::path& file) {
  constexpr std::size_t kHead = 1024;
  std::string head(kHead, '\0');
  std::ifstream(file, std::ios::binary).read(head.data(), kHead);
  return head.find("<meta name=\"generator\" content=\"attnguard ") != std::string::npos;
}

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

void write_whole(const fs::path& file, const std::string& text) {
  const fs::path temporary = sibling(file, "partial");
  std::ofstream stream(temporary, std::ios::binary);
  stream << text;
  stream.close();
  std::error_code error, ignored;
  if (stream) fs::rename(temporary, file, error);
  if (stream && !error) return;
  fs::remove(temporary, ignored);
  throw UserError(fmt::format("--out {}: cannot be written; a file in a writable folder with room",
                              file.string()));
}

}  // namespace

int report_command(const CommandLine& command_line) {
  std::vector<fs::path> folders(command_line.positional.begin(), command_line.positional.end());
  for (const fs::path& folder : folders)
    if (!fs::is_directory(folder))
      throw UserError(folder.string() +
                      ": no folder; one that `attnguard run`, `campaign` or `sweep` wrote");
  const fs::path file = usable_file(command_line);
  write_whole(file, report_page(folders));
  if (!command_line.quiet)
    fmt::print("written: {}\n",
               command_line.out.value_or((folders.front() / "report.html").string()));
  return kDone;
}

}  // namespace attnguard
