#include "models/sequencer/program.h"

#include <algorithm>

namespace attnguard {
namespace {

/// A buffer of two halves: which one the next tile set takes, and until when each is in use.
struct Halves {
  std::uint32_t next = 0;
  std::uint32_t last_reader[2] = {
      0, 0};  ///< operations retired once the half's last reader has finished
  std::uint32_t free_after =
      0;  ///< operations that must be retired before the half taken last may be filled

  std::uint32_t take() {
    const std::uint32_t half = next;
    next ^= 1;
    free_after = last_reader[half];
    return half;
  }
  void read_by(std::uint32_t half, std::uint32_t operation) { last_reader[half] = operation + 1; }
};

class Builder {
 public:
  Builder(const JobLayout& layout, const HalfBytes& half_bytes)
      : layout_(layout), half_bytes_(half_bytes) {}

  Program build(const ProgramStart& start) {
    bank_ = start.bank;
    const std::uint32_t group = layout_.shape.heads / layout_.shape.kv_heads;
    for (std::uint32_t kv_head = 0; kv_head < layout_.shape.kv_heads; ++kv_head) {
      if (layout_.resident) {
        k_half_ = k_.take();
        v_half_ = v_.take();
        keys_loaded_.assign(layout_.key_tiles, false);
        values_loaded_ = keys_loaded_;
      }
      for (std::uint32_t member = 0; member < group; ++member)
        for (std::uint32_t tile = 0; tile < layout_.query_tiles; ++tile)
          if (const std::uint32_t head = kv_head * group + member,
              output_tile = head * layout_.query_tiles + tile;
              output_tile >= start.tile)
            add_query_tile(head, kv_head, tile, (start.half + output_tile - start.tile) & 1,
                           output_tile == start.tile ? start.key_tile : 0);
    }
    return std::move(program_);
  }

 private:
  struct KeyTileState {
    TileContext tile;
    std::uint64_t v_address = 0;
    std::uint32_t v_half = 0;
  };

  void add_query_tile(std::uint32_t head, std::uint32_t kv_head, std::uint32_t query_tile,
                      std::uint32_t half, std::uint32_t first_key_tile) {
    const std::uint32_t key_tiles = layout_.visible_key_tiles(query_tile);
    const auto output_tile = static_cast<std::uint32_t>(program_.tiles.size());
    TileContext tile;
    tile.head = head;
    tile.kv_head = kv_head;
    tile.query_tile = query_tile;
    tile.first_row = query_tile * layout_.rows;
    tile.rows = layout_.rows_of(query_tile);
    tile.half = half;
    add_output_tile(tile, key_tiles - 1);

    KeyTileState previous;
    for (std::uint32_t key_tile = first_key_tile; key_tile < key_tiles; ++key_tile) {
      tile.key_tile = key_tile;
      tile.first_key = key_tile * layout_.cols;
      tile.cols = layout_.cols_of(key_tile);
      tile.first = key_tile == 0;
      tile.last = key_tile + 1 == key_tiles;
      tile.bank = bank_;
      bank_ ^= 1;

      KeyTileState now;
      now.tile = tile;
      if (key_tile == first_key_tile) load_query(now.tile);
      add_loads(now, previous, key_tile > first_key_tile);
      add_scores(now);
      if (key_tile > first_key_tile) add_values(previous, output_tile);
      previous = now;
    }
    add_value_load(previous);
    flush_chain();
    add_values(previous, output_tile);
  }

  /// One chain serves S of this key tile and P·V of the one before, which is issued next.
  void add_loads(KeyTileState& now, KeyTileState& previous, bool has_previous) {
    load_key(now);
    if (has_previous) add_value_load(previous);
    flush_chain();
  }

  void add_output_tile(const TileContext& tile, std::uint32_t last_key_tile) {
    ProgramTile entry;
    TileContext output = tile;
    output.key_tile = last_key_tile;
    entry.accumulate.tile = output;
    entry.accumulate.o_address = tile.half * half_bytes_[3];
    TileTransfer& store = entry.store.transfer;
    store.buffer = BufferId::o;
    store.buffer_address = entry.accumulate.o_address;
    store.external_address = layout_.o_address(tile.head, tile.query_tile);
    store.groups = layout_.passes;
    store.beats = tile.rows;
    store.lanes = std::min(layout_.cols, layout_.shape.head_dim);
    store.last_group_lanes = layout_.last_pass_cols;
    store.tile = output;
    program_.tiles.push_back(entry);
  }

