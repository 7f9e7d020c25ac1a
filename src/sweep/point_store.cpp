#include "src/sweep/point_store.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <vector>

#include "src/config/user_error.h"
#include "src/files/input_file.h"
#include "src/files/own_files.h"
#include "src/files/resumable_folder.h"
#include "src/files/whole_file.h"
#include "src/simulation/errors.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kFolders = "points";

std::string name_of(std::size_t point) { return fmt::format("{:03}", point); }

// A killed sweep's campaigns are killed with it, which takes a moment.
void await_end(const fs::path& campaign) {
  constexpr int kAttempts = 1000;
  for (int attempt = 0; in_use(kCampaignFolder, campaign); ++attempt) {
    if (attempt == kAttempts)
      throw UserError(fmt::format("{}: another process is at this campaign; when it is done",
                                  campaign.string()));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace

fs::path point_folder(const fs::path& folder, std::size_t point) {
  return folder / kFolders / name_of(point);
}

PointStore::PointStore(fs::path work, const fs::path& result, std::size_t points)
    : work_(std::move(work)) {
  fs::create_directories(folders());
  // What was moved, after the last point was finished, comes back. What stands in the result is of
  // an earlier sweep where the other places have the point, too.
  bool all = true;
  for (std::size_t point = 0; point < points; ++point) all = all && fs::exists(file(point));
  for (const fs::path& moved : {work_ / "results", result})
    for (std::size_t point = 0; all && point < points; ++point)
      if (!fs::exists(folder(point)) && is_result(point_folder(moved, point)))
        fs::rename(point_folder(moved, point), folder(point));
  for (std::size_t point = 0; point < points; ++point) await_end(folder(point));
  clear_leftovers();
}

void PointStore::clear_leftovers() const {
  std::vector<fs::path> left;
  for (const auto& entry : fs::directory_iterator(folders()))
    if (entry.path().filename().string().front() == '.') left.push_back(entry.path());
  for (const fs::path& path : left) fs::remove_all(path);
}

fs::path PointStore::folders() const { return work_ / kFolders; }

fs::path PointStore::file(std::size_t point) const {
  return work_ / fmt::format("{}.point", name_of(point));
}

void PointStore::write(std::size_t point, const Json& result) const {
  write_whole(file(point), result.dump(2, ' ', false, Json::error_handler_t::replace));
}

Json PointStore::finished(std::size_t point) const {
  std::optional<Json> result = read(point);
  if (!result) throw MachineError(file(point).string() + ": not as it was written");
  return std::move(*result);
}

std::optional<Json> PointStore::read(std::size_t point) const {
  Json result = read_own_json(file(point));
  if (!result.is_object()) return std::nullopt;
  return result;
}

void PointStore::publish(const fs::path& result) const {
  clear_leftovers();
  fs::rename(folders(), result / kFolders);
}

}  // namespace attnguard
