#include "models/gemm_accelerator/gemm_accelerator.h"

#include <algorithm>

#include "models/numerics/ceil_log2.h"
#include "models/numerics/kernels.h"

namespace attnguard {
namespace {

/// Holds the whole operand, a line per cycle.
BufferConfig operand_buffer(const OperandTiles& tiles) {
  BufferConfig config;
  config.word_bits = std::min(16U, tiles.element_bytes * 8);
  config.words = static_cast<std::uint32_t>(tiles.bytes() * 8 / config.word_bits);
  return config;
}

CheckerDimensions checker_dimensions(const GemmLayout& layout) {
  CheckerDimensions dimensions;
  dimensions.gemm = true;
  dimensions.dataflow = layout.dataflow;
  dimensions.rows = layout.rows;
  dimensions.cols = layout.cols;
  dimensions.head_dim = layout.shape.k;
  dimensions.tokens_q = layout.shape.m;
  dimensions.tokens_k = layout.shape.n;
  dimensions.key_tiles = layout.b.tiles;
  dimensions.tiles_in_flight = GemmArray::folds_in_flight(layout);
  dimensions.operand = layout.operand;
  dimensions.output = layout.output;
  dimensions.gemm_lines = layout.lines_are_columns() ? layout.fold_n : layout.fold_m;
  dimensions.stride = lane_stride(layout.fold_m);
  return dimensions;
}

}  // namespace

GemmAccelerator::GemmAccelerator(sc_core::sc_module_name name, const AcceleratorConfig& config,
                                 const std::vector<CheckerConfig>& checkers, const GemmShape& shape,
                                 bool interposers)
    : sc_module(name),
      config_(config),
      layout_(config, shape),
      clock_(config.clock_mhz),
      monitor_(clock_) {
  build_units(checkers);
  bind_links(interposers, !checkers.empty());
}

void GemmAccelerator::build_units(const std::vector<CheckerConfig>& checkers) {
  const auto buffer = [&](const char* buffer_name, const OperandTiles& tiles, auto& core,
                          auto& unit) {
    core = std::make_unique<SramCore>(operand_buffer(tiles), layout_.operand, tiles.lanes);
    unit = std::make_unique<SramBuffer>(buffer_name, *core, universe_, log_);
    owners_.own_tap(*core);
  };
  buffer("a_buffer", layout_.a, a_core_, a_buffer_);
  buffer("b_buffer", layout_.b, b_core_, b_buffer_);
  array_core_ = std::make_unique<GemmCore>(config_.array, layout_.operand, config_.fidelity);
  array_ = std::make_unique<GemmArray>("array", *array_core_, layout_, config_.array.fold_policy,
                                       clock_, monitor_, universe_, log_);
  owners_.own([this](const Fault& fault) { array_core_->arm(fault); },
              [this]() { return array_core_->outcome(); });
  result_memory_ = std::make_unique<ResultMemory>("result_memory", layout_);
  checksum_ = std::make_unique<ChecksumUnit>("checksum", checkers, checker_dimensions(layout_),
                                             clock_, universe_, log_);
  checksum_->own(owners_);
}

void GemmAccelerator::bind_links(bool interposers, bool checkers) {
  const Format operand = layout_.operand;
  const std::uint32_t cols = layout_.cols;
  links_.connect("a_buffer_to_array", array_->a_in, a_buffer_->lines_out, layout_.a.lanes, operand,
                 interposers, ceil_log2(a_core_->size_bytes()));
  links_.connect("b_buffer_to_array", array_->b_in, b_buffer_->lines_out, layout_.b.lanes, operand,
                 interposers, ceil_log2(b_core_->size_bytes()));
  links_.connect("array_to_result_memory", array_->result_out, result_memory_->lines_in, cols,
                 layout_.output, interposers, ceil_log2(result_memory_->size_bytes()));

  const std::uint32_t needs = checksum_->needs();
  a_buffer_->observe(0, needs & kQueryRead);
  b_buffer_->observe(0, needs & kKeyRead);
  array_->observe(needs & kScores);
  const auto observe = [&](const std::string& link, BurstPort& from, auto& to, std::uint32_t lanes,
                           Format format, std::uint32_t observations) {
    const bool used = checkers && (needs & observations) != 0;
    links_.connect(link, from, to, lanes, format, interposers && used, 0, Domain::safety_mechanism);
  };
  observe("a_buffer_to_checksum", a_buffer_->observe_out, checksum_->q_in, 2 * layout_.a.lanes,
          operand, kQueryRead);
  observe("b_buffer_to_checksum", b_buffer_->observe_out, checksum_->k_in, 2 * layout_.b.lanes,
          operand, kKeyRead);
  observe("array_to_checksum", array_->observe_out, checksum_->array_in, cols,
          sum_format_of(operand, operand), kScores);

  // Sockets of units that attention alone uses, and of the buffers' write ports.
  const auto leave_idle = [&](auto& socket) {
    idle_.push_back(std::make_unique<BurstPort>(("idle_" + std::to_string(idle_.size())).c_str()));
    idle_.back()->bind(socket);
  };
  leave_idle(a_buffer_->lines_in);
  leave_idle(b_buffer_->lines_in);
  leave_idle(checksum_->v_in);
  leave_idle(checksum_->softmax_in);
  leave_idle(checksum_->accumulator_in);
  leave_idle(checksum_->unused_in);
}

void GemmAccelerator::load(const GemmJob& job) { packed_ = layout_.pack(job); }

/// Every tile as the folds of one row, or column, of blocks of C read them.
void GemmAccelerator::preload() {
  const auto put = [](SramCore& core, const OperandTiles& tiles, std::uint32_t tile, TileUse use,
                      const std::vector<std::byte>& bytes) {
    LineAccess access;
    access.address = tiles.address(tile);
    access.timing.beats = use.lines;
    access.lanes = access.last_group_lanes = use.lanes;
    core.preload(access, bytes.data() + access.address);
  };
  for (std::uint32_t index = 0; index < layout_.folds(); ++index) {
    const FoldExtent fold = layout_.fold(index);
    if (fold.first_n == 0)
      put(*a_core_, layout_.a, layout_.a_tile(fold),
          GemmLayout::use(layout_.a.role, fold.m, fold.k), packed_.a);
    if (fold.first_m == 0)
      put(*b_core_, layout_.b, layout_.b_tile(fold),
          GemmLayout::use(layout_.b.role, fold.n, fold.k), packed_.b);
  }
}

void GemmAccelerator::record(Timeline* timeline) {
  timeline_ = timeline;
  const auto unit = [&](const char* name, const char* idle) {
    return timeline == nullptr ? nullptr : &timeline->units.emplace_back(name, idle);
  };
  a_buffer_->record(unit("a_buffer.read", SramBuffer::kIdle), nullptr);
  b_buffer_->record(unit("b_buffer.read", SramBuffer::kIdle), nullptr);
  array_->record(unit("array", GemmArray::kIdle));
  for (auto& guard : checksum_->guards())
    guard->alarm.record(timeline == nullptr
                            ? nullptr
                            : &timeline->lines.emplace_back(universe_[guard->alarm.reg()].path));
}

void GemmAccelerator::reset() {
  clock_.restart();
  if (timeline_ != nullptr) timeline_->start();
  monitor_.reset();
  a_buffer_->reset();
  b_buffer_->reset();
  preload();
  array_->reset();
  result_memory_->reset();
  checksum_->reset();
  links_.reset();
}

void GemmAccelerator::finish_live(std::uint64_t total_cycles) {
  a_core_->flush_live(log_);
  b_core_->flush_live(log_);
  for (auto& guard : checksum_->guards()) guard->alarm.sampled_throughout(total_cycles);
}

std::map<std::string, UnitStats> GemmAccelerator::stats() const {
  const std::uint64_t total = array_->folds_end();
  return {{"array", array_->stats(total)},
          {"a_buffer.read", a_buffer_->read_stats(total)},
          {"b_buffer.read", b_buffer_->read_stats(total)}};
}

std::uint64_t GemmAccelerator::serial_full_cycles() const {
  const FoldTiming timing(FoldPolicy::serial_full, *array_core_);
  GemmFold before;
  for (std::uint32_t index = 0; index < layout_.folds(); ++index) {
    const FoldExtent extent = layout_.fold(index);
    GemmFold fold;
    fold.m = extent.m;
    fold.n = extent.n;
    fold.k = extent.k;
    timing.schedule(fold, index > 0 ? &before : nullptr);
    before = fold;
  }
  return timing.end(before);
}

/// Output-stationary: two operands and a sum per product, a drained value each. Else a moving
/// operand and a sum per product; sums pass the rows below the used ones; the operand of row i
/// passes the preload registers of i rows and is kept in two.
std::uint64_t GemmAccelerator::register_bits_written() const {
  const std::uint64_t operand_bits = bits_of(layout_.operand), macs = layout_.shape.macs(),
                      sum_bits = 32;
  if (layout_.dataflow == Dataflow::output_stationary)
    return macs * (2 * operand_bits + sum_bits) +
           std::uint64_t{layout_.shape.m} * layout_.shape.n * sum_bits;
  std::uint64_t bits = macs * (operand_bits + sum_bits);
  for (std::uint32_t index = 0; index < layout_.folds(); ++index) {
    const FoldExtent fold = layout_.fold(index);
    const bool columns = layout_.lines_are_columns();
    const std::uint64_t k = fold.k, kept = columns ? fold.m : fold.n;
    bits += std::uint64_t{fold.m} * fold.n * (layout_.rows - k) * sum_bits;
    bits += kept * (k * (k + 1) / 2 + k) * operand_bits;
  }
  return bits;
}

std::map<std::string, Activity> GemmAccelerator::activity() const {
  std::map<std::string, std::uint64_t> bytes = link_bytes();
  std::map<std::string, Activity> all;
  const std::uint64_t macs = array_->macs(), elements = std::uint64_t{layout_.rows} * layout_.cols;
  Activity& array = all["array"];
  const Format sum = sum_format_of(layout_.operand, layout_.operand);
  array.arithmetic.use(Operation::multiply, layout_.operand, macs, elements);
  array.arithmetic.use(Operation::add, sum, macs, elements);
  StorageUse registers;
  registers.name = "array";
  registers.bits_written = register_bits_written();
  for (const RegisterClass& cls : universe_.classes())
    if (cls.path.rfind("array.", 0) == 0) registers.bits += cls.instances() * cls.bits;
  array.storage.push_back(registers);

  const std::uint64_t total = array_->folds_end();
  const auto buffer = [&](const SramBuffer& unit, const SramCore& core) {
    const std::uint64_t reads = unit.read_stats(total).busy_cycles;
    all[unit.basename()].storage.push_back(
        {unit.basename(), true, core.size_bytes() * 8, reads * core.line_bytes() * 8, 0});
  };
  buffer(*a_buffer_, *a_core_);
  buffer(*b_buffer_, *b_core_);
  all["links"].link_bytes =
      bytes["a_buffer_to_array"] + bytes["b_buffer_to_array"] + bytes["array_to_result_memory"];
  return all;
}

}  // namespace attnguard
