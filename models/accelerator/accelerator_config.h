// Configuration of the modelled hardware. Every member: one JSON key of `accelerator`, unit in the
// name.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "models/fabric/field.h"
#include "models/numerics/exp2.h"
#include "models/numerics/format.h"
#include "models/sram_buffer/check_code.h"

namespace attnguard {

enum class Fidelity : std::uint8_t { cycle, transaction };
/// What a PE keeps while operands pass by.
enum class Dataflow : std::uint8_t { output_stationary, weight_stationary, input_stationary };
/// When the folds of a matrix product follow each other: strictly one after another, each as long
/// as a full one (SCALE-Sim) or as long as its used rows and columns take, the way out included
/// (STONNE); or as soon as the array's edges are free.
enum class FoldPolicy : std::uint8_t { serial_full, serial_occupied, overlapped };

template <>
struct EnumNames<Fidelity> {
  static constexpr std::array<std::pair<Fidelity, std::string_view>, 2> names{
      {{Fidelity::cycle, "cycle"}, {Fidelity::transaction, "transaction"}}};
};
template <>
struct EnumNames<Dataflow> {
  static constexpr std::array<std::pair<Dataflow, std::string_view>, 3> names{
      {{Dataflow::output_stationary, "output_stationary"},
       {Dataflow::weight_stationary, "weight_stationary"},
       {Dataflow::input_stationary, "input_stationary"}}};
};
template <>
struct EnumNames<FoldPolicy> {
  static constexpr std::array<std::pair<FoldPolicy, std::string_view>, 3> names{
      {{FoldPolicy::serial_full, "serial_full"},
       {FoldPolicy::serial_occupied, "serial_occupied"},
       {FoldPolicy::overlapped, "overlapped"}}};
};
template <>
struct EnumNames<Exp2Kind> {
  static constexpr std::array<std::pair<Exp2Kind, std::string_view>, 2> names{
      {{Exp2Kind::polynomial, "polynomial"}, {Exp2Kind::piecewise_linear, "piecewise_linear"}}};
};

template <>
struct EnumNames<CodeKind> {
  static constexpr std::array<std::pair<CodeKind, std::string_view>, 3> names{
      {{CodeKind::none, "none"}, {CodeKind::parity, "parity"}, {CodeKind::secded, "secded"}}};
};

struct ArrayConfig {
  std::uint32_t rows = 16;  ///< query rows of a tile, R
  std::uint32_t cols = 16;  ///< keys of a tile, C
  Dataflow dataflow = Dataflow::output_stationary;
  FoldPolicy fold_policy = FoldPolicy::overlapped;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"rows", "array rows = query rows of a tile", 1, 128}, self.rows);
    v(FieldSpec{"cols", "array columns = keys of a tile", 1, 128}, self.cols);
    v(FieldSpec{"dataflow", "what stays in the processing elements; attention: output_stationary"},
      self.dataflow);
    v(
        FieldSpec{
            "fold_policy",
            "when the folds of a gemm follow each other (docs/timing.md); attention: overlapped"},
        self.fold_policy);
  }
};

/// Formats allowed: operand bfloat16, float16, float32, int8; probability bfloat16, float32; output
/// bfloat16, float32, int32. int8 operands have int32 sums and an int32 output, others neither.
struct FormatsConfig {
  Format operand = Format::bfloat16;
  Format probability = Format::bfloat16;
  Format output = Format::bfloat16;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"operand",
                "format of Q, K and V: bfloat16, float16 or float32; int8 not with attention"},
      self.operand);
    v(FieldSpec{"probability", "format of the softmax output: bfloat16 or float32"},
      self.probability);
    v(FieldSpec{"output", "format of the result: bfloat16 or float32; int32 of int8 operands"},
      self.output);
  }
};

/// Latencies of 0 select the default said in the meaning.
struct SoftmaxConfig {
  Exp2Kind exp2 = Exp2Kind::polynomial;
  std::uint32_t max_latency_cycles = 0;  ///< 0: 1 + ceil(log2(cols)), a comparator tree
  std::uint32_t exp_latency_cycles = 0;  ///< 0: 6 (polynomial, FuseMax) or 2 (piecewise linear)
  std::uint32_t sum_latency_cycles = 0;  ///< 0: 1 + ceil(log2(cols)), an adder tree

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"exp2", "how 2^x is evaluated"}, self.exp2);
    v(FieldSpec{"max_latency_cycles", "score register to running maximum; 0: 1 + ceil(log2(cols))",
                0, 64},
      self.max_latency_cycles);
    v(
        FieldSpec{
            "exp_latency_cycles",
            "running maximum to probability and alpha; 0: 6 for polynomial, 2 for piecewise_linear",
            0, 64},
        self.exp_latency_cycles);
    v(FieldSpec{"sum_latency_cycles", "probability to running sum; 0: 1 + ceil(log2(cols))", 0, 64},
      self.sum_latency_cycles);
  }
};

