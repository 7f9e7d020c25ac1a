#include "src/simulation/roofline.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>

#include "src/config/or_null.h"

namespace attnguard {
namespace {

/// Cycles of a unit that are its own: busy, and stalled for these reasons. 0 where there is no such
/// unit.
std::uint64_t own_cycles(const RunResult& run, const std::string& unit,
                         std::initializer_list<const char*> reasons = {}) {
  const auto stats = run.units.find(unit);
  if (stats == run.units.end()) return 0;
  std::uint64_t cycles = stats->second.busy_cycles;
  for (const char* reason : reasons)
    if (const auto stall = stats->second.stall_cycles.find(reason);
        stall != stats->second.stall_cycles.end())
      cycles += stall->second;
  return cycles;
}

double ratio(std::uint64_t a, std::uint64_t b) {
  return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b);
}

}  // namespace

Roofline roofline_of(const RunResult& run, const ArrayConfig& array) {
  Roofline roofline;
  roofline.array_cycles = own_cycles(run, "array", {"drain", "skew"});
  roofline.softmax_cycles = own_cycles(run, "softmax");
  for (const auto& [unit, stats] : run.units)
    if (unit.find("_buffer.") != std::string::npos)
      roofline.sram_cycles = std::max(roofline.sram_cycles, own_cycles(run, unit, {"conflict"}));
  roofline.memory_cycles = std::max(own_cycles(run, "dma.load"), own_cycles(run, "dma.store"));

  std::uint64_t most = 0;
  const std::pair<const char*, std::uint64_t> parts[] = {{"array", roofline.array_cycles},
                                                         {"softmax", roofline.softmax_cycles},
                                                         {"sram", roofline.sram_cycles},
                                                         {"memory", roofline.memory_cycles}};
  for (const auto& [part, cycles] : parts) {
    if (!roofline.bound.empty() && cycles <= most) continue;
    roofline.bound = part;
    most = cycles;
  }
  std::uint64_t bytes = 0;
  for (const char* link : {"external_memory_to_dma", "dma_to_external_memory"})
    if (const auto moved = run.link_bytes.find(link); moved != run.link_bytes.end())
      bytes += moved->second;
  if (bytes > 0) roofline.macs_per_byte = ratio(run.macs, bytes);
  roofline.peak_macs_per_cycle = static_cast<double>(array.rows) * array.cols;
  roofline.attainable_macs_per_cycle = ratio(run.macs, most);
  roofline.achieved_macs_per_cycle = ratio(run.macs, run.counted_cycles());
  return roofline;
}

nlohmann::ordered_json roofline_json(const Roofline& roofline) {
  return {{"arithmetic_intensity_macs_per_byte", or_null(roofline.macs_per_byte)},
          {"peak_macs_per_cycle", roofline.peak_macs_per_cycle},
          {"attainable_macs_per_cycle", roofline.attainable_macs_per_cycle},
          {"achieved_macs_per_cycle", roofline.achieved_macs_per_cycle},
          {"bound", std::string(roofline.bound)},
          {"least_cycles",
           {{"array", roofline.array_cycles},
            {"softmax", roofline.softmax_cycles},
            {"sram", roofline.sram_cycles},
            {"memory", roofline.memory_cycles}}}};
}

}  // namespace attnguard
