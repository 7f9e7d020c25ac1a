#include "src/campaign/injections/archive.h"

#include "src/simulation/errors.h"

namespace attnguard {

Archive::Archive(const ChunkStore& store, const WorkOrder& order) : codec_(store.codec()) {
  std::size_t size = 0;
  for (const Chunk& chunk : order.chunks()) size += chunk.numbers.size();
  places_.resize(size);
  for (std::uint32_t c = 0; c < order.chunks().size(); ++c) {
    const Chunk& chunk = order.chunks()[c];
    std::optional<StoredChunk> stored = store.read(chunk);
    if (!stored) throw MachineError(store.file(chunk).string() + ": not as it was written");
    chunks_.push_back(std::move(*stored));
    for (std::uint32_t p = 0; p < chunk.numbers.size(); ++p) places_[chunk.numbers[p]] = {c, p};
  }
}

void Archive::read(std::uint64_t number, Record& record) const {
  const Place& place = places_[number];
  codec_.decode(chunks_[place.chunk].record(place.position), record);
}

}  // namespace attnguard
