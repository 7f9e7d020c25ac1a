#include "src/files/resumable_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>

#include "src/campaign/identity.h"
#include "src/config/user_error.h"
#include "src/files/input_file.h"
#include "src/files/own_files.h"
#include "src/simulation/errors.h"
#include "src/simulation/output_dir.h"
#include "src/simulation/prepared.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kLockFile = "lock";

struct flock whole_file() {
  struct flock whole {};
  whole.l_type = F_WRLCK;
  return whole;
}

[[noreturn]] void fail(const fs::path& path) {
  throw std::system_error(errno, std::generic_category(), path.string());
}

fs::path new_temporary_folder() {
  std::string name = (fs::temp_directory_path() / "attnguard.XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) fail(name);
  return name;
}

// No UserError: a sweep goes on from here when there is room again.
[[noreturn]] void reject(const fs::path& out, const std::error_code& error) {
  throw MachineError(
      fmt::format("--out {}: {}; a folder that can be written", out.string(), error.message()));
}

}  // namespace

fs::path identity_file(const ResumableKind& kind, const fs::path& folder) {
  return folder / kind.work / fmt::format("{}.json", kind.name);
}

bool in_use(const ResumableKind& kind, const fs::path& folder) {
  const int fd = ::open((folder / kind.work / kLockFile).c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  struct flock whole = whole_file();
  const bool held = ::fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
  ::close(fd);
  return held;
}

ResumableFolder::ResumableFolder(const ResumableKind& kind, const fs::path& out, StartMode mode,
                                 const Json& identity)
    : kind_(kind), asked_(out), mode_(mode), identity_(identity), temporary_(out.empty()) {
  if (temporary_) return;
  std::error_code error;
  folder_ = usable_folder(out, mode != StartMode::refuse || fs::exists(out / kind.work, error));
  check_unfinished();
  ours_ = mode == StartMode::resume || !fs::exists(folder_);
  fs::create_directories(folder_.parent_path(), error);
  if (!error && ::access(folder_.parent_path().c_str(), W_OK) != 0)
    error = {errno, std::generic_category()};
  if (error) reject(asked_, error);
}

void ResumableFolder::check_unfinished() const {
  const bool unfinished = fs::exists(identity_file(kind_, folder_));
  // What has this name is written to and removed.
  if (fs::is_symlink(work()) || (fs::exists(work()) && !unfinished))
    throw UserError(fmt::format("--out {}: {} in it is no unfinished {}; another folder",
                                asked_.string(), kind_.work, kind_.name));
  if (mode_ == StartMode::refuse && unfinished)
    throw UserError(
        fmt::format("--out {}: holds an unfinished {}; --resume to go on with it, or --force "
                    "to start anew",
                    asked_.string(), kind_.name));
  if (mode_ != StartMode::resume) return;
  if (!unfinished)
    throw UserError(fmt::format("--resume: no unfinished {} in {}; without --resume a new one",
                                kind_.name, asked_.string()));
  const Json stored = read_own_json(identity_file(kind_, folder_));
  if (const auto changed = first_difference(stored, identity_))
    throw UserError(
        fmt::format("--resume: the unfinished {} in {} is another: {} was {} and is {}; the same "
                    "configuration, or --force to start anew",
                    kind_.name, asked_.string(), changed->path, changed->before, changed->now));
}

void ResumableFolder::open() {
  if (temporary_) {
    folder_ = new_temporary_folder();
    fs::create_directory(work());
  } else if (fs::exists(work())) {
    lock();
    if (mode_ == StartMode::anew) discard_work();
  }
  if (!fs::exists(work())) create();
  opened_ = true;
}

// The work folder appears with its identity inside, or not at all.
void ResumableFolder::create() {
  std::error_code error, ignored;
  const fs::path partial = sibling(folder_, "partial"), work_there = partial / kind_.work;
  try {
    fs::create_directories(work_there, error);
    if (error) reject(asked_, error);
    write_json(identity_file(kind_, partial), identity_);
    const bool whole_folder = !fs::exists(folder_) || fs::is_empty(folder_);
    fs::rename(whole_folder ? partial : work_there, whole_folder ? folder_ : work(), error);
    if (error) reject(asked_, error);
  } catch (...) {
    fs::remove_all(partial, ignored);
    throw;
  }
  fs::remove_all(partial, ignored);
  opened_ = true;
  lock();
}

void ResumableFolder::lock() {
  lock_ = ::open((work() / kLockFile).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock_ < 0) fail(work() / kLockFile);
  struct flock whole = whole_file();
  // Unlike flock(), not inherited by workers: free as soon as this process has ended.
  if (::fcntl(lock_, F_SETLK, &whole) != 0)
    throw UserError(
        fmt::format("--out {}: another process is at this {}; another folder, or when it is done",
                    asked_.string(), kind_.name));
}

void ResumableFolder::publish(const std::function<void(const fs::path& folder)>& write) {
  if (temporary_) return;
  const fs::path results = work() / "results";
  fs::remove_all(results);
  fs::create_directory(results);
  write(results);
  require_room(results, folder_);
  // An earlier result speaks of rows that are gone.
  remove_results(folder_, work());
  move_into_place(results, folder_);
  discard_work();
}

// At once for those who look whether it is there.
void ResumableFolder::discard_work() {
  const fs::path discarded = sibling(folder_, "discarded");
  fs::rename(work(), discarded);
  std::error_code ignored;  // it is out of the way
  fs::remove_all(discarded, ignored);
  if (lock_ >= 0) ::close(lock_);
  lock_ = -1;
}

// A chunk or a finished point is.
bool ResumableFolder::worth_keeping() const {
  if (forget_) return false;
  std::error_code ignored;
  for (const auto& file : fs::recursive_directory_iterator(work(), ignored))
    if (const fs::path extension = file.path().extension();
        extension == ".chunk" || extension == ".point")
      return true;
  return false;
}

ResumableFolder::~ResumableFolder() {
  std::error_code ignored;
  if (temporary_) {
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
    return;
  }
  if (opened_ && fs::exists(work(), ignored) && !worth_keeping()) {
    fs::rename(work(), sibling(folder_, "discarded"), ignored);
    fs::remove_all(sibling(folder_, "discarded"), ignored);
    if (ours_) fs::remove(folder_, ignored);  // if it holds nothing else
  }
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace attnguard
