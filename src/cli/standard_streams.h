// Standard output and standard error, also where there are none.
#pragma once

#include <string_view>

namespace attnguard {

/// Closed standard streams stand for ones that refuse everything: otherwise the next file opened
/// would get their number and what is printed. Call first.
void open_standard_streams();

/// All that was printed has left the program.
bool output_is_complete();

/// Writes to standard error. If that fails nobody can be told, and the work goes on.
void tell(std::string_view text);

}  // namespace attnguard