  void load_query(const TileContext& tile) {
    const std::uint32_t half = q_.take();
    q_half_ = half;
    TileTransfer transfer;
    transfer.buffer = BufferId::q;
    transfer.external_address = layout_.q_address(tile.head, tile.query_tile);
    transfer.buffer_address = half * half_bytes_[0];
    transfer.beats = layout_.shape.head_dim;
    transfer.lanes = transfer.last_group_lanes = tile.rows;
    transfer.tile = tile;
    chain(transfer, q_.free_after);
  }

  void load_key(const KeyTileState& now) {
    const TileContext& tile = now.tile;
    if (layout_.resident) {
      k_address_ = k_half_ * half_bytes_[1] + tile.key_tile * layout_.k_tile_bytes;
      if (keys_loaded_[tile.key_tile]) return;
      keys_loaded_[tile.key_tile] = true;
    } else {
      k_half_ = k_.take();
      k_address_ = k_half_ * half_bytes_[1];
    }
    TileTransfer transfer;
    transfer.buffer = BufferId::k;
    transfer.external_address = layout_.k_address(tile.kv_head, tile.key_tile);
    transfer.buffer_address = k_address_;
    transfer.beats = layout_.shape.head_dim;
    transfer.lanes = transfer.last_group_lanes = tile.cols;
    transfer.tile = tile;
    chain(transfer, k_.free_after);
  }

  void add_value_load(KeyTileState& state) {
    const TileContext& tile = state.tile;
    if (layout_.resident) {
      state.v_half = v_half_;
      state.v_address = v_half_ * half_bytes_[2] + tile.key_tile * layout_.v_tile_bytes;
      if (values_loaded_[tile.key_tile]) return;
      values_loaded_[tile.key_tile] = true;
    } else {
      state.v_half = v_.take();
      state.v_address = state.v_half * half_bytes_[2];
    }
    TileTransfer transfer;
    transfer.buffer = BufferId::v;
    transfer.external_address = layout_.v_address(tile.kv_head, tile.key_tile);
    transfer.buffer_address = state.v_address;
    transfer.groups = layout_.passes;
    transfer.beats = tile.cols;
    transfer.lanes = std::min(layout_.cols, layout_.shape.head_dim);
    transfer.last_group_lanes = layout_.last_pass_cols;
    transfer.tile = tile;
    chain(transfer, v_.free_after);
  }

  void chain(const TileTransfer& transfer, std::uint32_t operations_retired) {
    chain_.command.transfers[chain_.command.count++] = transfer;
    chain_.operations_retired = std::max(chain_.operations_retired, operations_retired);
  }

  void flush_chain() {
    if (chain_.command.count == 0) return;
    program_.loads.push_back(chain_);
    chain_ = {};
  }

  ProgramOperation operation(const TileContext& tile, ArrayOperation kind) const {
    ProgramOperation entry;
    entry.command.operation = kind;
    entry.command.tile = tile;
    entry.loads_needed = static_cast<std::uint32_t>(program_.loads.size());
    return entry;
  }

  void add_scores(const KeyTileState& now) {
    ProgramOperation entry = operation(now.tile, ArrayOperation::scores);
    entry.command.q_address = q_half_ * half_bytes_[0];
    entry.command.k_address = k_address_;
    const auto index = static_cast<std::uint32_t>(program_.operations.size());
    q_.read_by(q_half_, index);
    k_.read_by(k_half_, index);
    program_.operations.push_back(entry);
  }

  void add_values(const KeyTileState& state, std::uint32_t output_tile) {
    ProgramOperation entry = operation(state.tile, ArrayOperation::values);
    entry.command.v_address = state.v_address;
    entry.output_tile = output_tile;
    v_.read_by(state.v_half, static_cast<std::uint32_t>(program_.operations.size()));
    program_.operations.push_back(entry);
  }

  const JobLayout& layout_;
  HalfBytes half_bytes_;
  Program program_;
  ProgramLoad chain_;
  Halves q_, k_, v_;
  std::uint32_t q_half_ = 0, k_half_ = 0, v_half_ = 0;
  std::uint64_t k_address_ = 0;
  std::vector<bool> keys_loaded_, values_loaded_;  ///< of a head that stays, by key tile
  std::uint32_t bank_ = 0;
};

}  // namespace

Program make_program(const JobLayout& layout, const HalfBytes& half_bytes, ProgramStart start) {
  return Builder(layout, half_bytes).build(start);
}

}  // namespace attnguard
