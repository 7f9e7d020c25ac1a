// JSON document -> Config and back, and what a single key's description cannot say.
#pragma once

#include <cstdint>

#include "src/config/config.h"
#include "src/config/document.h"
#include "src/config/origin.h"

namespace attnguard {

/// Reads and checks everything that does not need the tensors. Throws UserError.
Config read_config(const Json& document, const ConfigOrigin& origin);

/// Every key with its effective value; reading it again gives the same Config.
Json write_config(const Config& config);

/// A tile of every kind must fit one half of its buffer. Throws UserError that names the smallest
/// number of words that fits.
void check_buffers(const AcceleratorConfig& accelerator, const AttentionShape& shape,
                   const ConfigOrigin& origin);

}  // namespace attnguard
