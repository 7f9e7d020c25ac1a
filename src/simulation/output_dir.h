// The folder a command writes: whole or not at all.
#pragma once

#include <filesystem>

namespace attnguard {

/// Files go to a temporary folder beside the final one; commit() renames it. Without commit()
/// nothing stays.
class OutputDir {
 public:
  /// Throws UserError when `final_path` cannot be written, is no folder, or already holds
  /// something: without `force` anything at all; with it anything but an earlier result, so that
  /// --force never deletes a user's own folder.
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
