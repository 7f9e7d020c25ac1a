// Configuration of faults: exact ones, and the mix that others are drawn from.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/fabric/field.h"
#include "models/fault_injector/fault.h"

namespace attnguard {

/// Of a carry into a bit of a sum: one too many, or one too few.
enum class CarryError : std::uint8_t { wrong, missing };

template <>
struct EnumNames<FaultModel> {
  static constexpr std::array<std::pair<FaultModel, std::string_view>, 11> names{
      {{FaultModel::bit_flip, "bit_flip"},
       {FaultModel::stuck_at_0, "stuck_at_0"},
       {FaultModel::stuck_at_1, "stuck_at_1"},
       {FaultModel::intermittent, "intermittent"},
       {FaultModel::carry, "carry"},
       {FaultModel::address, "address"},
       {FaultModel::drop, "drop"},
       {FaultModel::duplicate, "duplicate"},
       {FaultModel::delay, "delay"},
       {FaultModel::error_response, "error_response"},
       {FaultModel::compound, "compound"}}};
};
template <>
struct EnumNames<FaultClass> {
  static constexpr std::array<std::pair<FaultClass, std::string_view>, 3> names{
      {{FaultClass::transient, "transient"},
       {FaultClass::intermittent, "intermittent"},
       {FaultClass::permanent, "permanent"}}};
};
template <>
struct EnumNames<CarryError> {
  static constexpr std::array<std::pair<CarryError, std::string_view>, 2> names{
      {{CarryError::wrong, "wrong"}, {CarryError::missing, "missing"}}};
};

/// What models take beside the bits; a key that its model does not use is an error.
struct FaultParameters {
  std::optional<std::uint32_t> value{};
  std::optional<std::uint32_t> period_cycles, duty_cycles;
  std::optional<CarryError> carry;
  std::optional<std::uint32_t> delay_cycles;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"value", "intermittent: what the bits are forced to, 0 or 1", 0, 1}, self.value);
    v(FieldSpec{"period_cycles", "intermittent: cycles from one activity to the next", 1, 1e9},
      self.period_cycles);
    v(FieldSpec{"duty_cycles", "intermittent: active cycles at the start of every period", 1, 1e9},
      self.duty_cycles);
    v(FieldSpec{"carry", "carry: wrong adds 2^bit to the sum, missing takes it away"}, self.carry);
    v(FieldSpec{"delay_cycles", "delay: how much later the transaction arrives", 1, 1e6},
      self.delay_cycles);
  }
};

/// An exact fault: this bit of this site at this cycle.
struct FaultConfig {
  std::string site;
  std::uint32_t bit = 0;
  std::optional<std::uint64_t> cycle{};
  std::uint32_t bits = 1;
  FaultModel kind = FaultModel::bit_flip;
  std::optional<std::uint32_t> access{};
  std::optional<std::uint64_t> pattern{};
  FaultParameters parameters{};

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"site", "path of one site, as `attnguard sites` names it", 0, 0, true}, self.site);
    v(FieldSpec{"bit", "lowest bit concerned; on a link lane × bits + bit", 0, 1e9}, self.bit);
    v(FieldSpec{"cycle",
                "the value changes after the update of this cycle; intermittent: from then on", 0,
                1e15},
      self.cycle);
    v(FieldSpec{"bits", "adjacent bits concerned, upwards, clipped to the register", 1, 64},
      self.bits);
    v(FieldSpec{"kind", "fault model"}, self.kind);
    v(FieldSpec{"access",
                "in place of `cycle`: just before this access to the site in the fault-free run; 1 "
                "is the first",
                1, 4e9},
      self.access);
    v(FieldSpec{"pattern", "in place of `bits`: a mask whose bit 0 stands for `bit`; odd", 1},
      self.pattern);
    FaultParameters::visit(self.parameters, v);
  }
};

/// An exact fault, and others in the same run.
struct TriggerConfig : FaultConfig {
  std::vector<FaultConfig> also{};

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    FaultConfig::visit(self, v);
    v(FieldSpec{"also", "further faults of the same run"}, self.also);
  }
};

/// One entry of the fault mix.
struct FaultModelConfig {
  FaultModel kind = FaultModel::bit_flip;
  std::uint32_t bits = 1;
  std::uint32_t weight = 1;
  bool scattered = false;
  std::optional<std::uint32_t> count{};
  FaultParameters parameters{};

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"kind", "fault model"}, self.kind);
    v(FieldSpec{"bits", "adjacent bits concerned, upwards, clipped to the register", 1, 64},
      self.bits);
    v(FieldSpec{"weight", "relative share of the draws that use this model", 1, 1e6}, self.weight);
    v(FieldSpec{"scattered", "the bits are any of the register or lane, not adjacent ones"},
      self.scattered);
    v(FieldSpec{"count", "compound: bit flips in one run, 2 if absent", 2, 64}, self.count);
    FaultParameters::visit(self.parameters, v);
  }
};

}  // namespace attnguard
