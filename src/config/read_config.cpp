#include "src/config/read_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "models/accelerator/job_layout.h"
#include "models/checksum_unit/any_of.h"
#include "models/checksum_unit/memory_protection.h"
#include "src/campaign/figures/detection_budget.h"
#include "src/config/check_workload.h"
#include "src/config/checker_kinds.h"
#include "src/config/reader.h"
#include "src/config/schema_version.h"
#include "src/config/version.h"
#include "src/config/writer.h"
#include "src/simulation/combinations.h"

namespace attnguard {
namespace {

bool is_checker_name(const std::string& name) {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && lower(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
    return lower(c) || (c >= '0' && c <= '9') || c == '_';
  });
}

void check_word(const BufferConfig& buffer, std::string_view name, Format format,
                const ConfigOrigin& origin) {
  const std::string at = fmt::format("/accelerator/buffers/{}", name);
  if (buffer.words % 2 != 0)
    origin.reject(at + "/words", std::to_string(buffer.words), "an even number: two halves");
  if (buffer.word_bits != 16 && buffer.word_bits != bits_of(format))
    origin.reject(at + "/word_bits", std::to_string(buffer.word_bits),
                  bits_of(format) == 32 ? "16 or 32" : "16, as the stored format has 16 bits");
}

/// A line of the buffer holds `lanes` elements of `format`.
void check_protection(const BufferConfig& buffer, std::string_view name, std::uint32_t lanes,
                      Format format, const ConfigOrigin& origin) {
  if (!buffer.is_protected()) return;
  const std::string at = fmt::format("/accelerator/buffers/{}", name);
  const std::uint32_t data_bits = buffer.protection->data_bits;
  const std::uint32_t interleaving = buffer.protection->interleaving;
  const auto reject_bits = [&](const std::string& allowed) {
    origin.reject(at + "/protection/data_bits", std::to_string(data_bits), allowed);
  };
  if (data_bits != 16 && data_bits != 32 && data_bits != 64) reject_bits("16, 32 or 64");
  if (data_bits < buffer.word_bits)
    reject_bits(fmt::format("at least the {} bits of a word", buffer.word_bits));
  const std::uint32_t line_bits = lanes * bits_of(format), group_bits = data_bits * interleaving;
  const std::string line =
      fmt::format("the {} bits of a line ({} × {})", line_bits, lanes, bits_of(format));
  if (line_bits % data_bits != 0) reject_bits(fmt::format("16, 32 or 64, a divisor of {}", line));
  if (line_bits % group_bits != 0)
    origin.reject(at + "/protection/interleaving", std::to_string(interleaving),
                  fmt::format("a divisor of {}: so many code words of {} bits are in {}",
                              line_bits / data_bits, data_bits, line));
  const std::uint32_t group_words = group_bits / buffer.word_bits;
  if (buffer.words / 2 % group_words != 0)
    origin.reject(at + "/words", std::to_string(buffer.words),
                  fmt::format("a multiple of {}: each half holds whole groups of {} code words of "
                              "{} bits",
                              2 * group_words, interleaving, data_bits));
}

/// An alarm that could never rise.
void check_memory_protection(const Config& config, const ConfigOrigin& origin) {
  if (config.accelerator.buffers.any_protected()) return;
  for (const CheckerConfig& checker : config.checkers)
    if (checker.options.get_if<MemoryProtectionConfig>() != nullptr)
      origin.reject(fmt::format("/checkers/{}/kind", checker.name),
                    fmt::format("\"{}\"", MemoryProtectionConfig::kind),
                    "only with accelerator.buffers.<q|k|v|o>.protection, as no buffer has check "
                    "bits");
}

void check_buffer(const BufferConfig& buffer, std::string_view name, std::uint64_t tile_bytes,
                  std::string_view tile, const ConfigOrigin& origin) {
  const std::uint64_t tile_words = tile_bytes * 8 / buffer.word_bits;
  if (buffer.words < 2 * tile_words)
    origin.reject(fmt::format("/accelerator/buffers/{}/words", name), std::to_string(buffer.words),
                  fmt::format("at least {}, as one half must hold a {} tile of {} words",
                              2 * tile_words, tile, tile_words));
}

bool takes_exact_faults(const CampaignConfig& campaign) {
  return !campaign.faults.empty() || campaign.fault_list;
}

void check_stop(const Config& config, const ConfigOrigin& origin) {
  const CampaignConfig& campaign = config.campaign;
  if (!campaign.stop) return;
  if (takes_exact_faults(campaign) || campaign.sampling == Sampling::exhaustive)
    origin.reject("/campaign/stop", "given", "only with sampling stratified or uniform");
  std::vector<std::string> names;
  for (const CheckerConfig& checker : config.checkers) names.push_back(checker.name);
  const std::string& name = campaign.stop->checker;
  if (names.empty()) origin.reject("/campaign/stop", "given", "only with a checker");
  if (std::find(names.begin(), names.end(), name) == names.end())
    origin.reject("/campaign/stop/checker", one_line(Json(name)), suggest(name, names));
  const std::vector<std::uint64_t>& looks = campaign.stop->looks;
  if (looks.empty()) origin.reject("/campaign/stop/looks", "[]", "at least one count");
  for (std::size_t i = 0; i < looks.size(); ++i)
    if (looks[i] >= campaign.injections || (i > 0 && looks[i] <= looks[i - 1]))
      origin.reject(fmt::format("/campaign/stop/looks/{}", i), std::to_string(looks[i]),
                    fmt::format("more than {} and less than the {} of `injections`",
                                i > 0 ? looks[i - 1] : 0, campaign.injections));
}

void check_safety(const Config& config, const ConfigOrigin& origin) {
  const CampaignConfig& campaign = config.campaign;
  if (!campaign.safety) return;
  if (takes_exact_faults(campaign))
    origin.reject("/campaign/safety", "given",
                  "not with a list of faults, which says nothing of their rate");
  const std::optional<std::string>& budget = campaign.safety->detection_budget;
  if (!budget) return;
  const auto refuse = [&](const std::string& allowed) {
    origin.reject("/campaign/safety/detection_budget", one_line(Json(*budget)), allowed);
  };
  const auto cycles = budget_cycles(*budget, config.accelerator.clock_mhz);
  if (!cycles)
    refuse("a number with its unit, as \"10 us\" or \"5000 cycles\"; units: cycles, ns, us, ms, s");
  if (*cycles == 0)
    refuse(fmt::format("at least one cycle, {} ns", 1e3 / config.accelerator.clock_mhz));
}

constexpr const char* kOnce = "each checker at most once";
bool named_before(const std::vector<std::string>& names, std::size_t at) {
  const auto end = names.begin() + static_cast<std::ptrdiff_t>(at);
  return std::find(names.begin(), end, names[at]) != end;
}

void check_recovery(const Config& config, const ConfigOrigin& origin) {
  if (!config.recovery) return;
  const RecoveryConfig& recovery = *config.recovery;
  std::vector<std::string> names;
  for (const CheckerConfig& checker : config.checkers) names.push_back(checker.name);
  if (recovery.enabled() && names.empty())
    origin.reject("/recovery/policy", std::string(enum_name(recovery.policy)),
                  "none, as there is no checker whose alarm could interrupt");
  const bool correct = recovery.policy == RecoveryPolicy::correct;
  if (correct && !recovery.checkers &&
      std::none_of(config.checkers.begin(), config.checkers.end(), corrects))
    origin.reject("/recovery/policy", "correct",
                  "another policy, as there is no attnchecker that says what to correct");
  if (!recovery.checkers) return;
  if (recovery.checkers->empty())
    origin.reject("/recovery/checkers", "[]", "at least one checker, or no key for all");
  for (std::size_t c = 0; c < recovery.checkers->size(); ++c) {
    const std::string& name = (*recovery.checkers)[c];
    const std::string at = fmt::format("/recovery/checkers/{}", c);
    if (std::find(names.begin(), names.end(), name) == names.end())
      origin.reject(at, one_line(Json(name)), suggest(name, names));
    if (named_before(*recovery.checkers, c)) origin.reject(at, one_line(Json(name)), kOnce);
    const auto named = [&](const CheckerConfig& checker) { return checker.name == name; };
    if (correct && !corrects(*std::find_if(config.checkers.begin(), config.checkers.end(), named)))
      origin.reject(at, one_line(Json(name)), "an attnchecker with policy correct");
  }
}

/// A number that nobody would look at.
void check_calibration(const Config& config, const ConfigOrigin& origin) {
  const CalibrationConfig& calibration = config.calibration;
  if (!calibration.inferences || config.calibration_split() == CalibrationSplit::seeds) return;
  origin.reject("/calibration/inferences", std::to_string(*calibration.inferences),
                calibration.split ? "only with split seeds: heads divides one inference"
                                  : "nothing with tensors given: one inference is divided by its "
                                    "kv heads");
}

const CheckerKind& kind_of(const Json& checker, const Cursor& place) {
  std::vector<std::string> names;
  for (const CheckerKind& kind : checker_kinds()) names.push_back(kind.name);
  const auto found = checker.find("kind");
  if (found == checker.end())
    place.origin.reject(place.child("kind").pointer, "missing",
                        fmt::format("allowed: {}", fmt::join(names, ", ")));
  const std::string name = found->is_string() ? found->get<std::string>() : "";
  for (const CheckerKind& kind : checker_kinds())
    if (kind.name == name) return kind;
  place.child("kind").reject(*found, suggest(name, names));
}

/// Members exist, and no combination contains itself. `path`: the combinations on the way to
/// checkers[at]; `checked`: those that need no second look.
void check_members(const std::vector<CheckerConfig>& checkers, std::size_t at, const Cursor& place,
                   std::vector<std::string>& path, std::vector<bool>& checked) {
  const auto* combination = checkers[at].options.get_if<AnyOfConfig>();
  if (combination == nullptr || checked[at]) return;
  path.push_back(checkers[at].name);
  const Cursor list = place.child(checkers[at].name).child("members");
  if (combination->members.empty()) list.reject(Json::array(), "at least one checker");
  for (std::size_t m = 0; m < combination->members.size(); ++m) {
    const std::string& member = combination->members[m];
    const Cursor here = list.child(std::to_string(m));
    if (std::find(path.begin(), path.end(), member) != path.end())
      here.reject(member, fmt::format("a checker that does not lead back to it ({} > {})",
                                      fmt::join(path, " > "), member));
    std::vector<std::string> names;
    for (const CheckerConfig& checker : checkers) names.push_back(checker.name);
    const auto found = std::find(names.begin(), names.end(), member);
    if (found == names.end()) {
      names.erase(names.begin() + static_cast<std::ptrdiff_t>(at));
      here.reject(member, suggest(member, names));
    }
    if (named_before(combination->members, m)) here.reject(member, kOnce);
    check_members(checkers, static_cast<std::size_t>(found - names.begin()), place, path, checked);
  }
  path.pop_back();
  checked[at] = true;
}

/// Before any other key, which may be one that only the other version knows.
void check_schema_version(const Json& document, const ConfigOrigin& origin) {
  if (!document.is_object()) return;
  const auto found = document.find(kSchemaVersionSpec.key);
  if (found == document.end() || !found->is_number_unsigned() || *found == kSchemaVersion) return;
  origin.reject("/schema_version", one_line(*found),
                fmt::format("{}, the one version that attnguard {} reads: docs/configuration.md",
                            kSchemaVersion, tool_version()));
}

}  // namespace

