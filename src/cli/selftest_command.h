// attnguard selftest: whether this machine gives the results that others do, and what it is.
#pragma once

#include "src/cli/command_line.h"
#include "src/selftest/selftest.h"

namespace attnguard {

/// Exit code 3 if something differs.
int selftest_command(const CommandLine& command_line);

/// The same for another selftest. Prints versions and findings, and on stderr a line for each
/// that differs; `quiet`: those alone.
int report_selftest(const Selftest& selftest, bool quiet);

}  // namespace attnguard
