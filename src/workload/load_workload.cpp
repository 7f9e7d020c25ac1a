#include "src/workload/load_workload.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "src/config/sha256.h"
#include "src/config/user_error.h"
#include "src/workload/npy.h"
#include "src/workload/synthetic.h"

namespace attnguard {
namespace {

// Largest extents of [heads, tokens, head_dim] and of [rows, columns], as for synthetic tensors.
constexpr std::uint64_t kMaxAttention[3] = {1024, 65536, 1024};
constexpr std::uint64_t kMaxMatrix[2] = {65536, 65536};

std::string text(const std::vector<std::uint64_t>& shape) {
  return fmt::format("({})", fmt::join(shape, ", "));
}

/// What the kinds of workload have in common: files read, values rounded, complaints.
class Loader {
 public:
  Loader(const WorkloadConfig& workload, Format operand, std::filesystem::path folder,
         const ConfigOrigin& origin)
      : workload_(workload), operand_(operand), folder_(std::move(folder)), origin_(origin) {}

  LoadedWorkload result;

 protected:
  [[noreturn]] void reject(const char* key, std::string_view value,
                           std::string_view allowed) const {
    origin_.reject(child_pointer("/workload", key), value, allowed);
  }
  [[noreturn]] void reject_shape(const char* key, const std::string& file, const NpyTensor& tensor,
                                 std::string_view allowed) const {
    reject(key, fmt::format("{}: shape {}", file, text(tensor.shape)), allowed);
  }
  /// A tensor of `rank` extents, called `axes`, of at most `largest`.
  NpyTensor load(const char* key, const std::string& file, TensorFormat format, std::size_t rank,
                 const std::uint64_t* largest, std::string_view axes);
  /// To the operand format; `file`: where the values come from, if not drawn; `shape`: of the
  /// tensor, to name a value. Drawn values beyond the range of int8 become its ends.
  void round(const char* key, const std::optional<std::string>& file, std::vector<float>& values,
             const std::vector<std::uint64_t>& shape) const;
  void take_expected(NpyTensor expected, const std::vector<std::uint64_t>& output_shape);
  TensorFormat format() const { return workload_.tensor_format.value_or(TensorFormat::floating); }

  const WorkloadConfig& workload_;

 private:
  Format operand_;
  std::filesystem::path folder_;
  const ConfigOrigin& origin_;
};

NpyTensor Loader::load(const char* key, const std::string& file, TensorFormat tensor_format,
                       std::size_t rank, const std::uint64_t* largest, std::string_view axes) {
  NpyTensor tensor;
  try {
    const std::string bytes = read_bytes(folder_ / file);
    tensor = parse_npy(bytes, tensor_format);
    result.file_hashes.emplace_back(key, sha256_hex(bytes));
  } catch (const UserError& error) {
    throw UserError(fmt::format("{}: {}: {}", origin_.where(child_pointer("/workload", key)), file,
                                error.what()));
  }
  if (tensor.shape.size() != rank) reject_shape(key, file, tensor, axes);
  std::vector<std::string> ranges;
  for (std::size_t i = 0; i < rank; ++i) ranges.push_back(fmt::format("1 to {}", largest[i]));
  for (std::size_t i = 0; i < rank; ++i)
    if (tensor.shape[i] < 1 || tensor.shape[i] > largest[i])
      reject_shape(key, file, tensor, fmt::format("[{}]", fmt::join(ranges, ", ")));
  return tensor;
}

std::string index_text(std::size_t flat, const std::vector<std::uint64_t>& shape) {
  std::vector<std::size_t> index(shape.size());
  for (std::size_t i = shape.size(); i-- > 0; flat /= shape[i]) index[i] = flat % shape[i];
  return fmt::format("[{}]", fmt::join(index, ", "));
}

void Loader::round(const char* key, const std::optional<std::string>& file,
                   std::vector<float>& values, const std::vector<std::uint64_t>& shape) const {
  const bool given = file.has_value();
  const std::string source = file.value_or("drawn");
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float rounded = round_to(operand_, values[i]);
    if (operand_ == Format::int8 && given && rounded != values[i])
      reject(key, fmt::format("{}: value {} at {}", source, values[i], index_text(i, shape)),
             "integers from -128 to 127, as the operand format is int8");
    if (!std::isfinite(rounded) && !workload_.allow_nonfinite)
      reject(key,
             fmt::format("{}: value {} at {}{}", source, values[i], index_text(i, shape),
                         std::isfinite(values[i]) ? " overflows the operand format" : ""),
             "finite values, or workload.allow_nonfinite");
    values[i] = rounded;
  }
}

void Loader::take_expected(NpyTensor expected, const std::vector<std::uint64_t>& output_shape) {
  const char* key = "expected_output";
  const std::string& file = *workload_.expected_output;
  if (expected.shape != output_shape)
    reject_shape(key, file, expected, "the output's shape, " + text(output_shape));
  for (std::size_t i = 0; i < expected.values.size(); ++i)
    if (!std::isfinite(expected.values[i]) && !workload_.allow_nonfinite)
      reject(
          key,
          fmt::format("{}: value {} at {}", file, expected.values[i], index_text(i, output_shape)),
          "finite values, or workload.allow_nonfinite");
  result.expected = std::move(expected.values);
}

class AttentionLoader final : public Loader {
 public:
  using Loader::Loader;
  void load_files();
  void draw(std::uint64_t seed);
  void finish();