void read_checkers(const Json& json, const Cursor& at, std::vector<CheckerConfig>& checkers) {
  if (!json.is_object()) at.reject(json, "an object: name -> checker");
  if (json.size() > kMostCheckers)
    at.origin.reject(at.pointer, fmt::format("{} checkers", json.size()),
                     fmt::format("at most {}", kMostCheckers));
  checkers.clear();
  for (const auto& item : json.items()) {
    const Cursor place = at.child(item.key());
    if (!is_checker_name(item.key()))
      at.origin.reject(place.pointer, one_line(Json(item.key())),
                       "a name of a-z, 0-9 and _ that starts with a letter");
    ObjectReader reader(item.value(), place);
    const CheckerKind& kind = kind_of(item.value(), place);
    std::string name;
    reader(kCheckerKindSpec, name);
    checkers.push_back({item.key(), kind.read(reader)});
    reader.finish();
    if (const auto conflict = checkers.back().options.conflict())
      at.origin.reject(place.pointer + "/" + conflict->key, conflict->value, conflict->allowed);
  }
  std::vector<bool> checked(checkers.size());
  for (std::size_t c = 0; c < checkers.size(); ++c) {
    std::vector<std::string> path;
    check_members(checkers, c, at, path, checked);
  }
  std::stable_partition(checkers.begin(), checkers.end(),
                        [](const CheckerConfig& checker) { return !is_combination(checker); });
}

