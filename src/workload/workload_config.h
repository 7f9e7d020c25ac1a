// What to compute: an attention layer or a plain matrix product, on tensors from files or on
// synthetic ones.
//
// Either the tensors (q, k and v; a and b) name files, and the shape is theirs, or heads, tokens_q,
// tokens_k and head_dim (m, n and k) give the shape of tensors drawn from `distribution`. Never
// both.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "models/accelerator/attention_job.h"
#include "models/fabric/field.h"

namespace attnguard {

enum class WorkloadKind : std::uint8_t { attention, gemm };
enum class TensorFormat : std::uint8_t { floating, bfloat16_bits };

template <>
struct EnumNames<WorkloadKind> {
  static constexpr std::array<std::pair<WorkloadKind, std::string_view>, 2> names{
      {{WorkloadKind::attention, "attention"}, {WorkloadKind::gemm, "gemm"}}};
};
template <>
struct EnumNames<TensorFormat> {
  static constexpr std::array<std::pair<TensorFormat, std::string_view>, 2> names{
      {{TensorFormat::floating, "float"}, {TensorFormat::bfloat16_bits, "bfloat16_bits"}}};
};

/// Synthetic values: normal, deviation `scale_*`, then outlier channels of K and V multiplied, then
/// the mean added.
struct DistributionConfig {
  double scale_q = 1.0;
  double scale_k = 1.0;
  double scale_v = 1.0;
  double mean_v = 0.0;
  std::uint32_t outlier_channels = 0;
  double outlier_factor = 10.0;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"scale_q", "standard deviation of Q", 0, 1e6}, self.scale_q);
    v(FieldSpec{"scale_k", "standard deviation of K", 0, 1e6}, self.scale_k);
    v(FieldSpec{"scale_v", "standard deviation of V", 0, 1e6}, self.scale_v);
    v(FieldSpec{"mean_v", "mean of V", -1e6, 1e6}, self.mean_v);
    v(FieldSpec{"outlier_channels", "channels of K and V, evenly spread, that hold outliers", 0,
                1024},
      self.outlier_channels);
    v(FieldSpec{"outlier_factor", "factor on the deviation of an outlier channel", 0, 1e6},
      self.outlier_factor);
  }
};

/// Synthetic operands of a gemm: normal, then outlier channels (of the k products) of B multiplied.
struct GemmDistributionConfig {
  double scale_a = 1.0;
  double scale_b = 1.0;
  std::uint32_t outlier_channels = 0;
  double outlier_factor = 10.0;

  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(FieldSpec{"scale_a", "standard deviation of A", 0, 1e6}, self.scale_a);
    v(FieldSpec{"scale_b", "standard deviation of B", 0, 1e6}, self.scale_b);
    v(FieldSpec{"outlier_channels", "rows of B, evenly spread, that hold outliers", 0, 65536},
      self.outlier_channels);
    v(FieldSpec{"outlier_factor", "factor on the deviation of an outlier row", 0, 1e6},
      self.outlier_factor);
  }
};

/// The plain product C [m][n] = A [m][k] × B [k][n].
struct GemmWorkloadConfig {
  std::optional<std::string> a, b;
  std::optional<std::uint32_t> m, n, k;
  std::optional<GemmDistributionConfig> distribution;

  /// `tensor_format` and so on: of the workload, whatever its kind.
  template <class Self, class Workload, class V>
  static void visit(Self& self, Workload& workload, V& v) {
    v(FieldSpec{"allow_nonfinite", "accept NaN and infinities in the operands"},
      workload.allow_nonfinite);
    v(FieldSpec{"a", "left operand, .npy [m, k]; relative to this file"}, self.a);
    v(FieldSpec{"b", "right operand, .npy [k, n]; relative to this file"}, self.b);
    v(FieldSpec{"tensor_format",
                "float: float32 or float16 values; bfloat16_bits: uint16 holding bfloat16"},
      workload.tensor_format);
    v(FieldSpec{"expected_output", "reference output, .npy [m, n], to compare with"},
      workload.expected_output);
    v(FieldSpec{"m", "rows of A and C, of synthetic operands", 1, 65536}, self.m);
    v(FieldSpec{"n", "columns of B and C", 1, 65536}, self.n);
    v(FieldSpec{"k", "products of a sum: columns of A, rows of B", 1, 65536}, self.k);
    v(FieldSpec{"distribution", "how synthetic operands are drawn"}, self.distribution);
  }
};

struct WorkloadConfig {
  WorkloadKind kind = WorkloadKind::attention;
  Mask mask = Mask::none;
  std::optional<double> scale;
  bool allow_nonfinite = false;

  std::optional<std::string> q, k, v;
  std::optional<TensorFormat> tensor_format;
  std::optional<std::string> expected_output;

  std::optional<std::uint32_t> heads, kv_heads, tokens_q, tokens_k, head_dim;
  std::optional<DistributionConfig> distribution;

  GemmWorkloadConfig gemm;

  /// Tensors are given, not drawn.
  bool from_files() const {
    return kind == WorkloadKind::gemm ? gemm.a.has_value() : q.has_value();
  }

  /// The kind decides which keys there are.
  template <class Self, class V>
  static void visit(Self& self, V& v) {
    v(kKind, self.kind);
    if (self.kind == WorkloadKind::gemm)
      GemmWorkloadConfig::visit(self.gemm, self, v);
    else
      visit_attention(self, v);
  }
  static constexpr FieldSpec kKind{"kind", "what is computed", 0, 0, true};

  template <class Self, class V>
  static void visit_attention(Self& self, V& v) {
    v(FieldSpec{"mask", "causal: key j is visible to query i when j <= i + tokens_k - tokens_q"},
      self.mask);
    v(FieldSpec{"scale", "softmax scale; without it 1/sqrt(head_dim)", 1e-9, 1e9}, self.scale);
    v(FieldSpec{"allow_nonfinite", "accept NaN and infinities in the tensors"},
      self.allow_nonfinite);
    v(FieldSpec{"q", "query tensor, .npy [heads, tokens_q, head_dim]; relative to this file"},
      self.q);
    v(FieldSpec{"k", "key tensor, .npy [kv_heads, tokens_k, head_dim]; relative to this file"},
      self.k);
    v(FieldSpec{"v", "value tensor, .npy [kv_heads, tokens_k, head_dim]; relative to this file"},
      self.v);
    v(FieldSpec{"tensor_format",
                "float: float32 or float16 values; bfloat16_bits: uint16 holding bfloat16"},
      self.tensor_format);
    v(FieldSpec{"expected_output",
                "reference output, .npy [heads, tokens_q, head_dim], to compare with"},
      self.expected_output);
    v(FieldSpec{"heads", "query heads of synthetic tensors", 1, 1024}, self.heads);
    v(FieldSpec{"kv_heads", "key and value heads, a divisor of heads; without it heads", 1, 1024},
      self.kv_heads);
    v(FieldSpec{"tokens_q", "query tokens, at most tokens_k", 1, 65536}, self.tokens_q);
    v(FieldSpec{"tokens_k", "key tokens", 1, 65536}, self.tokens_k);
    v(FieldSpec{"head_dim", "width of a head", 1, 1024}, self.head_dim);
    v(FieldSpec{"distribution", "how synthetic tensors are drawn"}, self.distribution);
  }
};

}  // namespace attnguard
