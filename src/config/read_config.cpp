#include "src/config/read_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "models/accelerator/job_layout.h"
#include "models/checksum_unit/any_of.h"
#include "models/checksum_unit/memory_protection.h"
#include "src/campaign/detection_budget.h"
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
  const auto& [code, data_bits, interleaving] = *buffer.protection;
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

void check_gemm_workload(const WorkloadConfig& workload, const ConfigOrigin& origin) {
  const GemmWorkloadConfig& gemm = workload.gemm;
  const auto reject = [&](std::string_view key, std::string_view value, std::string_view allowed) {
    origin.reject(child_pointer("/workload", key), value, allowed);
  };
  const std::pair<const char*, bool> shape[] = {
      {"m", gemm.m.has_value()}, {"n", gemm.n.has_value()}, {"k", gemm.k.has_value()}};
  if (gemm.a || gemm.b) {
    if (!gemm.a) reject("a", "missing", "a .npy file, as b is given");
    if (!gemm.b) reject("b", "missing", "a .npy file, as a is given");
    for (const auto& [key, given] : shape)
      if (given) reject(key, "given", "not with a and b, whose files say the shape and the values");
    if (gemm.distribution)
      reject("distribution", "given", "not with a and b, whose files say the shape and the values");
    return;
  }
  for (const auto& [key, given] : shape)
    if (!given) reject(key, "missing", "an integer, or files for a and b");
  if (workload.tensor_format) reject("tensor_format", "given", "only with a and b");
}

/// Attention needs the scores to stay in the array, and real numbers for its softmax.
void check_attention(const AcceleratorConfig& accelerator, const ConfigOrigin& origin) {
  const auto only = [&](const char* at, std::string_view value, const char* allowed) {
    origin.reject(at, fmt::format("\"{}\"", value), fmt::format("{} with attention", allowed));
  };
  if (accelerator.array.dataflow != Dataflow::output_stationary)
    only("/accelerator/array/dataflow", enum_name(accelerator.array.dataflow), "output_stationary");
  if (accelerator.formats.operand == Format::int8)
    only("/accelerator/formats/operand", "int8", "bfloat16, float16 or float32");
  if (accelerator.formats.output == Format::int32)
    only("/accelerator/formats/output", "int32", "bfloat16 or float32");
  if (accelerator.array.fold_policy != FoldPolicy::overlapped)
    only("/accelerator/array/fold_policy", enum_name(accelerator.array.fold_policy), "overlapped");
}

/// Hardware that a gemm does not have keeps its defaults.
void check_absent(const AcceleratorConfig& accelerator, const ConfigOrigin& origin) {
  const Json given = write_struct(accelerator), defaults = write_struct(AcceleratorConfig{});
  const auto unchanged = [&](const std::string& section) {
    const Json::json_pointer at("/" + section);
    const Json changes = Json::diff(defaults.at(at), given.at(at));
    if (changes.empty()) return;
    const Json& change = changes.front();
    origin.reject(fmt::format("/accelerator/{}{}", section, change.at("path").get<std::string>()),
                  one_line(change.at("value")),
                  "only the default with a gemm workload, whose accelerator has an array and its "
                  "operands alone");
  };
  for (const char* section :
       {"softmax", "accumulator", "buffers", "external_memory", "formats/probability"})
    unchanged(section);
}

