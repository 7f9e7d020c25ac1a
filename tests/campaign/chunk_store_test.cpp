// A chunk file is whole and of this campaign, or it is as if it were not there.
#include "src/campaign/injections/chunk_store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "src/simulation/errors.h"
#include "tests/support/scripted_campaign.h"

namespace attnguard {
namespace {

namespace fs = std::filesystem;

CampaignConfig sampled() {
  CampaignConfig config;
  config.injections = 40;
  return config;
}

class ChunkFile : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const std::uint64_t number : chunk_.numbers)
      store_.codec().encode(campaign_.record(number), records_);
    store_.write(chunk_, records_);
    whole_ = read_text(store_.file(chunk_));
  }
  void replace(const std::string& bytes) const {
    std::ofstream(store_.file(chunk_), std::ios::binary) << bytes;
  }
  bool is_there() const { return store_.read(chunk_).has_value(); }

  const ScriptedCampaign campaign_{sampled()};
  const CampaignContext context_ = campaign_.context();
  const ScratchFolder scratch_;
  const ChunkStore store_{scratch_.path(), "identity", RecordCodec(context_)};
  const Chunk chunk_{false, 0, {3, 5, 8}, 0, 2};
  std::string records_, whole_;
};

TEST_F(ChunkFile, GivesBackWhatWasWritten) {
  const auto stored = store_.read(chunk_);
  ASSERT_TRUE(stored.has_value());
  EXPECT_EQ(stored->record(0).substr(0, records_.size()), records_);
  EXPECT_EQ(RecordCodec::number(stored->record(2)), 8U);
  EXPECT_EQ(std::distance(fs::directory_iterator(scratch_.path()), fs::directory_iterator()), 1);
}

TEST_F(ChunkFile, CutAnywhereIsIgnored) {
  for (std::size_t size = 0; size < whole_.size(); ++size) {
    replace(whole_.substr(0, size));
    EXPECT_FALSE(is_there()) << size;
  }
  replace(whole_ + "x");
  EXPECT_FALSE(is_there());
  replace(whole_);
  EXPECT_TRUE(is_there());
}

TEST_F(ChunkFile, WithAnyByteChangedIsIgnored) {
  for (std::size_t at = 0; at < whole_.size(); ++at) {
    std::string changed = whole_;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    replace(changed);
    EXPECT_FALSE(is_there()) << at;
  }
}

TEST_F(ChunkFile, OfOtherInjectionsIndexOrCampaignIsIgnored) {
  EXPECT_FALSE(store_.read({false, 0, {3, 5, 9}, 0, 2}).has_value());
  EXPECT_FALSE(store_.read({false, 0, {3, 5}, 0, 2}).has_value());
  const Chunk first{false, 0, {3, 5, 8}, 0, 1}, nowhere{false, 0, {3, 5, 8}, 0, 7};
  fs::copy(store_.file(chunk_), store_.file(first));
  EXPECT_FALSE(store_.read(first).has_value());
  const ChunkStore other(scratch_.path(), "another", RecordCodec(context_));
  EXPECT_FALSE(other.read(chunk_).has_value());
  EXPECT_FALSE(store_.read(nowhere).has_value());
}

TEST_F(ChunkFile, PackedWithTheOthersOfItsShardIsFoundAgain) {
  const Chunk next{false, 0, {1}, 0, 1, 3};
  std::string record;
  store_.codec().encode(campaign_.record(1), record);
  const ScratchFolder packed;
  Chunk zero = chunk_, one = next;
  zero.index = 0;
  store_.write(zero, records_);
  store_.write(one, record);
  const fs::path file = packed.path() / "chunks";
  store_.pack({zero, one}, file);
  const ChunkStore shards({packed.path() / "none", file}, "identity", RecordCodec(context_));
  EXPECT_FALSE(shards.read(zero).has_value()) << "of shard 0";
  zero.shard = one.shard = 1;
  ASSERT_TRUE(shards.read(zero).has_value());
  ASSERT_TRUE(shards.read(one).has_value());
  EXPECT_EQ(shards.read(zero)->record(0).substr(0, records_.size()), records_);
  EXPECT_EQ(shards.read(one)->record(0).substr(0, record.size()), record);
  EXPECT_EQ(shards.file(one), file);
  EXPECT_THROW(store_.pack({zero, {false, 0, {9}, 0, 2, 4}}, file), MachineError);
}

}  // namespace
}  // namespace attnguard
