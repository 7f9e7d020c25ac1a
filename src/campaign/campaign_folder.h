// The folder of a campaign: chunks while it runs, results at its end.
//
// DIR/chunks exists exactly as long as the campaign is unfinished. An earlier result beside it
// stays until the new files replace it.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace attnguard {

/// What to do with an unfinished campaign: refuse, go on with it, or forget it.
enum class StartMode { refuse, resume, anew };

class CampaignFolder {
 public:
  /// `identity` is what a campaign must have in common with the one it goes on with. UserError when
  /// the folder cannot be used: as OutputDir, and for an unfinished campaign. An empty path stands
  /// for a temporary folder. Makes nothing yet.
  CampaignFolder(const std::filesystem::path& out, StartMode mode,
                 const nlohmann::ordered_json& identity);
  /// Removes what holds no chunk.
  ~CampaignFolder();
  CampaignFolder(const CampaignFolder&) = delete;
  CampaignFolder& operator=(const CampaignFolder&) = delete;

  /// Makes the chunk folder, or takes over that of the unfinished campaign. UserError when another
  /// process is at it.
  void open();
  std::filesystem::path chunks() const { return folder_ / "chunks"; }
  /// `write` puts every result file into the folder it is given; then they replace those of an
  /// earlier result, and the chunks go.
  void publish(const std::function<void(const std::filesystem::path& folder)>& write);

 private:
  void check_unfinished() const;
  void create();
  void lock();
  void discard_chunks();

  std::filesystem::path folder_, asked_;  ///< absolute; as the user wrote it
  StartMode mode_;
  nlohmann::ordered_json identity_;
  bool temporary_ = false;
  bool opened_ = false;
  bool ours_ = false;  ///< nothing in the folder is older than the campaign
  int lock_ = -1;
};

}  // namespace attnguard
