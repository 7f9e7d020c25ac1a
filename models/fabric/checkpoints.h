// Copies of a unit's state between the key tiles of a query tile, to start again from. Plain C++.
//
// Not modelled: the storage of the copies as a fault site, the cycles of copying (each register is
// copied as it is written).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <tuple>
#include <vector>

#include "models/fabric/tile.h"

namespace attnguard {

class Checkpoints {
 public:
  struct Copy {
    TileContext tile;         ///< the key tile after which the state is this
    std::uint64_t cycle = 0;  ///< its last register is written
    std::vector<std::byte> state;

    template <class T>
    void add(const T* values, std::size_t count) {
      const auto* bytes = reinterpret_cast<const std::byte*>(values);
      state.insert(state.end(), bytes, bytes + count * sizeof(T));
    }
    template <class T>
    const T* at(std::size_t index) const {
      return reinterpret_cast<const T*>(state.data()) + index;
    }
  };

  /// Forgets everything; from now on `copies` are kept. 0: none are made.
  void start(std::size_t copies) {
    limit_ = copies;
    copies_.clear();
  }
  bool keeping() const { return limit_ > 0; }

  /// An empty copy after key tile `tile`, in the order of the job; it replaces one of the same
  /// tile.
  Copy& after(const TileContext& tile, std::uint64_t cycle) {
    forget(tile.head, tile.query_tile, tile.key_tile);
    if (copies_.size() == limit_) copies_.pop_front();
    copies_.push_back({tile, cycle, {}});
    return copies_.back();
  }
  /// The latest copy after a key tile before `key_tile` of this query tile; null if there is none.
  const Copy* before(std::uint32_t head, std::uint32_t query_tile, std::uint32_t key_tile) const {
    const Copy* latest = nullptr;
    for (const Copy& copy : copies_)
      if (copy.tile.head == head && copy.tile.query_tile == query_tile &&
          copy.tile.key_tile < key_tile)
        latest = &copy;
    return latest;
  }
  /// Key tiles of this query tile that are complete at the end of `cycle`, as far as copies tell.
  std::uint32_t complete(std::uint32_t head, std::uint32_t query_tile, std::uint64_t cycle) const {
    std::uint32_t tiles = 0;
    for (const Copy& copy : copies_)
      if (copy.tile.head == head && copy.tile.query_tile == query_tile && copy.cycle <= cycle)
        tiles = copy.tile.key_tile + 1;
    return tiles;
  }
  /// This key tile and all that follow have not happened.
  void forget(std::uint32_t head, std::uint32_t query_tile, std::uint32_t key_tile) {
    const auto behind = [&](const Copy& copy) {
      return std::tie(copy.tile.head, copy.tile.query_tile, copy.tile.key_tile) >=
             std::tie(head, query_tile, key_tile);
    };
    copies_.erase(std::remove_if(copies_.begin(), copies_.end(), behind), copies_.end());
  }
  /// Of this query tile only what is needed to begin with `key_tile` or a later one is still there.
  void forget_before(std::uint32_t head, std::uint32_t query_tile, std::uint32_t key_tile) {
    const auto overwritten = [&](const Copy& copy) {
      return copy.tile.head == head && copy.tile.query_tile == query_tile &&
             copy.tile.key_tile + 1 < key_tile;
    };
    copies_.erase(std::remove_if(copies_.begin(), copies_.end(), overwritten), copies_.end());
  }

 private:
  std::size_t limit_ = 0;
  std::deque<Copy> copies_;
};

}  // namespace attnguard
