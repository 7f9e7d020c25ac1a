// From a workload section to the job: drawn tensors, tensor files, and every way they can be wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "models/numerics/format.h"
#include "src/config/user_error.h"
#include "src/workload/load_workload.h"
#include "src/workload/npy.h"
#include "src/workload/synthetic.h"
#include "tests/support/scratch_folder.h"

namespace attnguard {
namespace {

using ::testing::HasSubstr;

WorkloadConfig drawn(std::uint32_t heads, std::uint32_t tokens, std::uint32_t head_dim) {
  WorkloadConfig workload;
  workload.heads = heads;
  workload.tokens_q = workload.tokens_k = tokens;
  workload.head_dim = head_dim;
  return workload;
}

const AttentionJob& attention(const LoadedWorkload& loaded) {
  return std::get<AttentionJob>(loaded.job);
}

class Files : public ::testing::Test {
 protected:
  // q [4, 2, 8], k and v [2, 3, 8], all zero.
  void SetUp() override {
    write("q", {4, 2, 8});
    write("k", {2, 3, 8});
    write("v", {2, 3, 8});
    workload_.q = "q.npy";
    workload_.k = "k.npy";
    workload_.v = "v.npy";
  }
  void write(const std::string& name, const std::vector<std::uint64_t>& shape, float first = 0) {
    std::uint64_t count = 1;
    for (const std::uint64_t extent : shape) count *= extent;
    std::vector<float> values(count);
    if (count > 11) values[11] = first;
    write_npy(folder_.path() / (name + ".npy"), shape, values);
  }
  LoadedWorkload load(Format operand = Format::bfloat16) const {
    return load_workload(workload_, 1, operand, folder_.path(), ConfigOrigin{"c.json", {}});
  }
  std::string complaint(Format operand = Format::bfloat16) const {
    try {
      load(operand);
    } catch (const UserError& error) {
      return error.what();
    }
    return "accepted";
  }

  ScratchFolder folder_;
  WorkloadConfig workload_;
};

TEST(Synthetic, IsAPureFunctionOfSeedTensorAndIndex) {
  EXPECT_EQ(standard_normal(1, 0, 0), standard_normal(1, 0, 0));
  std::set<double> values;
  for (const std::uint64_t seed : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{1} << 32})
    for (const std::uint32_t tensor : {0, 1, 2})
      for (const std::uint64_t index : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 32})
        values.insert(standard_normal(seed, tensor, index));
  EXPECT_EQ(values.size(), 27U);
}

TEST(Synthetic, HasTheMomentsOfANormal) {
  constexpr int kDraws = 200000;
  double sum = 0, squares = 0, fourth = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double z = standard_normal(7, 1, i);
    ASSERT_LE(std::abs(z), 6.0);
    sum += z;
    squares += z * z;
    fourth += z * z * z * z;
  }
  // Five standard errors; the sum of twelve uniforms has kurtosis 2.9.
  EXPECT_NEAR(sum / kDraws, 0.0, 5 / std::sqrt(kDraws));
  EXPECT_NEAR(squares / kDraws, 1.0, 5 * std::sqrt(1.9 / kDraws));
  EXPECT_NEAR(fourth / kDraws, 2.9, 0.15);
}

TEST(Synthetic, ScaleMeanAndOutliersShapeTheTensors) {
  AttentionJob job;
  job.shape.head_dim = 16;
  job.shape.tokens_q = job.shape.tokens_k = 2000;
  DistributionConfig distribution;
  distribution.scale_q = 0.5;
  distribution.mean_v = 3.0;
  distribution.outlier_channels = 2;
  distribution.outlier_factor = 10.0;
  draw_tensors(1, distribution, job);
  const auto deviation = [](const std::vector<float>& values, std::size_t channel, double mean) {
    double squares = 0;
    for (std::size_t i = channel; i < values.size(); i += 16)
      squares += (values[i] - mean) * (values[i] - mean);
    return std::sqrt(squares / 2000);
  };
  for (std::size_t channel = 0; channel < 16; ++channel) {
    const double factor = channel == 0 || channel == 8 ? 10.0 : 1.0;
    EXPECT_NEAR(deviation(job.q, channel, 0), 0.5, 0.05);
    EXPECT_NEAR(deviation(job.k, channel, 0) / factor, 1.0, 0.1);
    EXPECT_NEAR(deviation(job.v, channel, 3) / factor, 1.0, 0.1);
  }
}

TEST(Workload, DrawnTensorsAreOperandsAndFollowTheSeed) {
  const ConfigOrigin origin{"c.json", {}};
  WorkloadConfig workload = drawn(4, 6, 20);
  workload.kv_heads = 2;
  const AttentionJob job = attention(load_workload(workload, 3, Format::bfloat16, "", origin));
  EXPECT_EQ(job.q.size(), 4U * 6 * 20);
  EXPECT_EQ(job.k.size(), 2U * 6 * 20);
  EXPECT_EQ(job.v.size(), 2U * 6 * 20);
  EXPECT_EQ(job.shape.scale, static_cast<float>(1 / std::sqrt(20.0)));
  for (const float value : job.k) EXPECT_EQ(round_to(Format::bfloat16, value), value);
  EXPECT_EQ(attention(load_workload(workload, 3, Format::bfloat16, "", origin)).q, job.q);
  EXPECT_NE(attention(load_workload(workload, 4, Format::bfloat16, "", origin)).q, job.q);
}

