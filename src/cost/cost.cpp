#include "src/cost/cost.h"

#include <fmt/format.h>

namespace attnguard {
namespace {

constexpr double kPicojoulesPerMilliwattMicrosecond = 1000;

std::string_view format_name(Format format) {
  switch (format) {
    case Format::bfloat16:
      return "bfloat16";
    case Format::float16:
      return "float16";
    case Format::float32:
      return "float32";
    case Format::float64:
      return "float64";
    case Format::int8:
      return "int8";
    case Format::int32:
      return "int32";
    case Format::flag:
    case Format::low_half:
      break;
  }
  return {};
}

class Biller {
 public:
  Biller(const std::string& unit, const Technology& technology, double microseconds)
      : technology_(technology), microseconds_(microseconds) {
    bill_.unit = unit;
  }

  void add(std::string component, std::uint64_t events, std::uint64_t units, const Cost& cost) {
    if (events == 0 && units == 0) return;
    for (CostItem& item : bill_.items) {
      if (item.component != component) continue;
      item.events += events;
      item.units += units;
      item.cost += cost;
      return;
    }
    bill_.items.push_back({std::move(component), events, units, cost});
  }
  void operations(const OperationUse& use) {
    const Price& price = technology_.of(use.operation, use.format);
    add(fmt::format("{}_{}", enum_name(use.operation), format_name(use.format)), use.operations,
        use.units,
        {static_cast<double>(use.operations) * price.energy_pj,
         static_cast<double>(use.units) * price.area_um2, 0});
  }
  void registers(const StorageUse& use) {
    const Price& price = technology_.register_bit;
    add("register_bit", use.bits_written, use.bits,
        {static_cast<double>(use.bits_written) * price.energy_pj,
         static_cast<double>(use.bits) * price.area_um2, 0});
  }
  void memory(const StorageUse& use) {
    const SramPrice price = technology_.sram.of(static_cast<double>(use.bits) / 8);
    const double leakage = price.leakage_mw * microseconds_ * kPicojoulesPerMilliwattMicrosecond;
    add("sram_read", use.bits_read, 0,
        {static_cast<double>(use.bits_read) / 8 * price.read_pj_per_byte, 0, 0});
    add("sram_write", use.bits_written, 0,
        {static_cast<double>(use.bits_written) / 8 * price.write_pj_per_byte, 0, 0});
    add("sram_bit", 0, use.bits, {0, price.area_um2, leakage});
  }
  void transfer(std::string component, std::uint64_t bytes, const TransferPrice& price) {
    add(std::move(component), bytes, 0, {static_cast<double>(bytes) * price.energy_pj, 0, 0});
  }
  Bill bill() {
    for (const CostItem& item : bill_.items) bill_.total += item.cost;
    return bill_;
  }

 private:
  const Technology& technology_;
  double microseconds_;
  Bill bill_;
};

}  // namespace

Bill price(const std::string& unit, const Activity& activity, const Technology& technology,
           double microseconds) {
  Biller biller(unit, technology, microseconds);
  for (const OperationUse& use : activity.arithmetic.uses()) biller.operations(use);
  StorageUse registers;
  for (const StorageUse& use : activity.storage) {
    if (use.sram) continue;
    registers.bits += use.bits;
    registers.bits_written += use.bits_written;
  }
  biller.registers(registers);
  for (const StorageUse& use : activity.storage)
    if (use.sram) biller.memory(use);
  biller.transfer("link_byte", activity.link_bytes, technology.link_byte);
  biller.transfer("external_memory_byte", activity.external_bytes, technology.external_memory_byte);
  return biller.bill();
}

}  // namespace attnguard
