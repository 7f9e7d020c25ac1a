// Persistent registers of a checker that know their own faults and liveness.
//
// A RegisterFile is a class of equal registers, stored as groups of lanes. The checker announces
// each scheduled access to a group with the cycle per lane, then computes on the plain values. An
// access costs one test unless a fault is armed or liveness is recorded. Accesses to one register
// come in time order; a read stands before the write of its cycle.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "models/fabric/tile.h"
#include "models/fault_injector/fault_universe.h"
#include "models/fault_injector/register_tap.h"
#include "models/numerics/kernels.h"
#include "models/numerics/lane_tile.h"

namespace attnguard {

/// Cycle of an access: lane 0, and from one lane to the next.
struct LaneCycles {
  std::uint64_t first = 0;
  std::int64_t step = 1;
  std::uint64_t at(std::uint32_t lane) const {
    return first + static_cast<std::uint64_t>(step * std::int64_t{lane});
  }
  /// `cycles` later.
  LaneCycles operator+(std::uint64_t cycles) const { return {first + cycles, step}; }
};

class RegisterBook;

/// What looks at a checker's registers: its tap, the log of live bits once connected, and the list
/// of all of them.
struct Watch {
  RegisterTap& tap;
  LiveLog* const& log;
  std::vector<RegisterBook*>& books;
  bool recording() const { return log != nullptr && log->enabled(); }
  bool active() const { return tap.pending() || recording(); }
};

/// What a lane stands for: it decides the order of indices in the path and the place reported.
enum class LaneMeaning : std::uint8_t {
  row,          ///< "row[lane].name[group]", query row = first row of the tile + lane
  element,      ///< "name[group × lanes + lane]", belongs to no query row
  row_of_word,  ///< "name[group][lane]", query row = first row of the tile + lane
};

/// Declaration of a RegisterFile. extents: as the path's indices; their product is groups × lanes.
struct RegisterShape {
  std::string path;
  std::vector<std::uint32_t> extents;
  Format format = Format::float32;
  StorageKind storage = StorageKind::register_file;
  LaneMeaning meaning = LaneMeaning::row;
  std::uint32_t groups = 1;
  std::uint32_t lanes = 1;
  /// Nothing reads the content once the key tile it was written for has been through P·V.
  bool temporary = false;
  /// Read and written by the observations of Q, K and the scores (and by outputs) only.
  bool of_scores = false;
  /// Every write is the result of an addition.
  bool adder = false;
  /// Of no row, and written anew by the first key tile of every query tile: nothing passes to the
  /// next one.
  bool of_query_tile = false;

  /// A sum that one query tile leaves to the next: of no row, in no store of K and V.
  bool outlives_query_tiles() const {
    return !temporary && meaning == LaneMeaning::element && storage != StorageKind::sram &&
           !of_query_tile;
  }
};

/// Declares registers and keeps track of accesses; independent of the type of the values.
class RegisterBook {
 public:
  RegisterBook(Watch watch, RegisterShape shape)
      : watch_(watch), shape_(std::move(shape)), last_(shape_.groups) {
    // Registers that an option leaves out are no state for anyone to keep.
    if (shape_.groups * shape_.lanes > 0) watch_.books.push_back(this);
  }
  RegisterBook(const RegisterBook&) = delete;
  RegisterBook& operator=(const RegisterBook&) = delete;
  virtual ~RegisterBook() = default;
  /// All values +0.
  virtual void reset() = 0;
  void declare(FaultUniverse& universe);

  /// A register that its checker's options leave out is not declared.
  bool declared() const { return reg_ != kUndeclared; }
  RegisterId reg() const { return reg_; }
  const RegisterShape& shape() const { return shape_; }
  std::size_t element_bytes() const { return element_bytes_; }
  /// Scheduled accesses to single registers since reset().
  std::uint64_t reads() const { return reads_; }
  std::uint64_t writes() const { return writes_; }
  /// The register itself, for whoever saves and restores state.
  std::byte* at(std::uint32_t group, std::uint32_t lane) {
    return storage_ + (group * stride_ + lane) * element_bytes_;
  }
  /// Lane 0 stands for this row of the array: a checker fed some rows of a tile only.
  void set_first_row(std::uint32_t row) { first_row_ = row; }

 protected:
  bool watched() const { return watch_.active(); }
  std::uint32_t site(std::uint32_t group, std::uint32_t lane) const {
    switch (shape_.meaning) {
      case LaneMeaning::row:
        return (first_row_ + lane) * shape_.groups + group;
      case LaneMeaning::row_of_word:
        return group * shape_.lanes + first_row_ + lane;
      case LaneMeaning::element:
        break;
    }
    return group * shape_.lanes + lane;
  }
  Place place(const TileContext& tile, std::uint32_t lane) const;
  void log_read(std::uint32_t group, std::uint32_t count, LaneCycles cycles,
                const TileContext& tile);
  void log_write(std::uint32_t group, LaneCycles cycles) { last_[group] = cycles; }
  /// Lanes read again `interval` cycles after they were written, at each of `beats` beats but the
  /// first, which is at `first`.
  void log_beats(std::uint32_t group, std::uint32_t count, LaneCycles first, std::uint32_t beats,
                 std::uint32_t interval, const TileContext& tile);

