#include "src/campaign/differential/group_schedule.h"

#include "src/simulation/errors.h"

namespace attnguard {
namespace {

// link.<name>.data
std::string link_name(const RegisterClass& cls) {
  const std::size_t prefix = std::string("link.").size();
  return cls.path.substr(prefix, cls.path.rfind('.') - prefix);
}

}  // namespace

GroupSchedule::GroupSchedule(const JobLayout& layout, const BuffersConfig& buffers, std::uint32_t kv_head, const FaultUniverse& universe,
                   const std::vector<BurstRecord>& bursts)
    : buffers_(buffers),
      kv_head_(kv_head),
      heads_(layout.shape.heads / layout.shape.kv_heads),
      query_tiles_(layout.query_tiles),
      cols_(layout.cols),
      resident_(layout.resident) {
  std::uint32_t slots = resident_ ? layout.key_tiles : 0;
  for (std::uint32_t n = 0; n < heads_ * query_tiles_; ++n) {
    TileTiming& tile = tiles_.emplace_back();
    tile.steps.resize(layout.visible_key_tiles(n % query_tiles_));
    for (std::uint32_t k = 0; k < tile.steps.size(); ++k)
      tile.steps[k].key_slot = resident_ ? k : slots++;
  }
  keys_.resize(slots);
  values_.resize(slots);
  std::vector<std::string> names;
  for (const RegisterClass& cls : universe.classes())
    names.push_back(cls.kind == StorageKind::link ? link_name(cls) : std::string());
  for (const BurstRecord& burst : bursts)
    if (burst.shape.tile.kv_head == kv_head) take(names[burst.link], burst);
  require_complete();
}

TileInBuffer GroupSchedule::in_buffer(const BurstRecord& burst, const BufferConfig& buffer) const {
  const std::uint64_t half_bytes = std::uint64_t{buffer.words} * (buffer.word_bits / 8) / 2;
  return {burst.shape.timing, burst.address, burst.address >= half_bytes ? 1U : 0U};
}

void GroupSchedule::take(const std::string& link, const BurstRecord& burst) {
  const TileContext& context = burst.shape.tile;
  const BeatTiming& timing = burst.shape.timing;
  TileTiming& tile = tiles_[tile_index(context.id())];
  if (link == "dma_to_q_buffer") {
    tile.query = in_buffer(burst, buffers_.q);
  } else if (link == "dma_to_k_buffer") {
    keys_[slot(context)] = in_buffer(burst, buffers_.k);
  } else if (link == "dma_to_v_buffer") {
    values_[slot(context)] = in_buffer(burst, buffers_.v);
  } else if (link == "q_buffer_to_array") {
    step(context).q_read = timing;
  } else if (link == "k_buffer_to_array") {
    step(context).k_read = timing;
  } else if (link == "v_buffer_to_array") {
    step(context).v_read = timing;
  } else if (link == "array_to_softmax") {
    StepTiming& at = step(context);
    at.tile = context;
    at.scores = timing;
    at.scores_arrival = burst.arrival_cycle;
  } else if (link == "softmax_to_array") {
    step(context).probability = timing;
  } else if (link == "softmax_to_accumulator") {
    (burst.address == 0 ? step(context).alpha : tile.sum) = timing;
  } else if (link == "array_to_accumulator") {
    StepTiming& at = step(context);
    at.partial = timing;
    at.partial_arrival = burst.arrival_cycle;
    // Row 0 of a pass fed from s with depth T crosses at s + T + C + 1.
    at.fed_cycle = timing.cycle(timing.groups - 1, 0) - context.cols - cols_ - 1;
  } else if (link == "accumulator_to_o_buffer") {
    tile.tile = context;
    tile.output = timing;
    tile.output_address = burst.address;
    tile.output_arrival = burst.arrival_cycle;
  } else if (link == "o_buffer_to_dma") {
    tile.output_read = timing;
  } else if (link == "dma_to_external_memory") {
    tile.commit = timing;
  }
}

void GroupSchedule::require_complete() const {
  bool complete = true;
  for (const TileTiming& tile : tiles_) {
    complete = complete && tile.tile.rows > 0 && tile.commit.first_cycle > 0;
    for (const StepTiming& at : tile.steps)
      complete = complete && at.tile.rows > 0 && at.v_read.first_cycle > 0 && at.fed_cycle > 0;
  }
  if (!complete) throw ModelError("the golden run lacks bursts of a tile");
}

}  // namespace attnguard
