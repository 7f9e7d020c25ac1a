// NumPy's .npy files: C order, little-endian, float32, float16, or uint16 holding bfloat16 bits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "src/workload/workload_config.h"

namespace attnguard {

struct NpyTensor {
  std::vector<std::uint64_t> shape;
  std::vector<float> values;  ///< exact images of what the file holds
};

/// The bytes of a file. Throws UserError `problem; allowed`.
std::string read_bytes(const std::filesystem::path& file);

/// Parses the bytes of a .npy file (format version 1 or 2). `format` says which types are allowed:
/// `floating` <f4 and <f2, `bfloat16_bits` <u2. Nothing is allocated before the shape agrees with
/// the number of bytes. Throws UserError `problem; allowed`.
NpyTensor parse_npy(std::string_view bytes, TensorFormat format);

/// Writes float32 or int32, C order, version 1. Throws std::runtime_error when it cannot.
void write_npy(const std::filesystem::path& file, const std::vector<std::uint64_t>& shape,
               const std::vector<float>& values);
void write_npy_int32(const std::filesystem::path& file, const std::vector<std::uint64_t>& shape,
                     const std::vector<std::int32_t>& values);

}  // namespace attnguard