  Watch watch_;
  RegisterShape shape_;
  static constexpr RegisterId kUndeclared = ~RegisterId{0};
  RegisterId reg_ = kUndeclared;
  std::uint32_t first_row_ = 0;
  std::byte* storage_ = nullptr;  ///< [groups][stride] elements of element_bytes
  std::size_t stride_ = 0, element_bytes_ = 0;
  std::uint64_t reads_ = 0, writes_ = 0;
  std::vector<LaneCycles>
      last_;  ///< latest access per group: content is live from there to the next read
};

/// T: float (bfloat16 or float32 registers), double (float64) or std::int32_t (int32).
template <class T>
class RegisterFile final : public RegisterBook {
 public:
  RegisterFile(Watch watch, RegisterShape shape)
      : RegisterBook(watch, std::move(shape)), values_(shape_.groups * lane_stride(shape_.lanes)) {
    stride_ = lane_stride(shape_.lanes);
    storage_ = reinterpret_cast<std::byte*>(values_.data());
    element_bytes_ = sizeof(T);
  }

  void reset() override {
    std::fill(values_.begin(), values_.end(), T{0});
    reads_ = writes_ = 0;
  }
  /// Values of a group, padded to lane_stride(lanes); consecutive groups follow at that stride.
  T* group(std::uint32_t index) { return values_.data() + index * stride_; }
  std::size_t stride() const { return stride_; }

  /// Lanes 0 .. count−1 of the group are read at `cycles`: a due fault is now in their values.
  void read(std::uint32_t group_index, std::uint32_t count, LaneCycles cycles,
            const TileContext& tile) {
    reads_ += count;
    if (!watched()) return;
    for (std::uint32_t lane = 0; lane < count; ++lane)
      read_lane(site(group_index, lane), cycles.at(lane), group(group_index)[lane],
                place(tile, lane));
    log_read(group_index, count, cycles, tile);
  }

  /// Lanes 0 .. count−1 of the group are overwritten at `cycles`.
  void write(std::uint32_t group_index, std::uint32_t count, LaneCycles cycles) {
    writes_ += count;
    if (!watched()) return;
    for (std::uint32_t lane = 0; lane < count; ++lane)
      watch_.tap.write(reg_, site(group_index, lane), cycles.at(lane));
    log_write(group_index, cycles);
  }

  /// Lanes 0 .. count−1 are overwritten at `first` and read and overwritten at every further one of
  /// `beats`; add(beat) computes what a beat adds.
  template <class Add>
  void accumulate(std::uint32_t group_index, std::uint32_t count, LaneCycles first,
                  std::uint32_t beats, std::uint32_t interval, const TileContext& tile, Add add) {
    reads_ += std::uint64_t{count} * (beats - 1);
    writes_ += std::uint64_t{count} * beats;
    const bool watching = watched();
    for (std::uint32_t beat = 0; beat < beats; ++beat) {
      const LaneCycles cycles = first + std::uint64_t{beat} * interval;
      for (std::uint32_t lane = 0; watching && beat > 0 && lane < count; ++lane)
        read_lane(site(group_index, lane), cycles.at(lane), group(group_index)[lane],
                  place(tile, lane));
      add(beat);
      for (std::uint32_t lane = 0; watching && lane < count; ++lane)
        watch_.tap.write(reg_, site(group_index, lane), cycles.at(lane));
    }
    if (watching) log_beats(group_index, count, first, beats, interval, tile);
  }

 private:
  void read_lane(std::uint32_t index, std::uint64_t cycle, T& value, const Place& at) {
    if constexpr (std::is_same_v<T, double>) {
      std::uint64_t raw;
      const double clean = canonical(value);
      std::memcpy(&raw, &clean, sizeof raw);
      if (!watch_.tap.read(reg_, index, cycle, raw, at)) return;
      std::memcpy(&value, &raw, sizeof raw);
      value = canonical(value);
    } else if constexpr (std::is_same_v<T, std::int32_t>) {
      std::uint64_t raw = static_cast<std::uint32_t>(value);
      if (watch_.tap.read(reg_, index, cycle, raw, at, bits_of(shape_.format)))
        value = static_cast<T>(static_cast<std::uint32_t>(raw));
    } else {
      watch_.tap.read(reg_, index, cycle, value, at, shape_.format);
    }
  }

  AlignedVector<T> values_;
};

}  // namespace attnguard
