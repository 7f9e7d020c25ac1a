// What the parts of a checker share: who watches the registers, the site path and the dimensions.
#pragma once

#include <string>

#include "models/checksum_unit/checker.h"
#include "models/checksum_unit/checker_registers.h"

namespace attnguard {

struct CheckerContext {
  Watch watch;
  std::string path;  ///< "checksum.<name>."
  CheckerDimensions dims;

  /// Tile slots of a K or V buffer: one per half, or one per key tile and half if a head stays
  /// resident.
  std::uint32_t slots_per_half() const { return dims.resident ? dims.key_tiles : 1; }
  std::uint32_t slot(const TileContext& tile) const {
    return tile.half * slots_per_half() + (dims.resident ? tile.key_tile : 0);
  }
  /// "row[i].<name>[bank]": a float32 of each row of the array, twice. `temporary`: see
  /// RegisterShape.
  RegisterShape row_banks(const char* name, bool temporary) const {
    return {path + "row[{}]." + name + "[{}]",
            {dims.rows, 2},
            Format::float32,
            StorageKind::register_file,
            LaneMeaning::row,
            2,
            dims.rows,
            temporary};
  }
};

}  // namespace attnguard
