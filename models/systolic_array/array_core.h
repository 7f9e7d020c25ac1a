// The array's values: operands in, score or P·V tile out, at either fidelity. Plain C++, no time
// but cycle numbers.
//
// `cycle` steps every PE register (SteppingArray); `transaction` computes a pass with the tile
// kernel, and on the stepping core, alone, if an armed fault acts in it. A register belongs to
// one pass at a time, so both give the same bits.
#pragma once

#include <cstdint>
#include <string>

#include "models/accelerator/accelerator_config.h"
#include "models/fabric/tile.h"
#include "models/fault_injector/fault_universe.h"
#include "models/fault_injector/register_tap.h"
#include "models/numerics/lane_tile.h"
#include "models/systolic_array/stepping_array.h"

namespace attnguard {

/// Operands of one operation as they stand at the edges.
struct ArrayOperands {
  LaneTile west;  ///< S: [depth × stride]; P·V, only where the core needs a copy: [passes × depth ×
                  ///< stride]
  LaneTile north;  ///< [passes × depth × array cols]
};

/// One S or P·V operation: `passes` passes of `depth`, the first fed from cycle `start`, `interval`
/// cycles apart.
struct ArrayWork {
  TileContext tile;
  bool values = false;  ///< P·V, else S
  std::uint64_t start = 0;
  std::uint32_t passes = 1, interval = 0, depth = 0;
  std::uint32_t out_cols = 0;  ///< keys of an S tile, head_dim of a P·V tile
  ArrayOperands* operands = nullptr;
  LaneTile out;  ///< [out_cols × stride]

  /// Row i of pass p crosses the output link at cycle(p, i): the column bus of the last column, so
  /// rows are aligned.
  BeatTiming timing(std::uint32_t array_cols) const;
};

class ArrayCore {
 public:
  ArrayCore(const ArrayConfig& config, const FormatsConfig& formats, Fidelity fidelity);

  void declare(FaultUniverse& universe, const std::string& name);
  void reset();
  void abandon(std::uint64_t cycle);
  /// Arms one more fault: in the stepping array where the site is one of its registers, else the
  /// tap.
  void arm(const Fault& fault);

  /// P tile [cols × stride]; row i arrives (is written) at first_cycle + i.
  void receive_probability(const TileContext& tile, const float* probability,
                           std::uint64_t first_cycle);
  const float* probability(std::uint32_t bank) const { return probability_[bank].data(); }

  /// Whether operands must stay until finish(); else they are used up by start().
  bool keeps_operands() const { return fidelity_ == Fidelity::cycle; }
  /// Starts `work` whose operands are in place (west and north of S, north of P·V). Its output is
  /// complete after finish().
  void start(ArrayWork& work, LiveLog& log);
  /// All cycles up to the last output beat are done: work.out is complete.
  void finish(ArrayWork& work);
  /// The outcome of the armed fault.
  FaultOutcome outcome() const;

  std::size_t stride() const { return stride_; }

 private:
  struct Registers {
    RegisterId west, north, acc, drain, probability;
  };
  ArrayPass pass_of(const ArrayWork& work, std::uint32_t pass, const float* west) const;
  const float* read_probability(ArrayWork& work, std::uint32_t pass);
  ArrayFault array_fault(const Fault& fault) const;
  void compute(const ArrayPass& pass);
  void add_live(const ArrayWork& work, LiveLog& log) const;

  std::uint32_t rows_, cols_;
  std::size_t stride_;
  FormatsConfig formats_;
  Fidelity fidelity_;
  SteppingArray stepping_;
  LaneTile probability_[2];
  std::uint64_t probability_cycle_[2] = {0, 0};
  Registers reg_{};
  RegisterTap tap_;
};

}  // namespace attnguard