struct AccumulatorConfig {
  std::uint32_t divide_latency_cycles = 8;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"divide_latency_cycles", "latency of the reciprocal 1/l", 1, 64},
      self.divide_latency_cycles);
  }
};

/// Check bits beside the words of a buffer. A line must hold whole groups of `interleaving` code
/// words.
struct ProtectionConfig {
  CodeKind code = CodeKind::none;
  std::uint32_t data_bits = 64;
  std::uint32_t interleaving = 1;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"code",
                "none; parity: one bit per code word; secded: single errors corrected, double "
                "errors detected",
                0, 0, true},
      self.code);
    v(FieldSpec{"data_bits", "data bits of a code word: 16, 32 or 64; at least word_bits", 16, 64},
      self.data_bits);
    v(FieldSpec{"interleaving", "code words to which adjacent bits belong in turn", 1, 8},
      self.interleaving);
  }
};

/// A double-buffered SRAM with one read and one write port.
struct BufferConfig {
  std::uint32_t words = 32768;  ///< both halves together
  std::uint32_t word_bits = 16;
  std::uint32_t banks = 0;       ///< 0: one per word of a line, so no conflict
  std::uint32_t port_words = 0;  ///< words per cycle and port; 0: a whole line
  std::uint32_t read_latency_cycles = 1;
  std::uint32_t write_latency_cycles = 1;
  std::optional<ProtectionConfig> protection{};  ///< without: no check bits

  bool is_protected() const { return protection && protection->code != CodeKind::none; }

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"words", "words of both halves together; even", 2, 1 << 28}, self.words);
    v(FieldSpec{"word_bits", "width of a word: 16, or 32 where the stored format has 32 bits", 16,
                32},
      self.word_bits);
    v(FieldSpec{"banks",
                "word-interleaved banks, one access per cycle each; 0: as many as a line has words",
                0, 4096},
      self.banks);
    v(FieldSpec{"port_words", "words per cycle through a port; 0: a whole line", 0, 4096},
      self.port_words);
    v(FieldSpec{"read_latency_cycles", "access to data at the port", 1, 64},
      self.read_latency_cycles);
    v(FieldSpec{"write_latency_cycles", "data at the port to the word changed", 1, 64},
      self.write_latency_cycles);
    v(FieldSpec{"protection", "parity or error correction; without it words have no check bits"},
      self.protection);
  }
};

struct BuffersConfig {
  BufferConfig q{8192}, k{65536}, v{65536}, o{8192};

  bool any_protected() const {
    return q.is_protected() || k.is_protected() || v.is_protected() || o.is_protected();
  }

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"q", "query buffer"}, self.q);
    v(FieldSpec{"k", "key buffer"}, self.k);
    v(FieldSpec{"v", "value buffer"}, self.v);
    v(FieldSpec{"o", "output buffer"}, self.o);
  }
};

struct ExternalMemoryConfig {
  std::uint32_t latency_cycles = 40;
  std::uint32_t bytes_per_cycle = 64;  ///< each direction

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"latency_cycles", "request to first data", 1, 100000}, self.latency_cycles);
    v(FieldSpec{"bytes_per_cycle", "bandwidth of each direction", 1, 65536}, self.bytes_per_cycle);
  }
};

struct AcceleratorConfig {
  Fidelity fidelity = Fidelity::transaction;
  double clock_mhz = 500;
  ArrayConfig array;
  FormatsConfig formats;
  SoftmaxConfig softmax;
  AccumulatorConfig accumulator;
  BuffersConfig buffers;
  ExternalMemoryConfig external_memory;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"fidelity",
                "cycle: every register every cycle; transaction: a tile at a time, same results"},
      self.fidelity);
    v(FieldSpec{"clock_mhz", "clock frequency", 1, 10000}, self.clock_mhz);
    v(FieldSpec{"array", "systolic array"}, self.array);
    v(FieldSpec{"formats", "number formats"}, self.formats);
    v(FieldSpec{"softmax", "softmax unit"}, self.softmax);
    v(FieldSpec{"accumulator", "output accumulator"}, self.accumulator);
    v(FieldSpec{"buffers", "on-chip buffers"}, self.buffers);
    v(FieldSpec{"external_memory", "external memory"}, self.external_memory);
  }
};

}  // namespace attnguard
