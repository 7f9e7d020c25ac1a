// Matrix products, one copy per SIMD target, chosen at run time. Only Mul and Add, never MulAdd:
// every product is rounded before it is added.
#include "models/numerics/matmul.h"

#include <algorithm>
#include <stdexcept>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/numerics/matmul.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "models/numerics/float-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attnguard {
namespace HWY_NAMESPACE {

/// Where sums start and end: from +0; from the values in place; or from +0 as exact integers that
/// are then added to the int32 in place.
enum class Sums { fresh, carried, integer };

template <Sums kSums, class D>
HWY_INLINE void store_sum(D d, hn::Vec<D> sum, float* out) {
  if constexpr (kSums == Sums::integer) {
    const hn::RebindToSigned<D> di;
    const hn::RebindToUnsigned<D> du;  // wraps
    const auto before = hn::BitCast(du, hn::LoadU(d, out));
    const auto added = hn::BitCast(du, hn::ConvertTo(di, sum));
    hn::StoreU(hn::BitCast(d, hn::Add(before, added)), d, out);
  } else {
    hn::StoreU(canonical_nan(d, sum), d, out);
  }
}

/// kBlock output columns of one lane group at once: each west vector is loaded once for the block,
/// and the block's sums are independent chains. Columns left over take blocks of half the size.
template <Sums kSums, std::size_t kBlock, class D>
HWY_INLINE void matmul_columns(D d, const float* west, const float* north, float* out,
                               std::size_t depth, std::size_t cols, std::size_t west_stride,
                               std::size_t north_stride, std::size_t stride) {
  std::size_t n = 0;
  for (; n + kBlock <= cols; n += kBlock) {
    hn::Vec<D> sum[kBlock];
#pragma GCC unroll 16
    for (std::size_t b = 0; b < kBlock; ++b)
      sum[b] = kSums == Sums::carried ? hn::LoadU(d, out + (n + b) * stride) : hn::Zero(d);
    for (std::size_t k = 0; k < depth; ++k) {
      const auto w = hn::LoadU(d, west + k * west_stride);
      const float* row = north + k * north_stride + n;
#pragma GCC unroll 16
      for (std::size_t b = 0; b < kBlock; ++b)
        sum[b] = hn::Add(sum[b], hn::Mul(w, hn::Set(d, row[b])));
    }
#pragma GCC unroll 16
    for (std::size_t b = 0; b < kBlock; ++b) store_sum<kSums>(d, sum[b], out + (n + b) * stride);
  }
  if constexpr (kBlock > 1) {
    matmul_columns<kSums, kBlock / 2>(d, west, north + n, out + n * stride, depth, cols - n,
                                      west_stride, north_stride, stride);
  }
}

template <Sums kSums>
HWY_INLINE void matmul(const TileProduct& product, float* out, std::size_t stride) {
  const TileProduct p = product;
  for_lane_groups(p.lanes, [=](auto d, std::size_t lane) HWY_ATTR {
    constexpr std::size_t kBlock = HWY_TARGET <= HWY_AVX3 ? 16 : 8;  // 32 or 16 registers
    matmul_columns<kSums, kBlock>(d, p.west + lane, p.north, out + lane, p.depth, p.cols,
                                  p.west_stride, p.north_stride, stride);
  });
}

void matmul_fresh(const TileProduct& product, float* out, std::size_t stride) {
  matmul<Sums::fresh>(product, out, stride);
}

void matmul_carried(const TileProduct& product, float* sum, std::size_t stride) {
  matmul<Sums::carried>(product, sum, stride);
}

/// A product of two int8 is at most 2^14, so 2^10 of them add up exactly in float32.
void matmul_integer(const TileProduct& product, float* sum, std::size_t stride) {
  constexpr std::size_t kExact = std::size_t{1} << 10;
  TileProduct part = product;
  for (std::size_t done = 0; done < product.depth; done += kExact) {
    part.depth = std::min(kExact, product.depth - done);
    part.west = product.west + done * product.west_stride;
    part.north = product.north + done * product.north_stride;
    matmul<Sums::integer>(part, sum, stride);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace attnguard
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attnguard {
HWY_EXPORT(matmul_fresh);
HWY_EXPORT(matmul_carried);
HWY_EXPORT(matmul_integer);

void matmul_tile(const float* west, const float* north, float* out, std::size_t depth,
                 std::size_t cols, std::size_t lanes, std::size_t stride,
                 std::size_t north_stride) {
  const TileProduct product{west, stride, north, north_stride, depth, cols, lanes};
  HWY_DYNAMIC_DISPATCH(matmul_fresh)(product, out, stride);
}

void matmul_onto(Format sum_format, const TileProduct& product, float* sum, std::size_t stride) {
  if (sum_format == Format::int32)
    HWY_DYNAMIC_DISPATCH(matmul_integer)(product, sum, stride);
  else if (sum_format == Format::float32)
    HWY_DYNAMIC_DISPATCH(matmul_carried)(product, sum, stride);
  else
    throw std::invalid_argument("matmul_onto: sums are float32 or int32");
}

}  // namespace attnguard
#endif  // HWY_ONCE
