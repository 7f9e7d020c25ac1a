// The array's values in a plain matrix product C = A × B, in every dataflow and at either fidelity.
// Plain C++, no time but cycle numbers.
//
// A product of M × K by K × N is cut into folds, and a fold is rows m, columns n and products k of
// it:
//
//   dataflow            stays in the PEs       array rows    array columns   steps   one fold per
//   output_stationary   C, m ≤ R and n ≤ C     m             n               k = K   (m, n) block
//   weight_stationary   B, k ≤ R and n ≤ C     k             n               m       (k, n) block
//   input_stationary    A, k ≤ R and m ≤ C     k             m               n       (k, m) block
//
// Operands lie k-major in all three: A transposed [K × stride of M], B [K × stride of N]; C lies
// column-major [N × stride of M]. Offset the pointers to the fold's first element. The folds of one
// block of C come in ascending k; each but the first takes the block as it stands as its `sums`:
//
//   GemmCore core(array, Format::bfloat16, Fidelity::cycle);
//   core.declare(universe, "array");
//   for (k0 ...; for each block ...) {
//     fold.a = a + k0 * a_stride + m0;  fold.b = b + k0 * b_stride + n0;
//     fold.c = c + n0 * c_stride + m0;  fold.sums = k0 > 0 ? fold.c : nullptr;
//     fold.preload = ...;  fold.start = ...;   // see earliest_preload() and earliest_start()
//     core.start(fold, log);
//     ...                                      // others may be started meanwhile
//     core.finish(fold);                       // fold.c is complete
//   }
//
// Every sum ascends in k from +0, product then sum rounded, so all dataflows give the same bits.
// With int8 operands sums are int32 modulo 2^32, and C holds their bits (Format::int32).
//
// `cycle` steps every PE register; `transaction` computes a fold with the tile kernel, and on the
// stepping array, alone, if an armed fault acts in it. A register belongs to one fold at a time, so
// both give the same bits and the same outcome for every fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "models/accelerator/accelerator_config.h"
#include "models/fabric/tile.h"
#include "models/fault_injector/fault_universe.h"
#include "models/systolic_array/stationary_array.h"
#include "models/systolic_array/stepping_array.h"

namespace attnguard {

/// One fold of a matrix product.
struct GemmFold {
  std::uint64_t preload =
      0;  ///< first cycle in which stationary operands enter; not output_stationary
  std::uint64_t start = 0;            ///< first cycle in which moving operands enter
  std::uint32_t m = 0, n = 0, k = 0;  ///< extents, each at least 1
  const float* a = nullptr;           ///< [k × a_stride], m fastest
  std::size_t a_stride = 0;
  const float* b = nullptr;  ///< [k × b_stride], n fastest
  std::size_t b_stride = 0;
  const float* sums = nullptr;  ///< [n × c_stride], null: +0; always null if output_stationary
  float* c = nullptr;           ///< [n × c_stride], m fastest; may be `sums`
  std::size_t c_stride = 0;
  std::uint32_t first_m = 0;  ///< row of C of the fold's row 0: what faults report as query_row
  TileId tile;                ///< whose live bits these are
};

/// Cycles of a fold in which operands enter at the west edge.
constexpr std::uint32_t fold_steps(Dataflow dataflow, std::uint32_t m, std::uint32_t n,
                                   std::uint32_t k) {
  switch (dataflow) {
    case Dataflow::output_stationary:
      return k;
    case Dataflow::weight_stationary:
      return m;
    case Dataflow::input_stationary:
      return n;
  }
  return 0;
}

class GemmCore {
 public:
  /// Operand format: bfloat16, float16, float32 or int8.
  GemmCore(const ArrayConfig& config, Format operand, Fidelity fidelity);

  /// The registers of the configured dataflow: name.pe[i][j].{west,north,acc,drain} or
  /// name.pe[i][j].{west,stationary,preload,sum}.
  void declare(FaultUniverse& universe, const std::string& name);
  void reset();
  /// Arms one more fault, of a register declared here.
  void arm(const Fault& fault);

  /// Starts a fold; its buffers must stay as they are until finish(). Folds are started in order,
  /// and not before earliest_preload() and earliest_start() say. Throws std::logic_error otherwise.
  void start(const GemmFold& fold, LiveLog& log);
  /// All cycles up to the fold's last output are done: fold.c is complete.
  void finish(const GemmFold& fold);
  /// The outcome of the armed faults.
  FaultOutcome outcome() const;

  /// The first cycle in which a fold may preload, given the one before: when that one's operands
  /// have left the preload registers. Of no meaning if output_stationary.
  std::uint64_t earliest_preload(const GemmFold& before) const { return before.start; }
  /// The first cycle in which the fold may start if it preloads as early as it may: the west edge
  /// takes one operand, a column bus one value per cycle, and the fold's `sums`, if those of the
  /// fold before, must have left the array.
  std::uint64_t earliest_start(const GemmFold& fold, const GemmFold& before) const;
  /// Cycles to load the whole array: R, none if output_stationary.
  std::uint32_t preload_cycles() const { return output_stationary() ? 0 : rows_; }
  /// Cycles of a fold that uses the whole array, from the preload (output_stationary: the first
  /// product) to the last product: k + R + C − 2, m + 2R + C − 2, n + 2R + C − 2. As a fold may
  /// begin in the cycle of the last product before it, serial folds are exactly so far apart.
  std::uint32_t serial_cycles(const GemmFold& fold) const;
  /// The fold's last value is at the edge of the array.
  std::uint64_t last_cycle(const GemmFold& fold) const;
  /// When the outputs cross the link, whole output lines at the time of the array's last column: m
  /// lines (rows of C) of n values, in input_stationary n lines (columns) of m values.
  BeatTiming timing(const GemmFold& fold) const;

 private:
  /// One register of every PE.
  struct PeRegister {
    const char* field;
    ArrayRegister which;
    Format format;
    Adder adder;
  };
  struct Declared {
    RegisterId id;
    PeRegister reg;
  };
  std::vector<PeRegister> registers() const;
  std::uint32_t steps(const GemmFold& fold) const {
    return fold_steps(dataflow_, fold.m, fold.n, fold.k);
  }
  bool output_stationary() const { return dataflow_ == Dataflow::output_stationary; }
  ArrayPass pass_of(const GemmFold& fold) const;
  StationaryFold fold_of(const GemmFold& fold) const;
  template <class Array, class Work>
  void run(Array& array, const Work& work, const GemmFold& fold);
  void compute(const GemmFold& fold) const;
  void add_live(const GemmFold& fold, LiveLog& log) const;

  std::uint32_t rows_, cols_;
  Dataflow dataflow_;
  Format operand_;
  Fidelity fidelity_;
  SteppingArray output_;        ///< output-stationary
  StationaryArray stationary_;  ///< weight- and input-stationary
  std::vector<Declared> declared_;
};

}  // namespace attnguard
