// .npy files: every accepted type exactly, every broken file with its complaint.
#include "src/workload/npy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "src/config/user_error.h"
#include "tests/support/scratch_folder.h"

namespace attnguard {
namespace {

std::string npy(const std::string& header, const std::string& data, int version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += {static_cast<char>(version), 0, static_cast<char>(header.size()), 0};
  if (version == 2) bytes += {0, 0};
  return bytes + header + data;
}
std::string header(const std::string& descr, const std::string& shape,
                   const std::string& order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}
std::string words(const std::vector<std::uint32_t>& values, int bytes) {
  std::string data;
  for (const std::uint32_t value : values)
    for (int i = 0; i < bytes; ++i) data += static_cast<char>(value >> (8 * i) & 0xff);
  return data;
}
std::string complaint(const std::string& bytes, TensorFormat format = TensorFormat::floating) {
  try {
    parse_npy(bytes, format);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Npy, ReadsFloat32Float16AndBfloat16Exactly) {
  const NpyTensor single =
      parse_npy(npy(header("<f4", "(1, 3)"), words({0x3f800000, 0x80000000, 0x00000001}, 4)),
                TensorFormat::floating);
  EXPECT_EQ(single.shape, (std::vector<std::uint64_t>{1, 3}));
  EXPECT_EQ(single.values[0], 1.0F);
  EXPECT_TRUE(std::signbit(single.values[1]));
  EXPECT_EQ(single.values[2], 0x1p-149F);
  const NpyTensor half = parse_npy(npy(header("<f2", "(3,)"), words({0x3c00, 0xc001, 0x7bff}, 2)),
                                   TensorFormat::floating);
  EXPECT_EQ(half.values, (std::vector<float>{1.0F, -2.001953125F, 65504.0F}));
  const NpyTensor brain = parse_npy(npy(header("<u2", "(2,)"), words({0x3f80, 0xc049}, 2)),
                                    TensorFormat::bfloat16_bits);
  EXPECT_EQ(brain.values, (std::vector<float>{1.0F, -3.140625F}));
}

TEST(Npy, ReadsVersion2AndHeadersInAnyOrder) {
  const std::string other = "{\"shape\": (1,), 'fortran_order':False,'descr':'<f4'}";
  EXPECT_EQ(parse_npy(npy(other, words({0x40000000}, 4), 2), TensorFormat::floating).values,
            std::vector<float>{2.0F});
}

TEST(Npy, WrittenFilesReadBackAndAreAligned) {
  const ScratchFolder folder;
  const std::vector<float> values{1.5F, -0.0F, 3e38F, 1e-40F, 7, 8};
  write_npy(folder.path() / "o.npy", {1, 2, 3}, values);
  const std::string bytes = read_bytes(folder.path() / "o.npy");
  EXPECT_EQ((bytes.size() - values.size() * 4) % 64, 0U);
  const NpyTensor tensor = parse_npy(bytes, TensorFormat::floating);
  EXPECT_EQ(tensor.values, values);
  EXPECT_EQ(tensor.shape, (std::vector<std::uint64_t>{1, 2, 3}));
}

TEST(Npy, BrokenFilesAreRefused) {
  const std::string data = words({0, 0}, 4);
  const std::string good = npy(header("<f4", "(2,)"), data);
  EXPECT_EQ(complaint(good), "accepted");
  EXPECT_EQ(complaint(""), "empty file; a .npy file");
  EXPECT_EQ(complaint("PK\x03\x04 and so on"), "no .npy file; a file written by numpy.save");
  for (const std::size_t size : {3, 7, 9, 20})
    EXPECT_EQ(complaint(good.substr(0, size)), "truncated in its header; a whole .npy file")
        << size;
  EXPECT_EQ(complaint(good.substr(0, good.size() - 1)),
            "7 bytes of data for shape (2) of <f4, truncated; 8 bytes");
  EXPECT_EQ(complaint(good + "x"),
            "9 bytes of data for shape (2) of <f4, bytes left over; 8 bytes");
  EXPECT_EQ(complaint(npy(header("<f4", "(2,)", "True"), data)),
            "Fortran order; C order (numpy.ascontiguousarray)");
  EXPECT_EQ(complaint(npy(header(">f4", "(2,)"), data)),
            "big-endian type >f4; little-endian values");
  EXPECT_EQ(complaint(npy(header("<f8", "(1,)"), data)), "type <f8; <f4 or <f2");
  EXPECT_EQ(complaint(npy(header("<u2", "(4,)"), data)),
            "type <u2; <f4 or <f2, or <u2 with workload.tensor_format bfloat16_bits");
  EXPECT_EQ(complaint(good, TensorFormat::bfloat16_bits),
            "type <f4; <u2, as workload.tensor_format is bfloat16_bits");
  std::string version = good;
  version[6] = 3;
  EXPECT_EQ(complaint(version), ".npy format version 3.0; version 1.0 or 2.0");
}

TEST(Npy, MalformedOrHugeHeadersAllocateNothing) {
  const std::string malformed =
      "malformed header; a .npy header with descr, fortran_order and shape, not structured";
  for (const std::string text :
       {"", "{", "{}", "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x"})
    EXPECT_EQ(complaint(npy(text, "1234")), malformed) << text;
  std::string huge = npy("", "", 2);
  huge[11] = 0x7f;
  EXPECT_EQ(complaint(huge), "header of 2130706432 bytes; at most 4096");
  huge[11] = '\x80';
  EXPECT_EQ(complaint(huge), "header of 2147483648 bytes; at most 4096");
}

TEST(Npy, NothingIsAllocatedForAShapeThatTheDataDoesNotHave) {
  EXPECT_EQ(complaint(npy(header("<f4", "(536870912,)"), "1234")),
            "4 bytes of data for shape (536870912) of <f4, truncated; 2147483648 bytes");
  EXPECT_EQ(complaint(npy(header("<f2", "(2, 2147483648, 1073741824)"), "")),
            "0 bytes of data for shape (2, 2147483648, 1073741824) of <f2, truncated; "
            "9223372036854775808 bytes");
  EXPECT_EQ(complaint(npy(header("<f4", "(1099511627776, 1099511627776)"), "1234")),
            "shape (1099511627776, 1099511627776) of <f4, more than 2^64 bytes; a shape for the 4 "
            "bytes of data");
  EXPECT_EQ(complaint(npy(header("<f4", "(9223372036854775807, 2)"), "")),
            "shape (9223372036854775807, 2) of <f4, more than 2^64 bytes; a shape for the 0 bytes "
            "of data");
  const std::string malformed =
      "malformed header; a .npy header with descr, fortran_order and shape, not structured";
  EXPECT_EQ(complaint(npy(header("<f4", "(-4,)"), "1234")), malformed);
  EXPECT_EQ(complaint(npy(header("<f4", "(18446744073709551616,)"), "1234")), malformed);
}

TEST(Npy, UnreadableFilesAreRefused) {
  const ScratchFolder folder;
  EXPECT_THROW(read_bytes(folder.path() / "none.npy"), UserError);
  EXPECT_THROW(read_bytes(folder.path()), UserError);
}

}  // namespace
}  // namespace attnguard
