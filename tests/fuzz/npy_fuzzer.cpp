// A .npy file, as a tensor and as what a workload names.
#include <cstring>

#include "src/workload/load_workload.h"
#include "src/workload/npy.h"
#include "tests/fuzz/memory_file.h"

namespace attnguard {
namespace {

void require_same_when_written(const NpyTensor& tensor) {
  static const MemoryFile file;
  write_npy(file.path(), tensor.shape, tensor.values);
  const NpyTensor again = parse_npy(read_bytes(file.path()), TensorFormat::floating);
  require(again.shape == tensor.shape, "a written shape reads back");
  require(again.values.size() == tensor.values.size() &&
              (again.values.empty() || std::memcmp(again.values.data(), tensor.values.data(),
                                                   tensor.values.size() * sizeof(float)) == 0),
          "written values read back");
}

void load(WorkloadConfig workload, Format operand) {
  for (const TensorFormat format : {TensorFormat::floating, TensorFormat::bfloat16_bits})
    for (const bool nonfinite : {false, true}) {
      workload.tensor_format = format;
      workload.allow_nonfinite = nonfinite;
      accepts([&] { load_workload(workload, 1, operand, "", {"c.json", {}}); });
    }
}

}  // namespace
}  // namespace attnguard

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attnguard;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const TensorFormat format : {TensorFormat::floating, TensorFormat::bfloat16_bits})
    accepts([&] { require_same_when_written(parse_npy(bytes, format)); });

  static const MemoryFile file;
  const std::string name = file.hold(bytes).string();
  WorkloadConfig attention;
  attention.q = attention.k = attention.v = attention.expected_output = name;
  load(attention, Format::float16);
  WorkloadConfig gemm;
  gemm.kind = WorkloadKind::gemm;
  gemm.gemm.a = gemm.gemm.b = name;
  load(gemm, Format::int8);
  return 0;
}
