// A configuration: JSON, and after NUL bytes the values of --set options; then what commands ask of
// it before they start.
#include "models/accelerator/job_layout.h"
#include "src/config/read_config.h"
#include "src/cost/technology.h"
#include "src/sweep/grid.h"
#include "tests/fuzz/hardware.h"
#include "tests/fuzz/memory_file.h"

namespace attnguard {
namespace {

const ToyHardware kHardware = fuzz_hardware();

void require_same_when_written(const Config& config) {
  const std::string text = write_config(config).dump();
  std::string again;
  require(accepts([&] {
            again = write_config(read_config(parse_json(text, "written"), {"written", {}})).dump();
          }),
          "an effective configuration is accepted", text);
  require(again == text, "an effective configuration reads back as itself", text);
}

void check_shape(const Config& config, const ConfigOrigin& origin) {
  const WorkloadConfig& workload = config.workload;
  if (workload.kind != WorkloadKind::attention || workload.from_files()) return;
  AttentionShape shape;
  shape.heads = *workload.heads;
  shape.kv_heads = workload.kv_heads.value_or(shape.heads);
  shape.tokens_q = *workload.tokens_q;
  shape.tokens_k = *workload.tokens_k;
  shape.head_dim = *workload.head_dim;
  accepts([&] { check_buffers(config.accelerator, shape, origin); });
}

void expand(const Json& document, const Config& config, const ConfigOrigin& origin) {
  const std::vector<SweepPoint> points = expand_grid(config.sweep, origin);
  accepts([&] { audited_point(config.sweep, points, origin); });
  for (std::size_t i = 0; i < points.size() && i < 4; ++i) {
    Json changed = document;
    ConfigOrigin here = origin;
    accepts([&] {
      for (const Setting& setting : points[i]) apply_setting(changed, here, setting);
      read_config(changed, here);
    });
  }
}

void draw(const Config& config, const ConfigOrigin& origin) {
  const CampaignPlan plan(config.campaign, config.seed, origin, kHardware.universe,
                          kHardware.blocks, kHardware.cycles,
                          [](const Fault& probe) { return access_cycle(kHardware, probe); });
  if (plan.size() == 0) return;
  for (const std::uint64_t number : {std::uint64_t{0}, plan.size() - 1}) plan.injection(number);
}

void read(const std::vector<std::string>& parts) {
  ConfigOrigin origin{"c.json", {}};
  Json document = parse_json(parts.front(), origin.file);
  for (std::size_t i = 1; i < parts.size(); ++i) apply_set(document, origin, parts[i]);
  const Config config = read_config(document, origin);
  require_same_when_written(config);
  check_shape(config, origin);
  accepts([&] { expand(document, config, origin); });
  accepts([&] { draw(config, origin); });
}

}  // namespace
}  // namespace attnguard

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attnguard;
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < size; ++i) {
    if (data[i] == 0)
      parts.emplace_back();
    else
      parts.back() += static_cast<char>(data[i]);
  }
  accepts([&] { read(parts); });
  static const MemoryFile file;
  accepts([&] { read_technology(file.hold(parts.front())); });
  return 0;
}