/// What a gemm has no use for is refused, not left out.
void check_gemm(const Config& config, const ConfigOrigin& origin) {
  std::vector<std::string> kinds;
  for (const CheckerKind& kind : checker_kinds())
    if (kind.for_gemm) kinds.push_back(kind.name);
  for (const CheckerConfig& checker : config.checkers)
    if (std::find(kinds.begin(), kinds.end(), checker.options.kind()) == kinds.end())
      origin.reject(fmt::format("/checkers/{}/kind", checker.name),
                    fmt::format("\"{}\"", checker.options.kind()),
                    fmt::format("with a gemm workload: {}", fmt::join(kinds, ", ")));
  const ArrayConfig& array = config.accelerator.array;
  const FormatsConfig& formats = config.accelerator.formats;
  const bool exact = formats.operand == Format::int8,
             stationary = array.dataflow != Dataflow::output_stationary;
  if (stationary && array.fold_policy == FoldPolicy::serial_occupied)
    origin.reject(
        "/accelerator/array/fold_policy", std::string(enum_name(array.fold_policy)),
        fmt::format("serial_full or overlapped with {}, as STONNE counts output_stationary "
                    "folds alone",
                    enum_name(array.dataflow)));
  if (exact != (formats.output == Format::int32))
    origin.reject("/accelerator/formats/output", exact ? "no integer" : "int32",
                  exact ? "int32, as int8 operands have int32 sums"
                        : "bfloat16 or float32; int32 of int8 operands");
  // Of matmul_abft the score check remains.
  for (const CheckerConfig& checker : config.checkers)
    if (const auto* abft = checker.options.get_if<MatmulAbftConfig>()) {
      const auto only = [&](const char* key, std::string_view value, std::string_view allowed) {
        origin.reject(fmt::format("/checkers/{}/{}", checker.name, key), value,
                      fmt::format("{} with a gemm workload, whose operands are in their buffers "
                                  "from the start",
                                  allowed));
      };
      if (abft->key_sum != SumPoint::at_read) only("key_sum", enum_name(abft->key_sum), "at_read");
      if (abft->query_source != QuerySource::shared)
        only("query_source", enum_name(abft->query_source), "shared");
      const ProductThresholdConfig& threshold = abft->score_threshold;
      const std::string at = fmt::format("/checkers/{}/score_threshold", checker.name);
      if (exact && (threshold.rule != ThresholdRule::relative || threshold.value != 0))
        origin.reject(at, "given", "none with int8 operands, whose checksums are exact");
      if (stationary && uses_variances(threshold.rule))
        origin.reject(
            at + "/rule", std::string(enum_name(threshold.rule)),
            fmt::format("absolute, relative or bound with {}", enum_name(array.dataflow)));
    }
  if (config.recovery && config.recovery->enabled())
    origin.reject("/recovery/policy", std::string(enum_name(config.recovery->policy)),
                  "none with a gemm workload");
  check_absent(config.accelerator, origin);
}

void check_workload(const WorkloadConfig& workload, const ConfigOrigin& origin) {
  if (workload.kind == WorkloadKind::gemm) return check_gemm_workload(workload, origin);
  const auto reject = [&](std::string_view key, std::string_view value, std::string_view allowed) {
    origin.reject(child_pointer("/workload", key), value, allowed);
  };
  if (workload.q || workload.k || workload.v) {
    if (!workload.q) reject("q", "missing", "a .npy file, as k or v is given");
    if (!workload.k) reject("k", "missing", "a .npy file, as q is given");
    if (!workload.v) reject("v", "missing", "a .npy file, as q is given");
    const auto absent = [&](std::string_view key, bool given) {
      if (given)
        reject(key, "given", "not with q, k and v, whose files say the shape and the values");
    };
    absent("heads", workload.heads.has_value());
    absent("kv_heads", workload.kv_heads.has_value());
    absent("tokens_q", workload.tokens_q.has_value());
    absent("tokens_k", workload.tokens_k.has_value());
    absent("head_dim", workload.head_dim.has_value());
    absent("distribution", workload.distribution.has_value());
    return;
  }
  const auto present = [&](std::string_view key, bool given) {
    if (!given) reject(key, "missing", "an integer, or files for q, k and v");
  };
  present("heads", workload.heads.has_value());
  present("tokens_q", workload.tokens_q.has_value());
  present("tokens_k", workload.tokens_k.has_value());
  present("head_dim", workload.head_dim.has_value());
  if (workload.tensor_format) reject("tensor_format", "given", "only with q, k and v");
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
/// checkers[at].
void check_members(const std::vector<CheckerConfig>& checkers, std::size_t at, const Cursor& place,
                   std::vector<std::string>& path) {
  const auto* combination = checkers[at].options.get_if<AnyOfConfig>();
  if (combination == nullptr) return;
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
    check_members(checkers, static_cast<std::size_t>(found - names.begin()), place, path);
  }
  path.pop_back();
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
  for (std::size_t c = 0; c < checkers.size(); ++c) {
    std::vector<std::string> path;
    check_members(checkers, c, at, path);
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
  check_workload(config.workload, origin);
  if (config.workload.kind == WorkloadKind::gemm)
    check_gemm(config, origin);
  else
    check_attention(config.accelerator, origin);
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
