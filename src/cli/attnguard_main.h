// The whole command line, for the executable and for programs that add to it.
#pragma once

#include <string>
#include <vector>

namespace attnguard {

/// Dispatches to the command and turns every failure into one message on stderr; returns the exit
/// code. To be called from sc_main. `arguments`: without the program's name.
int attnguard_main(const std::vector<std::string>& arguments);

}  // namespace attnguard
