// attnguard schema: what a configuration may hold.
#include <fmt/format.h>

#include "src/cli/command_line.h"
#include "src/config/schema.h"
#include "src/config/user_error.h"

namespace attnguard {

int schema_command(const CommandLine& command_line) {
  const bool keys = !command_line.positional.empty();
  if (keys && command_line.positional[0] != "keys")
    throw UserError(fmt::format("schema: {}; nothing, or keys", command_line.positional[0]));
  if (!command_line.quiet) fmt::print("{}", keys ? key_table() : config_schema().dump(2) + "\n");
  return kDone;
}

}  // namespace attnguard