TEST(Workload, DrawnShapesAreChecked) {
  const ConfigOrigin origin{"c.json", {}};
  const auto complaint = [&](const WorkloadConfig& workload) -> std::string {
    try {
      load_workload(workload, 1, Format::bfloat16, "", origin);
    } catch (const UserError& error) {
      return error.what();
    }
    return "accepted";
  };
  WorkloadConfig workload = drawn(4, 6, 20);
  workload.kv_heads = 3;
  EXPECT_EQ(complaint(workload), "c.json#/workload/kv_heads: 3; a divisor of heads, 4");
  workload = drawn(4, 6, 20);
  workload.tokens_q = 7;
  EXPECT_EQ(complaint(workload), "c.json#/workload/tokens_q: 7; at most tokens_k, 6");
  workload = drawn(4, 6, 20);
  workload.distribution.emplace().outlier_channels = 21;
  EXPECT_EQ(complaint(workload),
            "c.json#/workload/distribution: 21 outlier_channels; at most head_dim, 20");
  workload = drawn(4, 6, 20);
  workload.distribution.emplace().scale_k = 1e6;
  EXPECT_EQ(complaint(workload), "accepted");
}

TEST_F(Files, GiveTheShape) {
  const LoadedWorkload loaded = load();
  EXPECT_EQ(attention(loaded).shape.heads, 4U);
  EXPECT_EQ(attention(loaded).shape.kv_heads, 2U);
  EXPECT_EQ(attention(loaded).shape.tokens_q, 2U);
  EXPECT_EQ(attention(loaded).shape.tokens_k, 3U);
  EXPECT_EQ(attention(loaded).shape.head_dim, 8U);
  ASSERT_EQ(loaded.file_hashes.size(), 3U);
  EXPECT_EQ(loaded.file_hashes[1].second,
            loaded.file_hashes[2].second);  // k and v hold the same bytes
  EXPECT_NE(loaded.file_hashes[0].second, loaded.file_hashes[1].second);
}

TEST_F(Files, MayDisagreeInNothing) {
  write("v", {2, 4, 8});
  EXPECT_EQ(complaint(), "c.json#/workload/v: v.npy: shape (2, 4, 8); the shape of k, (2, 3, 8)");
  write("v", {2, 3, 8});
  write("q", {4, 2, 9});
  EXPECT_EQ(complaint(), "c.json#/workload/k: k.npy: shape (2, 3, 8); the head_dim of q, 9");
  write("q", {3, 2, 8});
  EXPECT_EQ(complaint(), "c.json#/workload/k: k.npy: 2 heads; a divisor of the 3 heads of q");
  write("q", {4, 5, 8});
  EXPECT_EQ(complaint(), "c.json#/workload/q: q.npy: 5 tokens; at most the 3 tokens of k");
  write("q", {4, 16});
  EXPECT_EQ(complaint(), "c.json#/workload/q: q.npy: shape (4, 16); [heads, tokens, head_dim]");
  write("q", {4, 0, 8});
  EXPECT_EQ(complaint(),
            "c.json#/workload/q: q.npy: shape (4, 0, 8); [1 to 1024, 1 to 65536, 1 to 1024]");
}

TEST_F(Files, ThatAreBrokenAreNamed) {
  workload_.q = "none.npy";
  EXPECT_EQ(complaint(),
            "c.json#/workload/q: none.npy: No such file or directory; a readable .npy file");
  workload_.q = "q.npy";
  folder_.write("k.npy", "");
  EXPECT_EQ(complaint(), "c.json#/workload/k: k.npy: empty file; a .npy file");
}

TEST_F(Files, HoldFiniteValuesUnlessAllowed) {
  write("k", {2, 3, 8}, std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(complaint(),
            "c.json#/workload/k: k.npy: value nan at [0, 1, 3]; finite values, or "
            "workload.allow_nonfinite");
  write("k", {2, 3, 8}, 70000.0F);
  EXPECT_EQ(complaint(), "accepted");
  EXPECT_EQ(complaint(Format::float16),
            "c.json#/workload/k: k.npy: value 70000 at [0, 1, 3] overflows the operand format; "
            "finite values, or "
            "workload.allow_nonfinite");
  workload_.allow_nonfinite = true;
  EXPECT_TRUE(std::isinf(attention(load(Format::float16)).k[11]));
}

TEST_F(Files, AreRoundedToTheOperandFormat) {
  write("q", {4, 2, 8}, 1.001F);
  EXPECT_EQ(attention(load()).q[11], 1.0F);
  EXPECT_EQ(attention(load(Format::float32)).q[11], 1.001F);
}

TEST_F(Files, ExpectedOutputMustHaveTheOutputsShape) {
  workload_.expected_output = "o.npy";
  write("o", {4, 2, 8}, 1.001F);
  EXPECT_EQ(load().expected->at(11), 1.001F);
  write("o", {4, 3, 8});
  EXPECT_EQ(
      complaint(),
      "c.json#/workload/expected_output: o.npy: shape (4, 3, 8); the output's shape, (4, 2, 8)");
  write("o", {4, 2, 8}, std::numeric_limits<float>::infinity());
  EXPECT_THAT(complaint(), HasSubstr("o.npy: value inf at [0, 1, 3]"));
}

}  // namespace
}  // namespace attnguard
