#include "src/simulation/output_dir.h"

#include <fmt/format.h>
#include <unistd.h>

#include <system_error>

#include "src/config/user_error.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;

// Every command leaves one of these in its folder; the last two while unfinished.
bool is_result(const fs::path& folder) {
  return fs::exists(folder / "config.json") || fs::exists(folder / "replay.json") ||
         fs::exists(folder / "roc.json") || fs::exists(folder / "chunks" / "campaign.json") ||
         fs::exists(folder / "unfinished" / "sweep.json");
}

[[noreturn]] void reject(const fs::path& path, std::string_view problem, std::string_view allowed) {
  throw UserError(fmt::format("--out {}: {}; {}", path.string(), problem, allowed));
}

}  // namespace

fs::path usable_folder(const fs::path& path, bool force) {
  std::error_code error;
  fs::path folder = fs::weakly_canonical(fs::absolute(path), error);
  if (error) reject(path, error.message(), "a folder that can be made");
  if (!folder.has_filename()) folder = folder.parent_path();
  if (fs::exists(folder, error)) {
    if (!fs::is_directory(folder, error)) reject(path, "is a file", "a folder");
    const bool is_empty = fs::is_empty(folder, error);
    if (error) reject(path, error.message(), "a readable folder");
    if (!is_empty && !force)
      reject(path, "already holds files", "a new or empty folder, or --force");
    if (!is_empty && !is_result(folder))
      reject(path, "holds files that are no result of attnguard",
             "a new or empty folder, or an earlier result with --force");
    if (::access(folder.c_str(), W_OK) != 0) reject(path, "not writable", "a writable folder");
  }
  return folder;
}

fs::path sibling(const fs::path& path, std::string_view suffix) {
  return path.parent_path() /
         fmt::format(".{}.{}.{}", path.filename().string(), suffix, ::getpid());
}

OutputDir::OutputDir(const fs::path& final_path, bool force)
    : final_(usable_folder(final_path, force)) {
  std::error_code error;
  fs::create_directories(final_.parent_path(), error);
  temporary_ = sibling(final_, "partial");
  if (!error) fs::create_directory(temporary_, error);
  if (error) reject(final_path, error.message(), "a folder that can be written");
}

OutputDir::~OutputDir() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(temporary_, ignored);
}

void OutputDir::commit() {
  std::error_code error;
  const fs::path replaced = sibling(final_, "replaced");
  const bool replaces = fs::exists(final_, error);
  if (replaces) fs::rename(final_, replaced, error);
  if (!error) fs::rename(temporary_, final_, error);
  if (error) {
    const std::string problem = error.message();
    if (replaces && !fs::exists(final_, error)) fs::rename(replaced, final_, error);
    reject(final_, problem, "a folder that can be written");
  }
  committed_ = true;
  if (replaces) fs::remove_all(replaced, error);
}

}  // namespace attnguard
