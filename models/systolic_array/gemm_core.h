// The array's values in a plain matrix product C = A × B, at either fidelity. Plain C++, no time
// but cycle numbers.
//
// A product is cut into folds: m rows, n columns and k products of C. Operands lie k-major: A
// transposed [k × stride of m], B [k × stride of n]; the block of C column-major [n × stride of m].
//
// `cycle` steps every PE register (SteppingArray); `transaction` computes a fold with the tile
// kernel, and on the stepping array, alone, if an armed fault acts in it. A register belongs to one
// fold at a time, so both give the same bits and the same outcome for every fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "models/accelerator/accelerator_config.h"
#include "models/fabric/tile.h"
#include "models/fault_injector/fault_universe.h"
#include "models/systolic_array/stepping_array.h"

namespace attnguard {

/// One fold of a matrix product.
struct GemmFold {
  std::uint64_t start = 0;            ///< first cycle in which operands enter
  std::uint32_t m = 0, n = 0, k = 0;  ///< extents, each at least 1
  const float* a = nullptr;           ///< [k × a_stride], m fastest
  std::size_t a_stride = 0;
  const float* b = nullptr;  ///< [k × b_stride], n fastest
  std::size_t b_stride = 0;
  float* c = nullptr;         ///< [n × c_stride], m fastest
  std::size_t c_stride = 0;   ///< that of `a`
  std::uint32_t first_m = 0;  ///< row of C of the fold's row 0: what faults report as query_row
  TileId tile;                ///< whose live bits these are
};

class GemmCore {
 public:
  /// Operand format: bfloat16, float16 or float32.
  GemmCore(const ArrayConfig& config, Format operand, Fidelity fidelity);

  void declare(FaultUniverse& universe, const std::string& name);
  void reset();
  /// Arms one more fault, of a register declared here.
  void arm(const Fault& fault);

  /// Starts a fold; its buffers must stay as they are until finish(). Folds are started in order,
  /// and not before earliest_start() says.
  void start(const GemmFold& fold, LiveLog& log);
  /// All cycles up to the fold's last output are done: fold.c is complete.
  void finish(const GemmFold& fold);
  /// The outcome of the armed faults.
  FaultOutcome outcome() const { return output_.outcome(); }

  /// The first cycle in which the fold may start, given the one before: the edge takes one operand,
  /// a column bus one value per cycle.
  std::uint64_t earliest_start(const GemmFold& fold, const GemmFold& before) const;
  /// Cycles from the first product to the last when the fold uses the whole array: k + R + C − 2.
  std::uint32_t serial_cycles(const GemmFold& fold) const { return fold.k + rows_ + cols_ - 2; }
  /// When row i of C crosses the link, aligned with its last column.
  BeatTiming timing(const GemmFold& fold) const;

 private:
  struct Registers {
    RegisterId west, north, acc, drain;
  };
  ArrayPass pass_of(const GemmFold& fold) const;
  void add_live(const GemmFold& fold, LiveLog& log) const;

  std::uint32_t rows_, cols_;
  Format operand_;
  Fidelity fidelity_;
  SteppingArray output_;
  Registers reg_{};
};

}  // namespace attnguard
