// A file being written, of which nothing is lost unnoticed.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace attnguard {

/// Every failure is a std::system_error whose what() is the file and the reason:
/// "…/injections.csv: No space left on device".
class OutputFile {
 public:
  /// Makes the file, or empties the one that is there.
  explicit OutputFile(std::filesystem::path file);
  /// Without finish() the file may hold anything.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  OutputFile& operator<<(std::string_view bytes);
  /// All of it is on the disk, also after a crash of the machine. Call once, at the end.
  void finish();

 private:
  void write(std::string_view bytes);
  [[noreturn]] void fail() const;

  std::filesystem::path file_;
  int fd_ = -1;
  std::string waiting_;  ///< so that a line of CSV is not a system call
};

}  // namespace attnguard