 private:
  NpyTensor load_tensor(const char* key, const std::string& file, TensorFormat tensor_format) {
    return load(key, file, tensor_format, 3, kMaxAttention, "[heads, tokens, head_dim]");
  }
  AttentionJob job_;
};

void AttentionLoader::load_files() {
  NpyTensor q = load_tensor("q", *workload_.q, format());
  NpyTensor k = load_tensor("k", *workload_.k, format());
  NpyTensor v = load_tensor("v", *workload_.v, format());
  if (k.shape != v.shape) reject_shape("v", *workload_.v, v, "the shape of k, " + text(k.shape));
  if (q.shape[2] != k.shape[2])
    reject_shape("k", *workload_.k, k, fmt::format("the head_dim of q, {}", q.shape[2]));
  AttentionShape& shape = job_.shape;
  shape.heads = static_cast<std::uint32_t>(q.shape[0]);
  shape.tokens_q = static_cast<std::uint32_t>(q.shape[1]);
  shape.head_dim = static_cast<std::uint32_t>(q.shape[2]);
  shape.kv_heads = static_cast<std::uint32_t>(k.shape[0]);
  shape.tokens_k = static_cast<std::uint32_t>(k.shape[1]);
  if (shape.heads % shape.kv_heads != 0)
    reject("k", fmt::format("{}: {} heads", *workload_.k, shape.kv_heads),
           fmt::format("a divisor of the {} heads of q", shape.heads));
  if (shape.tokens_q > shape.tokens_k)
    reject("q", fmt::format("{}: {} tokens", *workload_.q, shape.tokens_q),
           fmt::format("at most the {} tokens of k", shape.tokens_k));
  job_.q = std::move(q.values);
  job_.k = std::move(k.values);
  job_.v = std::move(v.values);
}

void AttentionLoader::draw(std::uint64_t seed) {
  AttentionShape& shape = job_.shape;
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
  draw_tensors(seed, distribution, job_);
}

void AttentionLoader::finish() {
  AttentionShape& shape = job_.shape;
  shape.mask = workload_.mask;
  shape.scale =
      static_cast<float>(workload_.scale.value_or(1.0 / std::sqrt(double{1} * shape.head_dim)));
  const std::vector<std::uint64_t> queries{shape.heads, shape.tokens_q, shape.head_dim},
      keys{shape.kv_heads, shape.tokens_k, shape.head_dim};
  round("q", workload_.q, job_.q, queries);
  round("k", workload_.k, job_.k, keys);
  round("v", workload_.v, job_.v, keys);
  if (workload_.expected_output)
    take_expected(
        load_tensor("expected_output", *workload_.expected_output, TensorFormat::floating),
        queries);
  result.job = std::move(job_);
}

class GemmLoader final : public Loader {
 public:
  using Loader::Loader;
  void load_files();
  void draw(std::uint64_t seed);
  void finish();

