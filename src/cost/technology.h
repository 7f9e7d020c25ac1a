// The constants of the cost model: what an operation, a bit or a byte costs in energy and area.
//
// Read strictly from a JSON file (configs/technology/): every constant is there, with the source it
// comes from, and is not negative. The 28 nm file of the source tree is built in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "models/fabric/activity.h"
#include "models/fabric/field.h"
#include "src/config/origin.h"

namespace attnguard {

/// Of one operation, or of a register bit.
struct Price {
  double energy_pj = 0;  ///< per operation, or per bit written
  double area_um2 = 0;   ///< per unit, or per bit
  std::string source;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"energy_pj", "energy in pJ of one operation, of a register bit written", 0.0, 1e30,
                true},
      self.energy_pj);
    v(FieldSpec{"area_um2", "area in um2 of one unit, of a register bit", 0.0, 1e30, true},
      self.area_um2);
    v(FieldSpec{"source", "source of energy_pj and area_um2, in words", 0, 0, true}, self.source);
  }
};

struct FormatPrices {
  Price bfloat16, float16, float32, float64;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"bfloat16", "its prices in bfloat16: energy_pj, area_um2, source", 0, 0, true},
      self.bfloat16);
    v(FieldSpec{"float16", "its prices in float16: energy_pj, area_um2, source", 0, 0, true},
      self.float16);
    v(FieldSpec{"float32", "its prices in float32: energy_pj, area_um2, source", 0, 0, true},
      self.float32);
    v(FieldSpec{"float64", "its prices in float64: energy_pj, area_um2, source", 0, 0, true},
      self.float64);
  }
};

/// Sums of integers too: of int8 products, and of what checks them.
struct AddPrices : FormatPrices {
  Price int32;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    FormatPrices::visit(self, v);
    v(FieldSpec{"int32", "in int32", 0, 0, true}, self.int32);
  }
};

struct MultiplyPrices : FormatPrices {
  Price int8, int32;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    FormatPrices::visit(self, v);
    v(FieldSpec{"int8", "in int8, the product in 16 bits", 0, 0, true}, self.int8);
    v(FieldSpec{"int32", "in int32", 0, 0, true}, self.int32);
  }
};

struct TransferPrice {
  double energy_pj = 0;  ///< per byte
  std::string source;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"energy_pj", "energy in pJ of one byte", 0.0, 1e30, true}, self.energy_pj);
    v(FieldSpec{"source", "source of energy_pj, in words", 0, 0, true}, self.source);
  }
};

/// A memory of known cost; an access moves a line.
struct SramMacro {
  std::uint64_t bytes = 1;
  std::uint64_t line_bytes = 1;
  double read_pj = 0, write_pj = 0;  ///< per line
  double area_um2 = 0;
  double leakage_mw = 0;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"bytes", "capacity in bytes", 1, 1e15, true}, self.bytes);
    v(FieldSpec{"line_bytes", "bytes that one access moves", 1, 1e9, true}, self.line_bytes);
    v(FieldSpec{"read_pj", "energy in pJ of reading a line", 0.0, 1e30, true}, self.read_pj);
    v(FieldSpec{"write_pj", "energy in pJ of writing a line", 0.0, 1e30, true}, self.write_pj);
    v(FieldSpec{"area_um2", "area in um2", 0.0, 1e30, true}, self.area_um2);
    v(FieldSpec{"leakage_mw", "leakage power in mW", 0.0, 1e30, true}, self.leakage_mw);
  }
};

/// What a memory of some capacity costs.
struct SramPrice {
  double read_pj_per_byte = 0, write_pj_per_byte = 0;
  double area_um2 = 0;
  double leakage_mw = 0;
};

struct SramPrices {
  std::string source;
  std::vector<SramMacro> macros;  ///< by ascending capacity

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"source", "source of the memories, in words", 0, 0, true}, self.source);
    v(FieldSpec{"macros", "memories of known cost, the smallest first", 0, 0, true}, self.macros);
  }

  /// Between two macros on the straight line through both. Below the smallest an access costs as
  /// much per byte as there, and area and leakage are in proportion to the capacity; above the
  /// largest the last line goes on.
  SramPrice of(double bytes) const;
};

struct Technology {
  std::string name;
  AddPrices add;
  MultiplyPrices multiply;
  FormatPrices divide, compare;
  Price register_bit;
  TransferPrice link_byte;             ///< on-chip, per link crossed
  TransferPrice external_memory_byte;  ///< either direction
  SramPrices sram;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"name", "name of the technology for results", 0, 0, true}, self.name);
    v(FieldSpec{"add", "prices of an addition or subtraction, by format", 0, 0, true}, self.add);
    v(FieldSpec{"multiply", "prices of a multiplication, by format", 0, 0, true}, self.multiply);
    v(FieldSpec{"divide", "prices of a division, reciprocal or square root, by format", 0, 0, true},
      self.divide);
    v(FieldSpec{"compare", "prices of a comparison or maximum, by format", 0, 0, true},
      self.compare);
    v(FieldSpec{"register_bit", "price of a bit of a register: energy_pj, area_um2, source", 0, 0,
                true},
      self.register_bit);
    v(FieldSpec{"link_byte", "price of a byte over an on-chip link: energy_pj, source", 0, 0, true},
      self.link_byte);
    v(FieldSpec{"external_memory_byte",
                "price of a byte from or to external memory: energy_pj, source", 0, 0, true},
      self.external_memory_byte);
    v(FieldSpec{"sram", "prices of on-chip memories: source, macros", 0, 0, true}, self.sram);
  }

  /// Of floating-point formats all; of integers addition in int32, multiplication in int8 and
  /// int32, and comparison in int32, which is that of a float32. Throws std::logic_error otherwise.
  const Price& of(Operation operation, Format format) const;
};

/// The 28 nm file that is built in.
Technology built_in_technology();
/// Throws UserError.
Technology read_technology(const std::filesystem::path& file);

}  // namespace attnguard
