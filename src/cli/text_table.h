// An aligned table on the terminal: the first column to the left, the others to the right.
#pragma once

#include <string>
#include <vector>

namespace attnguard {

class TextTable {
 public:
  /// The first row is the head.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string str() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace attnguard
