// The folder a command writes: whole or not at all.
#pragma once

#include <filesystem>
#include <string_view>

namespace attnguard {

/// The folder, absolute. UserError when it cannot be written, is no folder, or already holds
/// something: without `force` anything at all; with it anything but an earlier result or campaign,
/// so that --force never deletes a user's own folder.
std::filesystem::path usable_folder(const std::filesystem::path& path, bool force);

/// A hidden name beside `path` that no other process uses.
std::filesystem::path sibling(const std::filesystem::path& path, std::string_view suffix);

/// Files go to a temporary folder beside the final one; commit() renames it. Without commit()
/// nothing stays.
class OutputDir {
 public:
  /// UserError as usable_folder().
  OutputDir(const std::filesystem::path& final_path, bool force);
  ~OutputDir();
  OutputDir(const OutputDir&) = delete;
  OutputDir& operator=(const OutputDir&) = delete;

  /// The temporary folder to write into; exists.
  const std::filesystem::path& path() const { return temporary_; }
  /// Puts the folder in its place, instead of an earlier result. Call once, at the end.
  void commit();

 private:
  std::filesystem::path final_;
  std::filesystem::path temporary_;
  bool committed_ = false;
};

}  // namespace attnguard
