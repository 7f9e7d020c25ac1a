// Which version of the configuration's schema this tool reads and writes.
#pragma once

#include <cstdint>

#include "models/fabric/field.h"

namespace attnguard {

/// Goes up when a file of before would be refused, or mean something else.
inline constexpr std::uint32_t kSchemaVersion = 1;

/// A key of the file, not of Config: every Config is of this version.
inline constexpr FieldSpec kSchemaVersionSpec{
    "schema_version", "of the keys in this file; a file without it is taken as of this version",
    kSchemaVersion, kSchemaVersion};

}  // namespace attnguard
