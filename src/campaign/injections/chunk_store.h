// The files of a running campaign: one per chunk, each whole or not there.
#pragma once

#include <boost/interprocess/mapped_region.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/campaign/injections/record.h"
#include "src/campaign/injections/work_order.h"

namespace attnguard {

using MappedFile = std::shared_ptr<const boost::interprocess::mapped_region>;

/// A chunk in a mapped file.
class StoredChunk {
 public:
  StoredChunk(MappedFile file, std::string_view bytes, std::size_t record_size)
      : file_(std::move(file)), bytes_(bytes), record_size_(record_size) {}

  std::string_view bytes() const { return bytes_; }
  /// Of the injection at `position` of the chunk, from its first byte to the end of the chunk.
  std::string_view record(std::size_t position) const;

 private:
  MappedFile file_;
  std::string_view bytes_;
  std::size_t record_size_;
};

class ChunkStore {
 public:
  /// `identity` tells the campaign from every other; files of others are not taken for its own.
  ChunkStore(std::filesystem::path folder, std::string_view identity, const RecordCodec& codec);
  /// Of finished shards, one file each, to read only.
  ChunkStore(std::vector<std::filesystem::path> packed, std::string_view identity,
             const RecordCodec& codec);

  const RecordCodec& codec() const { return codec_; }
  std::filesystem::path file(const Chunk& chunk) const;
  /// `records`: one after another, in the order of the chunk's numbers. Killed at any moment it
  /// leaves the whole file or none. Failures as of OutputFile.
  void write(const Chunk& chunk, std::string_view records) const;
  /// Nothing unless the file is whole and holds exactly these injections of this campaign.
  std::optional<StoredChunk> read(const Chunk& chunk) const;
  /// Writes the chunks of a shard, all of which are there, into one file: thousands of shards are
  /// more files than a process can map.
  void pack(const std::vector<Chunk>& chunks, const std::filesystem::path& file) const;

 private:
  std::size_t size(const Chunk& chunk) const;
  std::string header(const Chunk& chunk) const;

  std::filesystem::path folder_;
  std::vector<std::filesystem::path> packed_;  ///< [shard]
  std::vector<MappedFile> mapped_;             ///< [shard]; null where there is no file
  std::string identity_;
  RecordCodec codec_;
};

}  // namespace attnguard
