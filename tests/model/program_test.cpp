// The sequencer's program: every operation once, in order, and never waiting for something that
// waits for it.
#include "models/sequencer/program.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <tuple>

namespace attnguard {
namespace {

struct Case {
  AcceleratorConfig accelerator;
  AttentionShape shape;
};

Case random_case(std::mt19937& random) {
  const auto pick = [&](std::uint32_t low, std::uint32_t high) {
    return std::uniform_int_distribution<std::uint32_t>(low, high)(random);
  };
  Case result;
  result.accelerator.array.rows = pick(1, 9);
  result.accelerator.array.cols = pick(1, 9);
  AttentionShape& shape = result.shape;
  shape.kv_heads = pick(1, 3);
  shape.heads = shape.kv_heads * pick(1, 3);
  shape.tokens_k = pick(1, 60);
  shape.tokens_q = pick(1, shape.tokens_k);
  shape.head_dim = pick(1, 40);
  shape.mask = pick(0, 1) == 0 ? Mask::none : Mask::causal;
  if (pick(0, 1) == 0) {  // room for one tile per half: K and V are streamed
    const std::uint32_t cols = result.accelerator.array.cols;
    result.accelerator.buffers.k.words = 2 * shape.head_dim * cols;
    result.accelerator.buffers.v.words = 2 * ((shape.head_dim + cols - 1) / cols) * cols * cols;
  }
  return result;
}

Program program_of(const Case& test, const JobLayout& layout) {
  const BuffersConfig& buffers = test.accelerator.buffers;
  const HalfBytes half_bytes{buffers.q.words, buffers.k.words, buffers.v.words, buffers.o.words};
  return make_program(layout, half_bytes);
}

TEST(Program, ComputesEveryVisibleTileOnceAndInOrder) {
  std::mt19937 random(1);
  for (int repeat = 0; repeat < 200; ++repeat) {
    const Case test = random_case(random);
    const JobLayout layout(test.accelerator, test.shape);
    const Program program = program_of(test, layout);
    std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, ArrayOperation>> seen;
    for (const ProgramOperation& operation : program.operations) {
      const TileContext& tile = operation.command.tile;
      EXPECT_TRUE(
          seen.emplace(tile.head, tile.query_tile, tile.key_tile, operation.command.operation)
              .second);
      if (operation.command.operation == ArrayOperation::values) {
        EXPECT_TRUE(
            seen.count({tile.head, tile.query_tile, tile.key_tile, ArrayOperation::scores}));
      }
      EXPECT_EQ(tile.kv_head, tile.head / (test.shape.heads / test.shape.kv_heads));
    }
    std::size_t expected = 0;
    for (std::uint32_t tile = 0; tile < layout.query_tiles; ++tile)
      expected += layout.visible_key_tiles(tile);
    EXPECT_EQ(seen.size(), 2 * expected * test.shape.heads);
    EXPECT_EQ(program.tiles.size(), std::size_t{test.shape.heads} * layout.query_tiles);
  }
}

TEST(Program, VisibleTilesAreThoseWithAVisibleKey) {
  std::mt19937 random(2);
  for (int repeat = 0; repeat < 200; ++repeat) {
    const Case test = random_case(random);
    const JobLayout layout(test.accelerator, test.shape);
    for (std::uint32_t tile = 0; tile < layout.query_tiles; ++tile) {
      std::set<std::uint32_t> visible;
      for (std::uint32_t row = tile * layout.rows; row < tile * layout.rows + layout.rows_of(tile);
           ++row)
        for (std::uint32_t key = 0; key < test.shape.tokens_k; ++key)
          if (test.shape.mask == Mask::none ||
              key <= row + test.shape.tokens_k - test.shape.tokens_q)
            visible.insert(key / layout.cols);
      EXPECT_EQ(layout.visible_key_tiles(tile), visible.size());
    }
  }
}

/// An operation is issued when the one two before it has retired at the latest, so a load it needs
/// may not wait for more.
TEST(Program, NoLoadWaitsForAnOperationThatWaitsForIt) {
  std::mt19937 random(3);
  for (int repeat = 0; repeat < 300; ++repeat) {
    const Case test = random_case(random);
    const JobLayout layout(test.accelerator, test.shape);
    const Program program = program_of(test, layout);
    for (std::size_t index = 0; index < program.operations.size(); ++index)
      for (std::uint32_t load = 0; load < program.operations[index].loads_needed; ++load)
        ASSERT_LE(program.loads[load].operations_retired, index == 0 ? 0 : index - 1);
  }
}

/// Loads are issued in order, each when so many operations have retired.
TEST(Program, NoLoadOverwritesWhatIsStillToBeRead) {
  std::mt19937 random(5);
  for (int repeat = 0; repeat < 300; ++repeat) {
    const Case test = random_case(random);
    const JobLayout layout(test.accelerator, test.shape);
    const Program program = program_of(test, layout);
    std::uint32_t retired = 0;
    for (std::uint32_t l = 0; l < program.loads.size(); ++l) {
      const ProgramLoad& load = program.loads[l];
      retired = std::max(retired, load.operations_retired);
      for (std::uint32_t i = 0; i < load.command.count; ++i) {
        const TileTransfer& transfer = load.command.transfers[i];
        const std::uint64_t address = transfer.buffer_address;
        // Operations that are issued without this load read what stood there before.
        for (std::uint32_t o = retired; o < program.operations.size(); ++o) {
          const ProgramOperation& operation = program.operations[o];
          if (operation.loads_needed > l) break;
          const ArrayCommand& command = operation.command;
          if (command.operation == ArrayOperation::scores) {
            EXPECT_FALSE(transfer.buffer == BufferId::q && command.q_address == address);
            EXPECT_FALSE(transfer.buffer == BufferId::k && command.k_address == address);
          } else {
            EXPECT_FALSE(transfer.buffer == BufferId::v && command.v_address == address);
          }
        }
      }
    }
  }
}

TEST(Program, ResidentHeadsAreLoadedOncePerKvHead) {
  std::mt19937 random(4);
  for (int repeat = 0; repeat < 200; ++repeat) {
    const Case test = random_case(random);
    const JobLayout layout(test.accelerator, test.shape);
    if (!layout.resident) continue;
    std::map<BufferId, std::size_t> transfers;
    for (const ProgramLoad& load : program_of(test, layout).loads)
      for (std::uint32_t i = 0; i < load.command.count; ++i)
        ++transfers[load.command.transfers[i].buffer];
    const std::size_t used = layout.visible_key_tiles(layout.query_tiles - 1);
    EXPECT_EQ(transfers[BufferId::k], used * test.shape.kv_heads);
    EXPECT_EQ(transfers[BufferId::v], used * test.shape.kv_heads);
    EXPECT_EQ(transfers[BufferId::q], std::size_t{test.shape.heads} * layout.query_tiles);
  }
}

}  // namespace
}  // namespace attnguard
