#include "src/campaign/campaign_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "src/config/user_error.h"
#include "src/simulation/output_dir.h"
#include "src/simulation/prepared.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kIdentityFile = "campaign.json";

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

std::string value_at(const Json& json, const std::string& pointer) {
  const Json::json_pointer at(pointer);
  return json.contains(at) ? json.at(at).dump() : "nothing";
}

// What two identities differ in; empty if in nothing.
std::string difference(const Json& unfinished, const Json& now) {
  const Json changes = Json::diff(unfinished, now);
  if (changes.empty()) return {};
  // The hash differs whenever anything does: it is named only when nothing else explains it.
  for (const Json& change : changes) {
    const std::string path = change.at("path");
    if (path == "/config_sha256") continue;
    return fmt::format("{} was {} and is {}", path, value_at(unfinished, path),
                       value_at(now, path));
  }
  return "the tensor files have other contents";
}

}  // namespace

CampaignFolder::CampaignFolder(const fs::path& out, StartMode mode, const Json& identity)
    : asked_(out), mode_(mode), identity_(identity), temporary_(out.empty()) {
  if (temporary_) return;
  folder_ = usable_folder(out, mode != StartMode::refuse || fs::exists(out / "chunks"));
  check_unfinished();
  ours_ = mode == StartMode::resume || !fs::exists(folder_);
  std::error_code error;
  fs::create_directories(folder_.parent_path(), error);
  if (!error && ::access(folder_.parent_path().c_str(), W_OK) != 0)
    error = std::make_error_code(std::errc::permission_denied);
  if (error) reject(asked_, error);
}

void CampaignFolder::check_unfinished() const {
  const bool unfinished = fs::exists(chunks() / kIdentityFile);
  if (mode_ == StartMode::refuse && unfinished)
    throw UserError(
        fmt::format("--out {}: holds an unfinished campaign; --resume to go on with it, or --force "
                    "to start anew",
                    asked_.string()));
  if (mode_ != StartMode::resume) return;
  if (!unfinished)
    throw UserError(fmt::format(
        "--resume: no unfinished campaign in {}; without --resume a new one", asked_.string()));
  std::ifstream stream(chunks() / kIdentityFile);
  const Json stored = Json::parse(stream, nullptr, false);
  const std::string changed = difference(stored, identity_);
  if (!changed.empty())
    throw UserError(
        fmt::format("--resume: the unfinished campaign in {} is another: {}; the same "
                    "configuration, or --force to start anew",
                    asked_.string(), changed));
}

void CampaignFolder::open() {
  if (temporary_) {
    folder_ = new_temporary_folder();
    fs::create_directory(chunks());
  } else if (fs::exists(chunks())) {
    lock();
    if (mode_ == StartMode::anew) discard_chunks();
  }
  if (!fs::exists(chunks())) create();
  opened_ = true;
}

// The chunk folder appears with its identity inside, or not at all.
void CampaignFolder::create() {
  std::error_code error;
  const fs::path partial = sibling(folder_, "partial");
  fs::create_directories(partial / "chunks", error);
  if (error) reject(asked_, error);
  write_json(partial / "chunks" / kIdentityFile, identity_);
  sync_file(partial / "chunks" / kIdentityFile);
  const bool whole_folder = !fs::exists(folder_) || fs::is_empty(folder_);
  fs::rename(whole_folder ? partial : partial / "chunks", whole_folder ? folder_ : chunks(), error);
  std::error_code ignored;
  fs::remove_all(partial, ignored);
  if (error) reject(asked_, error);
  lock();
}

void CampaignFolder::lock() {
  lock_ = ::open((chunks() / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  struct flock whole {};
  whole.l_type = F_WRLCK;
  if (lock_ < 0) fail("cannot write " + chunks().string());
  // Unlike flock(), not inherited by workers: free as soon as this process has ended.
  if (::fcntl(lock_, F_SETLK, &whole) != 0)
    throw UserError(fmt::format(
        "--out {}: another process is at this campaign; another folder, or when it is done",
        asked_.string()));
}

void CampaignFolder::publish(const std::function<void(const fs::path& folder)>& write) {
  if (temporary_) return;
  const fs::path results = chunks() / "results";
  fs::remove_all(results);
  fs::create_directory(results);
  write(results);
  const std::vector<fs::path> files = entries(results);
  for (const fs::path& file : files) sync_file(file);
  // Of an earlier result: they would speak of rows that are gone.
  for (const fs::path& entry : entries(folder_)) {
    const std::string name = entry.filename().string();
    if (name == "audit.csv" || name == "faults.csv" || name == "fmeda.csv" || name == "roc" ||
        name.rfind("replay_", 0) == 0)
      fs::remove_all(entry);
  }
  for (const fs::path& file : files) fs::rename(file, folder_ / file.filename());
  discard_chunks();
}

// At once for those who look whether it is there.
void CampaignFolder::discard_chunks() {
  const fs::path discarded = sibling(folder_, "discarded");
  fs::rename(chunks(), discarded);
  fs::remove_all(discarded);
  if (lock_ >= 0) ::close(lock_);
  lock_ = -1;
}

CampaignFolder::~CampaignFolder() {
  std::error_code ignored;
  if (temporary_) {
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
    return;
  }
  if (opened_ && fs::exists(chunks(), ignored)) {
    bool any = false;
    for (const auto& file : fs::directory_iterator(chunks(), ignored))
      any |= file.path().extension() == ".chunk";
    if (!any) {
      fs::remove_all(chunks(), ignored);
      if (ours_) fs::remove(folder_, ignored);  // if it holds nothing else
    }
  }
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace attnguard
