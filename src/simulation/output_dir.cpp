#include "src/simulation/output_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iterator>
#include <system_error>

#include "src/config/user_error.h"
#include "src/files/own_files.h"
#include "src/files/resumable_folder.h"
#include "src/simulation/errors.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void reject(const fs::path& path, std::string_view problem, std::string_view allowed) {
  throw UserError(fmt::format("--out {}: {}; {}", path.string(), problem, allowed));
}

/// Such a folder cannot be renamed.
bool is_mount_point(const fs::path& folder) {
  struct stat here {};
  struct stat above {};
  return ::stat(folder.c_str(), &here) == 0 && ::stat((folder / "..").c_str(), &above) == 0 &&
         here.st_dev != above.st_dev;
}

/// In one step; where the file system has none, in three.
void exchange(const fs::path& a, const fs::path& b) {
  if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0) return;
  if (errno != EINVAL && errno != ENOSYS)
    throw std::system_error(errno, std::generic_category(), b.string());
  const fs::path aside = sibling(b, "replaced");
  fs::rename(b, aside);
  std::error_code error;
  fs::rename(a, b, error);
  fs::rename(aside, error ? b : a);
  if (error) throw std::system_error(error, b.string());
}

}  // namespace

fs::path usable_folder(const fs::path& path, bool force) {
  if (path.empty()) reject(path, "empty", "a folder that can be made");
  std::error_code error;
  fs::path folder = fs::weakly_canonical(fs::absolute(path), error);
  if (error) reject(path, error.message(), "a folder that can be made");
  if (!folder.has_filename()) folder = folder.parent_path();
  const fs::file_status status = fs::symlink_status(folder, error);
  if (fs::is_symlink(status)) reject(path, "is a symbolic link to nothing", "a folder");
  if (status.type() == fs::file_type::none) reject(path, error.message(), "a folder");
  if (!fs::exists(status)) return folder;
  if (!fs::is_directory(status)) reject(path, "is a file", "a folder");
  const bool is_empty = fs::is_empty(folder, error);
  if (error) reject(path, error.message(), "a readable folder");
  if (!is_empty && !force) reject(path, "already holds files", "a new or empty folder, or --force");
  if (!is_empty && !is_result(folder))
    reject(path, "holds files that are no result of attnguard",
           "a new or empty folder, or an earlier result with --force");
  for (const ResumableKind& kind : {kCampaignFolder, kSweepFolder})
    if (in_use(kind, folder))
      reject(path, fmt::format("another process is at this {}", kind.name),
             "another folder, or when it is done");
  if (is_mount_point(folder)) reject(path, "is a mount point", "a folder in it");
  if (::access(folder.c_str(), W_OK) != 0) reject(path, "not writable", "a writable folder");
  return folder;
}

fs::path sibling(const fs::path& path, std::string_view suffix) {
  return path.parent_path() /
         fmt::format(".{}.{}.{}", path.filename().string(), suffix, ::getpid());
}

OutputDir::OutputDir(const fs::path& final_path, bool force)
    : final_(usable_folder(final_path, force)), asked_(final_path), force_(force) {
  std::error_code error;
  fs::create_directories(final_.parent_path(), error);
  temporary_ = sibling(final_, "partial");
  // Only to see that it can be made: until it is needed a signal finds nothing to clear away.
  if (!error) fs::create_directory(temporary_, error);
  if (!error) fs::remove(temporary_, error);
  if (error) reject(asked_, error.message(), "a folder that can be written");
}

OutputDir::~OutputDir() {
  std::error_code ignored;
  if (!committed_ && guard_) fs::remove_all(temporary_, ignored);
}

const fs::path& OutputDir::path() {
  if (guard_) return temporary_;
  guard_.emplace();
  fs::create_directory(temporary_);
  return temporary_;
}

void OutputDir::commit() {
  if (InterruptGuard::interrupted()) throw Interrupted(0, 0);
  usable_folder(asked_, force_);  // another command may have filled it meanwhile
  if (fs::exists(final_)) require_room(path(), final_);
  std::error_code ignored;
  if (fs::equivalent(final_, fs::current_path(), ignored))
    fill();  // where the user stands has to stay the same folder
  else if (fs::exists(final_) && !fs::is_empty(final_))
    replace();
  else
    fs::rename(path(), final_);
  committed_ = true;
}

void OutputDir::fill() {
  remove_results(final_);
  move_into_place(path(), final_);
}

void OutputDir::replace() {
  exchange(path(), final_);
  committed_ = true;  // the temporary folder is the earlier result now
  remove_results(temporary_);
  move_into_place(temporary_, final_);
}

bool lies_in(const fs::path& path, const fs::path& folder) {
  const fs::path inner = fs::weakly_canonical(fs::absolute(path)) / "",
                 outer = fs::weakly_canonical(fs::absolute(folder)) / "";
  return std::mismatch(outer.begin(), std::prev(outer.end()), inner.begin(), inner.end()).first ==
         std::prev(outer.end());
}

void require_outside(const fs::path& out, const fs::path& input) {
  if (lies_in(input, out))
    throw UserError(fmt::format("{}: lies in {}, which the result would replace; another --out",
                                input.string(), out.string()));
}

}  // namespace attnguard
