#include "src/campaign/chunk_store.h"

#include <fmt/format.h>

#include <boost/interprocess/file_mapping.hpp>
#include <cstring>
#include <system_error>

#include "src/campaign/whole_file.h"
#include "src/config/sha256.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;
namespace ipc = boost::interprocess;

constexpr std::string_view kMagic = "attnguard chunk\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHashSize = 64;
constexpr std::size_t kHeaderSize =
    kMagic.size() + sizeof kVersion + 3 * sizeof(std::uint64_t) + kHashSize;

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

StoredChunk::StoredChunk(ipc::mapped_region file, std::size_t record_size)
    : file_(std::move(file)), record_size_(record_size) {}

std::string_view StoredChunk::file() const {
  return {static_cast<const char*>(file_.get_address()), file_.get_size()};
}

std::string_view StoredChunk::record(std::size_t position) const {
  return file().substr(kHeaderSize + position * record_size_);
}

ChunkStore::ChunkStore(fs::path folder, std::string_view identity, const RecordCodec& codec)
    : folder_(std::move(folder)), identity_(sha256_hex(identity)), codec_(codec) {}

fs::path ChunkStore::file(std::size_t index) const {
  return folder_ / fmt::format("{:06}.chunk", index);
}

std::string ChunkStore::header(std::size_t index, const Chunk& chunk) const {
  std::string bytes(kMagic);
  put(bytes, kVersion);
  put(bytes, std::uint64_t{index});
  put(bytes, std::uint64_t{chunk.numbers.size()});
  put(bytes, std::uint64_t{codec_.size()});
  return bytes + identity_;
}

void ChunkStore::write(std::size_t index, const Chunk& chunk, std::string_view records) const {
  std::string bytes = header(index, chunk);
  bytes += records;
  bytes += sha256_hex(bytes);
  write_whole(file(index), bytes);
}

std::optional<StoredChunk> ChunkStore::read(std::size_t index, const Chunk& chunk) const {
  const fs::path path = file(index);
  const std::size_t size = kHeaderSize + chunk.numbers.size() * codec_.size() + kHashSize;
  std::error_code error;
  if (fs::file_size(path, error) != size || error) return std::nullopt;
  StoredChunk stored(
      ipc::mapped_region(ipc::file_mapping(path.c_str(), ipc::read_only), ipc::read_only),
      codec_.size());
  const std::string_view file = stored.file(), body = file.substr(0, size - kHashSize);
  if (body.substr(0, kHeaderSize) != header(index, chunk)) return std::nullopt;
  if (file.substr(body.size()) != sha256_hex(body)) return std::nullopt;
  for (std::size_t i = 0; i < chunk.numbers.size(); ++i)
    if (RecordCodec::number(stored.record(i)) != chunk.numbers[i]) return std::nullopt;
  return stored;
}

}  // namespace attnguard
