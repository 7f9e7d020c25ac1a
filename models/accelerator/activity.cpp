// What the datapath did, from the counts its units and links keep. Definitions: docs/cost.md.
#include <algorithm>

#include "models/accelerator/accelerator.h"

namespace attnguard {
namespace {

/// Registers of a unit, all classes as one, and what was written to them.
void add_registers(const FaultUniverse& universe, const std::string& unit,
                   std::uint64_t bits_written, Activity& activity) {
  StorageUse storage;
  storage.name = unit;
  storage.bits_written = bits_written;
  for (const RegisterClass& cls : universe.classes())
    if (cls.kind == StorageKind::register_file && cls.path.rfind(unit + ".", 0) == 0)
      storage.bits += cls.instances() * cls.bits;
  activity.storage.push_back(storage);
}

/// Words of a buffer and, with them, whatever else it keeps of each.
std::uint64_t buffer_bits(const FaultUniverse& universe, const std::string& buffer) {
  std::uint64_t bits = 0;
  for (const RegisterClass& cls : universe.classes())
    if (cls.kind == StorageKind::sram && cls.path.rfind(buffer + ".", 0) == 0)
      bits += cls.instances() * cls.bits;
  return bits;
}

}  // namespace

std::map<std::string, Activity> Accelerator::activity(std::uint64_t total_cycles) const {
  std::map<std::string, std::uint64_t> bytes = link_bytes();
  std::map<std::string, Activity> all;
  const FormatsConfig& formats = config_.formats;
  const std::uint64_t rows = layout_.rows, cols = layout_.cols, head_dim = layout_.shape.head_dim;
  const std::uint64_t operand_bits = bits_of(formats.operand),
                      probability_bits = bits_of(formats.probability);
  const std::uint64_t macs = array_->macs();
  const std::uint64_t scores = bytes["array_to_softmax"] / sizeof(float),
                      partials = bytes["array_to_accumulator"] / sizeof(float),
                      outputs = bytes["accumulator_to_o_buffer"] / bytes_of(formats.output);
  // A scalar link carries an alpha per row and key tile, and an l per query row.
  const std::uint64_t query_rows = outputs / head_dim,
                      tile_rows = bytes["softmax_to_accumulator"] / sizeof(float) - query_rows;

  Activity& array = all["array"];
  const Format factor = probability_bits > operand_bits ? formats.probability : formats.operand;
  array.arithmetic.use(Operation::multiply, factor, macs, rows * cols);
  array.arithmetic.use(Operation::add, Format::float32, macs, rows * cols);
  const std::uint64_t score_macs = scores * head_dim;
  add_registers(universe_, "array",
                macs * (operand_bits + 32) + score_macs * operand_bits +
                    (macs - score_macs) * probability_bits + (scores + partials) * 32 +
                    scores * probability_bits,
                array);

  Activity& softmax = all["softmax"];
  Arithmetic& steps = softmax.arithmetic;
  steps.use(Operation::multiply, Format::float32, scores, cols);
  steps.use(Operation::compare, Format::float32, scores, cols);
  steps.use(Operation::add, Format::float32, scores + tile_rows, cols + 1);
  steps.exp2(config_.softmax.exp2, scores + tile_rows, cols + 1);
  steps.use(Operation::add, Format::float32, scores, cols);
  steps.multiply_add(Format::float32, tile_rows, 1);
  add_registers(universe_, "softmax", scores * (32 + probability_bits) + tile_rows * 3 * 32,
                softmax);

  // Rescaling and normalising take turns in the multipliers.
  Activity& accumulator = all["accumulator"];
  accumulator.arithmetic.multiply_add(Format::float32, partials, cols);
  accumulator.arithmetic.use(Operation::multiply, Format::float32, outputs, 0);
  accumulator.arithmetic.use(
      Operation::divide, Format::float32, query_rows,
      dividers(config_.accumulator.divide_latency_cycles, layout_.shape.head_dim, layout_.cols));
  add_registers(universe_, "accumulator",
                32 * (2 * partials + outputs + tile_rows + 2 * query_rows), accumulator);

  for (std::size_t i = 0; i < 4; ++i) {
    const std::string name = buffers_[i]->basename();
    const std::uint64_t bits = buffer_bits(universe_, name);
    const SramCore& core = *buffer_cores_[i];
    const std::uint64_t line_bits = core.line_bytes() * bits / core.size_bytes();
    all[name].storage.push_back({name, true, bits,
                                 buffers_[i]->read_stats(total_cycles).busy_cycles * line_bits,
                                 buffers_[i]->write_stats(total_cycles).busy_cycles * line_bits});
  }

  const std::string to_checkers = "_to_checksum";
  for (const auto& [link, moved] : bytes) {
    const bool observes =
        link.size() > to_checkers.size() &&
        link.compare(link.size() - to_checkers.size(), std::string::npos, to_checkers) == 0;
    if (!observes) all["links"].link_bytes += moved;
  }
  all["external_memory"].external_bytes =
      bytes["external_memory_to_dma"] + bytes["dma_to_external_memory"];
  return all;
}

}  // namespace attnguard
