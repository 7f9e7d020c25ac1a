// A fault list, read, checked against hardware, and written as a campaign writes it.
#include "src/campaign/faults/fault_list.h"
#include "tests/fuzz/hardware.h"
#include "tests/fuzz/memory_file.h"

namespace attnguard {
namespace {

const ToyHardware kHardware = fuzz_hardware();

/// The list as `campaign --write-faults` would write it.
std::string written(const std::filesystem::path& file) {
  CampaignConfig config;
  read_fault_list(file, "faults.csv", config);
  const CampaignPlan plan(config, 1, kHardware.origin, kHardware.universe, kHardware.blocks,
                          kHardware.cycles,
                          [](const Fault& probe) { return access_cycle(kHardware, probe); });
  std::string text = fault_list_header();
  for (std::uint64_t i = 0; i < plan.size(); ++i)
    text += fault_list_rows(kHardware.universe, plan.injection(i));
  return text;
}

}  // namespace
}  // namespace attnguard

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attnguard;
  static const MemoryFile given, copy;
  std::string first;
  if (!accepts([&] { first = written(given.hold({reinterpret_cast<const char*>(data), size})); }))
    return 0;
  std::string again;
  require(accepts([&] { again = written(copy.hold(first)); }), "a written list is accepted", first);
  require(again == first, "a written list is written again as it was", first);
  return 0;
}
