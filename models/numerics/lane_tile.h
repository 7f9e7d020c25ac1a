// 64-byte aligned storage for tiles, so that a SIMD lane group never straddles a cache line.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace attnguard {

template <class T>
struct AlignedAllocator {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{64};

  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {
  }  // NOLINT(google-explicit-constructor): allocator contract

  T* allocate(std::size_t count) {
    return static_cast<T*>(::operator new(count * sizeof(T), kAlignment));
  }
  void deallocate(T* pointer, std::size_t) { ::operator delete(pointer, kAlignment); }
  friend bool operator==(const AlignedAllocator&, const AlignedAllocator&) { return true; }
  friend bool operator!=(const AlignedAllocator&, const AlignedAllocator&) { return false; }
};

template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

/// A lane-major tile [columns × stride] of float32.
using LaneTile = AlignedVector<float>;

}  // namespace attnguard
