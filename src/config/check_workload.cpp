#include "src/config/check_workload.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "src/config/checker_kinds.h"
#include "src/config/writer.h"

namespace attnguard {
namespace {

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

void check_attention_workload(const WorkloadConfig& workload, const ConfigOrigin& origin) {
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

}  // namespace

void check_workload(const Config& config, const ConfigOrigin& origin) {
  if (config.workload.kind == WorkloadKind::gemm) {
    check_gemm_workload(config.workload, origin);
    check_gemm(config, origin);
  } else {
    check_attention_workload(config.workload, origin);
    check_attention(config.accelerator, origin);
  }
}

}  // namespace attnguard
