#include "src/files/resumable_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <vector>

#include "src/campaign/identity.h"
#include "src/config/user_error.h"
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

// What commands leave, besides replay_N.
constexpr std::string_view kResults[] = {
    "injections.csv", "coverage.csv", "strata.csv",   "paired.csv",  "error_size.csv",
    "latency.csv",    "fmeda.csv",    "faults.csv",   "audit.csv",   "roc",
    "points",         "sweep.csv",    "sweep.json",   "timing.json", "summary.json",
    "config.json",    "shard.json",   "shard.chunks", "points.json"};

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

fs::path new_temporary_folder() {
  std::string name = (fs::temp_directory_path() / "attnguard.XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) fail("cannot make " + name);
  return name;
}

// After a crash of the machine, too, a file is whole when its name is there.
void sync_file(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!synced) fail("cannot write " + file.string());
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) paths.push_back(entry.path());
  return paths;
}

[[noreturn]] void reject(const fs::path& out, const std::error_code& error) {
  throw UserError(
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
  folder_ = usable_folder(out, mode != StartMode::refuse || fs::exists(out / kind.work));
  check_unfinished();
  ours_ = mode == StartMode::resume || !fs::exists(folder_);
  std::error_code error;
  fs::create_directories(folder_.parent_path(), error);
  if (!error && ::access(folder_.parent_path().c_str(), W_OK) != 0)
    error = std::make_error_code(std::errc::permission_denied);
  if (error) reject(asked_, error);
}

void ResumableFolder::check_unfinished() const {
  const bool unfinished = fs::exists(identity_file(kind_, folder_));
  if (mode_ == StartMode::refuse && unfinished)
    throw UserError(
        fmt::format("--out {}: holds an unfinished {}; --resume to go on with it, or --force "
                    "to start anew",
                    asked_.string(), kind_.name));
  if (mode_ != StartMode::resume) return;
  if (!unfinished)
    throw UserError(fmt::format("--resume: no unfinished {} in {}; without --resume a new one",
                                kind_.name, asked_.string()));
  std::ifstream stream(identity_file(kind_, folder_));
  const Json stored = Json::parse(stream, nullptr, false);
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
  std::error_code error;
  const fs::path partial = sibling(folder_, "partial"), work_there = partial / kind_.work;
  fs::create_directories(work_there, error);
  if (error) reject(asked_, error);
  const fs::path identity = identity_file(kind_, partial);
  write_json(identity, identity_);
  sync_file(identity);
  const bool whole_folder = !fs::exists(folder_) || fs::is_empty(folder_);
  fs::rename(whole_folder ? partial : work_there, whole_folder ? folder_ : work(), error);
  std::error_code ignored;
  fs::remove_all(partial, ignored);
  if (error) reject(asked_, error);
  lock();
}

void ResumableFolder::lock() {
  lock_ = ::open((work() / kLockFile).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock_ < 0) fail("cannot write " + work().string());
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
  const std::vector<fs::path> files = entries(results);
  for (const fs::path& file : files) sync_file(file);
  // Of an earlier result: they would speak of rows that are gone.
  for (const fs::path& entry : entries(folder_)) {
    const std::string name = entry.filename().string();
    const bool ours =
        std::find(std::begin(kResults), std::end(kResults), name) != std::end(kResults);
    // A new file takes the place of the old one; a folder cannot.
    if ((ours && (fs::is_directory(entry) || !fs::exists(results / name))) ||
        name.rfind("replay_", 0) == 0)
      fs::remove_all(entry);
  }
  for (const fs::path& file : files) fs::rename(file, folder_ / file.filename());
  discard_work();
}

// At once for those who look whether it is there.
void ResumableFolder::discard_work() {
  const fs::path discarded = sibling(folder_, "discarded");
  fs::rename(work(), discarded);
  fs::remove_all(discarded);
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
    fs::remove_all(work(), ignored);
    if (ours_) fs::remove(folder_, ignored);  // if it holds nothing else
  }
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace attnguard
