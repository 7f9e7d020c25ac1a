#include "src/campaign/injections/chunk_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/interprocess/file_mapping.hpp>
#include <cstring>
#include <system_error>

#include "src/config/sha256.h"
#include "src/files/output_file.h"
#include "src/files/whole_file.h"
#include "src/simulation/errors.h"

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

// Nothing when it is not there or empty.
MappedFile map(const fs::path& file) {
  std::error_code error;
  if (fs::file_size(file, error) == 0 || error) return nullptr;
  try {
    return std::make_shared<const ipc::mapped_region>(
        ipc::file_mapping(file.c_str(), ipc::read_only), ipc::read_only);
  } catch (const ipc::interprocess_exception& refused) {
    throw MachineError(file.string() + ": " + refused.what());
  }
}

std::string_view all_of(const MappedFile& file) {
  if (file == nullptr) return {};
  return {static_cast<const char*>(file->get_address()), file->get_size()};
}

}  // namespace

std::string_view StoredChunk::record(std::size_t position) const {
  return bytes_.substr(kHeaderSize + position * record_size_);
}

ChunkStore::ChunkStore(fs::path folder, std::string_view identity, const RecordCodec& codec)
    : folder_(std::move(folder)), identity_(sha256_hex(identity)), codec_(codec) {}

ChunkStore::ChunkStore(std::vector<fs::path> packed, std::string_view identity,
                       const RecordCodec& codec)
    : packed_(std::move(packed)), identity_(sha256_hex(identity)), codec_(codec) {
  for (const fs::path& file : packed_) mapped_.push_back(map(file));
}

fs::path ChunkStore::file(const Chunk& chunk) const {
  if (!packed_.empty()) return packed_.at(chunk.shard);
  return folder_ / fmt::format("{:06}.chunk", chunk.index);
}

std::size_t ChunkStore::size(const Chunk& chunk) const {
  return kHeaderSize + chunk.numbers.size() * codec_.size() + kHashSize;
}

std::string ChunkStore::header(const Chunk& chunk) const {
  std::string bytes(kMagic);
  put(bytes, kVersion);
  put(bytes, std::uint64_t{chunk.index});
  put(bytes, std::uint64_t{chunk.numbers.size()});
  put(bytes, std::uint64_t{codec_.size()});
  return bytes + identity_;
}

void ChunkStore::write(const Chunk& chunk, std::string_view records) const {
  std::string bytes = header(chunk);
  bytes += records;
  bytes += sha256_hex(bytes);
  write_whole(file(chunk), bytes);
}

std::optional<StoredChunk> ChunkStore::read(const Chunk& chunk) const {
  const bool is_packed = !packed_.empty();
  MappedFile file = is_packed ? mapped_.at(chunk.shard) : map(this->file(chunk));
  std::string_view bytes = all_of(file);
  if (is_packed) {
    const std::size_t first =
        chunk.index * (kHeaderSize + kHashSize) + chunk.before * codec_.size();
    bytes = bytes.substr(std::min(bytes.size(), first), size(chunk));
  }
  if (bytes.size() != size(chunk)) return std::nullopt;
  const std::string_view body = bytes.substr(0, bytes.size() - kHashSize);
  if (body.substr(0, kHeaderSize) != header(chunk)) return std::nullopt;
  if (bytes.substr(body.size()) != sha256_hex(body)) return std::nullopt;
  StoredChunk stored(std::move(file), bytes, codec_.size());
  for (std::size_t i = 0; i < chunk.numbers.size(); ++i)
    if (RecordCodec::number(stored.record(i)) != chunk.numbers[i]) return std::nullopt;
  return stored;
}

void ChunkStore::pack(const std::vector<Chunk>& chunks, const fs::path& file) const {
  OutputFile packed(file);
  for (const Chunk& chunk : chunks) {
    const std::optional<StoredChunk> stored = read(chunk);
    if (!stored) throw MachineError(this->file(chunk).string() + ": not as it was written");
    packed << stored->bytes();
  }
  packed.finish();
}

}  // namespace attnguard
