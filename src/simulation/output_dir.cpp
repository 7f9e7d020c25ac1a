#include "src/simulation/output_dir.h"

#include <fmt/format.h>
#include <unistd.h>

#include <system_error>

#include "src/config/user_error.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;

// Every command leaves one of these in its folder.
bool is_result(const fs::path& folder) {
  return fs::exists(folder / "config.json") || fs::exists(folder / "replay.json");
}

[[noreturn]] void reject(const fs::path& path, std::string_view problem, std::string_view allowed) {
  throw UserError(fmt::format("--out {}: {}; {}", path.string(), problem, allowed));
}

fs::path sibling(const fs::path& path, std::string_view suffix) {
  return path.parent_path() /
         fmt::format(".{}.{}.{}", path.filename().string(), suffix, ::getpid());
}

}  // namespace

OutputDir::OutputDir(const fs::path& final_path, bool force) {
  std::error_code error;
  final_ = fs::weakly_canonical(fs::absolute(final_path), error);
  if (error) reject(final_path, error.message(), "a folder that can be made");
  if (!final_.has_filename()) final_ = final_.parent_path();
  if (fs::exists(final_, error)) {
    if (!fs::is_directory(final_, error)) reject(final_path, "is a file", "a folder");
    const bool is_empty = fs::is_empty(final_, error);
    if (error) reject(final_path, error.message(), "a readable folder");
    if (!is_empty && !force)
      reject(final_path, "already holds files", "a new or empty folder, or --force");
    if (!is_empty && !is_result(final_))
      reject(final_path, "holds files that are no result of attnguard",
             "a new or empty folder, or an earlier result with --force");
    if (::access(final_.c_str(), W_OK) != 0)
      reject(final_path, "not writable", "a writable folder");
  }
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
