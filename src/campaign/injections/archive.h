// The records of a campaign whose chunks are complete, by number.
#pragma once

#include <cstdint>
#include <vector>

#include "src/campaign/injections/chunk_store.h"

namespace attnguard {

class Archive {
 public:
  /// Throws ModelError when a chunk is missing.
  Archive(const ChunkStore& store, const WorkOrder& order);

  std::uint64_t size() const { return places_.size(); }
  /// Overwrites `record` whole.
  void read(std::uint64_t number, Record& record) const;

 private:
  struct Place {
    std::uint32_t chunk, position;
  };
  const RecordCodec& codec_;
  std::vector<StoredChunk> chunks_;
  std::vector<Place> places_;
};

}  // namespace attnguard
