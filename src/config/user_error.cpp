#include "src/config/user_error.h"

#include <cstddef>

#include "src/config/printable.h"

namespace attnguard {
namespace {

constexpr std::size_t kMostBytes = 2000, kTailBytes = 800;

std::string one_line_of(const std::string& what) {
  std::string line = printable(what);
  if (line.size() <= kMostBytes) return line;
  const auto inside = [&](std::size_t at) { return (line[at] & '\xc0') == '\x80'; };
  std::size_t from = kMostBytes - kTailBytes, to = line.size() - kTailBytes;
  while (inside(from)) --from;
  while (inside(to)) ++to;
  return line.replace(from, to - from, " … ");
}

}  // namespace

UserError::UserError(const std::string& what) : std::runtime_error(one_line_of(what)) {}

}  // namespace attnguard