Json write_checkers(const std::vector<CheckerConfig>& checkers) {
  Json object = Json::object();
  for (const CheckerConfig& checker : checkers) {
    ObjectWriter writer;
    writer(kCheckerKindSpec, std::string(checker.options.kind()));
    for (const CheckerKind& kind : checker_kinds())
      if (kind.name == checker.options.kind()) kind.write(checker.options, writer);
    object[checker.name] = std::move(writer.object);
  }
  return object;
}

void read_axes(const Json& json, const Cursor& at, std::vector<SweepAxis>& axes) {
  if (!json.is_object()) at.reject(json, "an object: dotted key -> list of values");
  axes.clear();
  for (const auto& item : json.items()) {
    if (!item.value().is_array() || item.value().empty())
      at.child(item.key()).reject(item.value(), "a list of at least one value");
    axes.push_back({item.key(), {item.value().begin(), item.value().end()}});
  }
}

Json write_axes(const std::vector<SweepAxis>& axes) {
  Json object = Json::object();
  for (const SweepAxis& axis : axes) object[axis.key] = axis.values;
  return object;
}

void read_key_values(const Json& json, const Cursor& at, KeyValues& values) {
  if (!json.is_object() || json.empty())
    at.reject(json, "an object: at least one dotted key -> value");
  values.clear();
  for (const auto& item : json.items()) values.emplace_back(item.key(), item.value());
}

