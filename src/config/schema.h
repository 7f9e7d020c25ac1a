// The configuration described for machines and for people, from the same descriptions that read it.
#pragma once

#include <string>

#include "src/config/document.h"

namespace attnguard {

/// JSON Schema (draft 2020-12) of a configuration file.
Json config_schema();

/// docs/configuration.md: one table of keys per section, from the schema.
std::string key_table();

}  // namespace attnguard