 private:
  NpyTensor load_matrix(const char* key, const std::string& file, TensorFormat tensor_format) {
    return load(key, file, tensor_format, 2, kMaxMatrix, "[rows, columns]");
  }
  void check_size() const;

  const GemmWorkloadConfig& gemm_ = workload_.gemm;
  GemmJob job_;
};

/// Each operand stands in one buffer, the product in one memory.
void GemmLoader::check_size() const {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 26;
  const GemmShape& shape = job_.shape;
  const std::uint64_t a = std::uint64_t{shape.m} * shape.k, b = std::uint64_t{shape.k} * shape.n,
                      c = std::uint64_t{shape.m} * shape.n;
  if (std::max(a, b) > kMost)
    reject(gemm_.a ? (a > kMost ? "a" : "b") : "k", fmt::format("{} values", std::max(a, b)),
           fmt::format("at most {} in an operand", kMost));
  if (c > kMost)
    reject(gemm_.b ? "b" : "n", fmt::format("{} values in the product", c),
           fmt::format("at most {}", kMost));
}

void GemmLoader::load_files() {
  NpyTensor a = load_matrix("a", *gemm_.a, format());
  NpyTensor b = load_matrix("b", *gemm_.b, format());
  if (a.shape[1] != b.shape[0])
    reject_shape("b", *gemm_.b, b,
                 fmt::format("a row for each of the {} columns of a", a.shape[1]));
  job_.shape.m = static_cast<std::uint32_t>(a.shape[0]);
  job_.shape.k = static_cast<std::uint32_t>(a.shape[1]);
  job_.shape.n = static_cast<std::uint32_t>(b.shape[1]);
  check_size();
  job_.a = std::move(a.values);
  job_.b = std::move(b.values);
}

void GemmLoader::draw(std::uint64_t seed) {
  job_.shape = {*gemm_.m, *gemm_.n, *gemm_.k};
  check_size();
  const GemmDistributionConfig distribution = gemm_.distribution.value_or(GemmDistributionConfig{});
  if (distribution.outlier_channels > job_.shape.k)
    reject("distribution", fmt::format("{} outlier_channels", distribution.outlier_channels),
           fmt::format("at most k, {}", job_.shape.k));
  draw_operands(seed, distribution, job_);
}

void GemmLoader::finish() {
  const GemmShape& shape = job_.shape;
  round("a", gemm_.a, job_.a, {shape.m, shape.k});
  round("b", gemm_.b, job_.b, {shape.k, shape.n});
  if (workload_.expected_output)
    take_expected(
        load_matrix("expected_output", *workload_.expected_output, TensorFormat::floating),
        {shape.m, shape.n});
  result.job = std::move(job_);
}

template <class WorkloadLoader>
LoadedWorkload load_with(WorkloadLoader loader, bool files, std::uint64_t seed) {
  if (files)
    loader.load_files();
  else
    loader.draw(seed);
  loader.finish();
  return std::move(loader.result);
}

}  // namespace

LoadedWorkload load_workload(const WorkloadConfig& workload, std::uint64_t seed, Format operand,
                             const std::filesystem::path& folder, const ConfigOrigin& origin) {
  if (workload.kind == WorkloadKind::gemm)
    return load_with(GemmLoader(workload, operand, folder, origin), workload.from_files(), seed);
  return load_with(AttentionLoader(workload, operand, folder, origin), workload.from_files(), seed);
}

}  // namespace attnguard