Json write_key_values(const KeyValues& values) {
  Json object = Json::object();
  for (const auto& [key, value] : values) object[key] = value;
  return object;
}

Config read_config(const Json& document, const ConfigOrigin& origin) {
  Config config;
  check_schema_version(document, origin);
  ObjectReader reader(document, Cursor{origin, ""});
  std::uint32_t version = kSchemaVersion;
  reader(kSchemaVersionSpec, version);
  Config::visit(config, reader);
  reader.finish();
  const BuffersConfig& buffers = config.accelerator.buffers;
  const FormatsConfig& formats = config.accelerator.formats;
  check_word(buffers.q, "q", formats.operand, origin);
  check_word(buffers.k, "k", formats.operand, origin);
  check_word(buffers.v, "v", formats.operand, origin);
  check_word(buffers.o, "o", formats.output, origin);
  const ArrayConfig& array = config.accelerator.array;
  check_protection(buffers.q, "q", array.rows, formats.operand, origin);
  check_protection(buffers.k, "k", array.cols, formats.operand, origin);
  check_protection(buffers.v, "v", array.cols, formats.operand, origin);
  check_protection(buffers.o, "o", array.cols, formats.output, origin);
  check_memory_protection(config, origin);
  check_workload(config, origin);
  check_stop(config, origin);
  check_safety(config, origin);
  check_recovery(config, origin);
  check_calibration(config, origin);
  return config;
}

Json write_config(const Config& config) {
  ObjectWriter writer;
  writer(kSchemaVersionSpec, kSchemaVersion);
  Config::visit(config, writer);
  return writer.object;
}

void check_buffers(const AcceleratorConfig& accelerator, const AttentionShape& shape,
                   const ConfigOrigin& origin) {
  const JobLayout layout(accelerator, shape);
  const BuffersConfig& buffers = accelerator.buffers;
  check_buffer(buffers.q, "q", layout.q_tile_bytes, "query", origin);
  check_buffer(buffers.k, "k", layout.k_tile_bytes, "key", origin);
  check_buffer(buffers.v, "v", layout.v_tile_bytes, "value", origin);
  check_buffer(buffers.o, "o", layout.o_tile_bytes, "output", origin);
}

}  // namespace attnguard
