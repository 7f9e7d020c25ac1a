// The files of a running campaign: one per chunk, each whole or not there.
#pragma once

#include <boost/interprocess/mapped_region.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "src/campaign/record.h"
#include "src/campaign/work_order.h"

namespace attnguard {

/// A chunk file, mapped.
class StoredChunk {
 public:
  StoredChunk(boost::interprocess::mapped_region file, std::size_t record_size);

  std::string_view file() const;
  /// Of the injection at `position` of the chunk, from its first byte to the end of the file.
  std::string_view record(std::size_t position) const;

 private:
  boost::interprocess::mapped_region file_;
  std::size_t record_size_;
};

class ChunkStore {
 public:
  /// `identity` tells the campaign from every other; files of others are not taken for its own.
  ChunkStore(std::filesystem::path folder, std::string_view identity, const RecordCodec& codec);

  const RecordCodec& codec() const { return codec_; }
  std::filesystem::path file(std::size_t index) const;
  /// `records`: one after another, in the order of the chunk's numbers. Killed at any moment it
  /// leaves the whole file or none. Throws std::runtime_error.
  void write(std::size_t index, const Chunk& chunk, std::string_view records) const;
  /// Nothing unless the file is whole and holds exactly these injections of this campaign.
  std::optional<StoredChunk> read(std::size_t index, const Chunk& chunk) const;

 private:
  std::string header(std::size_t index, const Chunk& chunk) const;

  std::filesystem::path folder_;
  std::string identity_;
  RecordCodec codec_;
};

}  // namespace attnguard
