// Other processes, watched.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/scratch_folder.h"

namespace attnguard {

inline void sleep_ms(double milliseconds) {
  std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(milliseconds));
}

inline std::vector<pid_t> children_of(pid_t pid) {
  std::ifstream stream("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) +
                       "/children");
  std::vector<pid_t> children;
  for (pid_t child = 0; stream >> child;) children.push_back(child);
  return children;
}

inline bool has_ended(pid_t pid) {
  const std::string stat = read_text("/proc/" + std::to_string(pid) + "/stat");
  return stat.empty() || stat.find(") Z ") != std::string::npos;  // nobody may wait for it
}

inline bool ends_soon(pid_t pid) {
  for (int i = 0; i < 200 && !has_ended(pid); ++i) sleep_ms(10);
  return has_ended(pid);
}

/// It has a handler of its own for every one of the signals.
inline bool handles(pid_t pid, const std::vector<int>& signals) {
  const std::string status = read_text("/proc/" + std::to_string(pid) + "/status");
  const std::string key = "SigCgt:\t";
  const std::size_t at = status.find(key);
  if (at == std::string::npos) return false;
  const unsigned long long caught = std::stoull(status.substr(at + key.size()), nullptr, 16);
  for (const int signal : signals)
    if ((caught >> (signal - 1) & 1U) == 0) return false;
  return true;
}

/// Its children, their children and so on.
inline std::vector<pid_t> descendants_of(pid_t pid) {
  std::vector<pid_t> all = children_of(pid);
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const pid_t child : children_of(all[i])) all.push_back(child);
  return all;
}

}  // namespace attnguard
