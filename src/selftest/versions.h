// What results could depend on and must not: what to name in a bug report or a paper.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace attnguard {

/// (what, which): the tool and its build, the libraries it runs with, processor and system.
std::vector<std::pair<std::string, std::string>> versions();

}  // namespace attnguard
