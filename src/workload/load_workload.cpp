#include "src/workload/load_workload.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <cstddef>

#include "src/config/sha256.h"
#include "src/config/user_error.h"
#include "src/workload/npy.h"
#include "src/workload/synthetic.h"

namespace attnguard {
namespace {

// Largest extents of [heads, tokens, head_dim], as for synthetic tensors.
constexpr std::uint64_t kMaxShape[3] = {1024, 65536, 1024};

class Loader {
 public:
  Loader(const WorkloadConfig& workload, Format operand, std::filesystem::path folder,
         const ConfigOrigin& origin)
      : workload_(workload), operand_(operand), folder_(std::move(folder)), origin_(origin) {}

  void load_files();
  void draw(std::uint64_t seed);
  void finish();
  LoadedWorkload result;

 private:
  [[noreturn]] void reject(const char* key, std::string_view value,
                           std::string_view allowed) const {
    origin_.reject(child_pointer("/workload", key), value, allowed);
  }
  NpyTensor load(const char* key, const std::string& file, TensorFormat format);
  void round(const char* key, const std::string& source, std::vector<float>& values) const;
  std::string index_text(std::size_t flat, std::uint64_t tokens) const;

  const WorkloadConfig& workload_;
  Format operand_;
  std::filesystem::path folder_;
  const ConfigOrigin& origin_;
};

NpyTensor Loader::load(const char* key, const std::string& file, TensorFormat format) {
  NpyTensor tensor;
  try {
    const std::string bytes = read_bytes(folder_ / file);
    tensor = parse_npy(bytes, format);
    result.file_hashes.emplace_back(key, sha256_hex(bytes));
  } catch (const UserError& error) {
    throw UserError(fmt::format("{}: {}: {}", origin_.where(child_pointer("/workload", key)), file,
                                error.what()));
  }
  if (tensor.shape.size() != 3)
    reject(key, fmt::format("{}: shape ({})", file, fmt::join(tensor.shape, ", ")),
           "[heads, tokens, head_dim]");
  for (int i = 0; i < 3; ++i)
    if (tensor.shape[i] < 1 || tensor.shape[i] > kMaxShape[i])
      reject(key, fmt::format("{}: shape ({})", file, fmt::join(tensor.shape, ", ")),
             fmt::format("[1 to {}, 1 to {}, 1 to {}]", kMaxShape[0], kMaxShape[1], kMaxShape[2]));
  return tensor;
}

void Loader::load_files() {
  const TensorFormat format = workload_.tensor_format.value_or(TensorFormat::floating);
  NpyTensor q = load("q", *workload_.q, format);
  NpyTensor k = load("k", *workload_.k, format);
  NpyTensor v = load("v", *workload_.v, format);
  const auto shape = [](const NpyTensor& tensor) {
    return fmt::format("({})", fmt::join(tensor.shape, ", "));
  };
  if (k.shape != v.shape)
    reject("v", fmt::format("{}: shape {}", *workload_.v, shape(v)), "the shape of k, " + shape(k));
  if (q.shape[2] != k.shape[2])
    reject("k", fmt::format("{}: shape {}", *workload_.k, shape(k)),
           fmt::format("the head_dim of q, {}", q.shape[2]));
  AttentionShape& job = result.job.shape;
  job.heads = static_cast<std::uint32_t>(q.shape[0]);
  job.tokens_q = static_cast<std::uint32_t>(q.shape[1]);
  job.head_dim = static_cast<std::uint32_t>(q.shape[2]);
  job.kv_heads = static_cast<std::uint32_t>(k.shape[0]);
  job.tokens_k = static_cast<std::uint32_t>(k.shape[1]);
  if (job.heads % job.kv_heads != 0)
    reject("k", fmt::format("{}: {} heads", *workload_.k, job.kv_heads),
           fmt::format("a divisor of the {} heads of q", job.heads));
  if (job.tokens_q > job.tokens_k)
    reject("q", fmt::format("{}: {} tokens", *workload_.q, job.tokens_q),
           fmt::format("at most the {} tokens of k", job.tokens_k));
  result.job.q = std::move(q.values);
  result.job.k = std::move(k.values);
  result.job.v = std::move(v.values);
}

void Loader::draw(std::uint64_t seed) {
  AttentionShape& shape = result.job.shape;
  shape.heads = *workload_.heads;
  shape.kv_heads = workload_.kv_heads.value_or(shape.heads);
  shape.tokens_q = *workload_.tokens_q;
  shape.tokens_k = *workload_.tokens_k;
  shape.head_dim = *workload_.head_dim;
  if (shape.heads % shape.kv_heads != 0)
    reject("kv_heads", std::to_string(shape.kv_heads),
           fmt::format("a divisor of heads, {}", shape.heads));
  if (shape.tokens_q > shape.tokens_k)
    reject("tokens_q", std::to_string(shape.tokens_q),
           fmt::format("at most tokens_k, {}", shape.tokens_k));
  const DistributionConfig distribution = workload_.distribution.value_or(DistributionConfig{});
  if (distribution.outlier_channels > shape.head_dim)
    reject("distribution", fmt::format("{} outlier_channels", distribution.outlier_channels),
           fmt::format("at most head_dim, {}", shape.head_dim));
  draw_tensors(seed, distribution, result.job);
}

std::string Loader::index_text(std::size_t flat, std::uint64_t tokens) const {
  const std::uint64_t head_dim = result.job.shape.head_dim;
  return fmt::format("[{}, {}, {}]", flat / head_dim / tokens, flat / head_dim % tokens,
                     flat % head_dim);
}

void Loader::round(const char* key, const std::string& source, std::vector<float>& values) const {
  const AttentionShape& shape = result.job.shape;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float rounded = round_to(operand_, values[i]);
    if (!std::isfinite(rounded) && !workload_.allow_nonfinite)
      reject(key,
             fmt::format("{}: value {} at {}{}", source, values[i],
                         index_text(i, key[0] == 'q' ? shape.tokens_q : shape.tokens_k),
                         std::isfinite(values[i]) ? " overflows the operand format" : ""),
             "finite values, or workload.allow_nonfinite");
    values[i] = rounded;
  }
}

void Loader::finish() {
  AttentionShape& shape = result.job.shape;
  shape.mask = workload_.mask;
  shape.scale =
      static_cast<float>(workload_.scale.value_or(1.0 / std::sqrt(double{1} * shape.head_dim)));
  round("q", workload_.q.value_or("drawn"), result.job.q);
  round("k", workload_.k.value_or("drawn"), result.job.k);
  round("v", workload_.v.value_or("drawn"), result.job.v);
  if (!workload_.expected_output) return;

  const char* key = "expected_output";
  const std::string& file = *workload_.expected_output;
  NpyTensor expected = load(key, file, TensorFormat::floating);
  const std::vector<std::uint64_t> output_shape{shape.heads, shape.tokens_q, shape.head_dim};
  if (expected.shape != output_shape)
    reject(key, fmt::format("{}: shape ({})", file, fmt::join(expected.shape, ", ")),
           fmt::format("the output's shape, ({})", fmt::join(output_shape, ", ")));
  for (std::size_t i = 0; i < expected.values.size(); ++i)
    if (!std::isfinite(expected.values[i]) && !workload_.allow_nonfinite)
      reject(key,
             fmt::format("{}: value {} at {}", file, expected.values[i],
                         index_text(i, shape.tokens_q)),
             "finite values, or workload.allow_nonfinite");
  result.expected = std::move(expected.values);
}

}  // namespace

LoadedWorkload load_workload(const WorkloadConfig& workload, std::uint64_t seed, Format operand,
                             const std::filesystem::path& folder, const ConfigOrigin& origin) {
  Loader loader(workload, operand, folder, origin);
  if (workload.q)
    loader.load_files();
  else
    loader.draw(seed);
  loader.finish();
  return std::move(loader.result);
}

}  // namespace attnguard
