// The folder of a command that can be interrupted: its work while it runs, results at its end.
//
// DIR/<work> exists exactly as long as the command is unfinished. An earlier result beside it stays
// until the new files replace it.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace attnguard {

/// What to do with unfinished work: refuse, go on with it, or forget it.
enum class StartMode { refuse, resume, anew };

/// Which command: its name, and that of the folder it works in.
struct ResumableKind {
  std::string_view name, work;
};
inline constexpr ResumableKind kCampaignFolder{"campaign", "chunks"};
inline constexpr ResumableKind kSweepFolder{"sweep", "unfinished"};

/// What the unfinished command in `folder` is told by; there as long as it is unfinished.
std::filesystem::path identity_file(const ResumableKind& kind, const std::filesystem::path& folder);

/// Another process is at the unfinished work in `folder`.
bool in_use(const ResumableKind& kind, const std::filesystem::path& folder);

class ResumableFolder {
 public:
  /// `identity` is what the work must have in common with the one it goes on with. UserError when
  /// the folder cannot be used: as OutputDir, and for unfinished work. An empty path stands for a
  /// temporary folder. Makes nothing yet.
  ResumableFolder(const ResumableKind& kind, const std::filesystem::path& out, StartMode mode,
                  const nlohmann::ordered_json& identity);
  /// Removes what holds nothing to go on with.
  ~ResumableFolder();
  ResumableFolder(const ResumableFolder&) = delete;
  ResumableFolder& operator=(const ResumableFolder&) = delete;

  /// Makes the work folder, or takes over that of the unfinished command. UserError when another
  /// process is at it.
  void open();
  std::filesystem::path work() const { return folder_ / kind_.work; }
  const std::filesystem::path& path() const { return folder_; }
  /// Nothing of the work can be gone on with.
  void forget() { forget_ = true; }
  /// `write` puts every result file into the folder it is given; then they replace those of an
  /// earlier result, and the work goes.
  void publish(const std::function<void(const std::filesystem::path& folder)>& write);

 private:
  bool worth_keeping() const;
  void check_unfinished() const;
  void create();
  void lock();
  void discard_work();

  ResumableKind kind_;
  std::filesystem::path folder_, asked_;  ///< absolute; as the user wrote it
  StartMode mode_;
  nlohmann::ordered_json identity_;
  bool temporary_ = false;
  bool opened_ = false;
  bool ours_ = false;  ///< nothing in the folder is older than the work
  bool forget_ = false;
  int lock_ = -1;
};

}  // namespace attnguard
