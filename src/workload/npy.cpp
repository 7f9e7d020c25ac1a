#include "src/workload/npy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "models/numerics/format.h"
#include "src/config/user_error.h"
#include "src/files/input_file.h"
#include "src/files/output_file.h"

namespace attnguard {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kMaxHeader = 4096;  // NumPy itself writes 118 bytes for three dimensions
constexpr std::size_t kMaxRank = 8;

static_assert(sizeof(float) == 4, "float32");

[[noreturn]] void fail(std::string_view problem, std::string_view allowed) {
  throw UserError(fmt::format("{}; {}", problem, allowed));
}

struct Header {
  std::string descr;
  bool fortran_order = false;
  std::vector<std::uint64_t> shape;
};

// The header is a Python dict literal with exactly the keys descr, fortran_order and shape.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : rest_(text) {}

  Header parse() {
    Header header;
    bool has_descr = false, has_order = false, has_shape = false;
    expect('{');
    while (!take('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !has_descr) {
        header.descr = quoted();
        has_descr = true;
      } else if (key == "fortran_order" && !has_order) {
        header.fortran_order = boolean();
        has_order = true;
      } else if (key == "shape" && !has_shape) {
        header.shape = tuple();
        has_shape = true;
      } else {
        malformed();
      }
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (!rest_.empty() || !has_descr || !has_order || !has_shape) malformed();
    return header;
  }

 private:
  [[noreturn]] static void malformed() {
    fail("malformed header", "a .npy header with descr, fortran_order and shape, not structured");
  }
  void skip_space() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size()));
  }
  bool take(char c) {
    skip_space();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) malformed();
  }
  bool take_word(std::string_view word) {
    skip_space();
    if (rest_.substr(0, word.size()) != word) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  std::string quoted() {
    const char quote = take('\'') ? '\'' : '"';
    if (quote == '"') expect('"');
    const std::size_t end = rest_.find(quote);
    if (end == std::string_view::npos) malformed();
    std::string text(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    for (const char c : text)
      if (c < ' ' || c > '~') malformed();  // it may end up in a message
    return text;
  }
  bool boolean() {
    if (take_word("True")) return true;
    if (!take_word("False")) malformed();
    return false;
  }
  std::vector<std::uint64_t> tuple() {
    std::vector<std::uint64_t> values;
    expect('(');
    while (!take(')')) {
      skip_space();
      std::uint64_t value = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
      if (error != std::errc() || values.size() == kMaxRank) malformed();
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      values.push_back(value);
      if (!take(',')) {
        expect(')');
        break;
      }
    }
    return values;
  }

  std::string_view rest_;
};

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// The type of the elements, once it is one that `format` allows.
Format element_format(const std::string& descr, TensorFormat format) {
  if (!descr.empty() && descr[0] == '>')
    fail(fmt::format("big-endian type {}", descr), "little-endian values");
  if (format == TensorFormat::bfloat16_bits) {
    if (descr == "<u2") return Format::bfloat16;
    fail(fmt::format("type {}", descr), "<u2, as workload.tensor_format is bfloat16_bits");
  }
  if (descr == "<f4") return Format::float32;
  if (descr == "<f2") return Format::float16;
  fail(fmt::format("type {}", descr),
       descr == "<u2" ? "<f4 or <f2, or <u2 with workload.tensor_format bfloat16_bits"
                      : "<f4 or <f2");
}

void write_tensor(const std::filesystem::path& file, std::string_view descr,
                  const std::vector<std::uint64_t>& shape, const std::string& data) {
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}",
                                   descr, fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  header.append(63 - (10 + header.size()) % 64, ' ');  // data starts at a multiple of 64
  header += '\n';
  std::string bytes(kMagic);
  bytes += {1, 0, static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  bytes += header;
  OutputFile tensor(file);
  tensor << bytes << data;
  tensor.finish();
}

}  // namespace

std::string read_bytes(const std::filesystem::path& file) {
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) fail("is a folder", "a .npy file");
  try {
    return read_file(file);
  } catch (const std::system_error& refused) {
    fail(refused.code().message(), "a readable .npy file");
  }
}

NpyTensor parse_npy(std::string_view bytes, TensorFormat format) {
  if (bytes.empty()) fail("empty file", "a .npy file");
  if (bytes.substr(0, kMagic.size()) != kMagic.substr(0, bytes.size()))
    fail("no .npy file", "a file written by numpy.save");
  const std::string_view truncated = "truncated in its header";
  if (bytes.size() < 8) fail(truncated, "a whole .npy file");
  const unsigned version = static_cast<unsigned char>(bytes[6]);
  if ((version != 1 && version != 2) || bytes[7] != 0)
    fail(fmt::format(".npy format version {}.{}", version, static_cast<unsigned char>(bytes[7])),
         "version 1.0 or 2.0");
  const std::size_t size_bytes = version == 1 ? 2 : 4;
  if (bytes.size() < 8 + size_bytes) fail(truncated, "a whole .npy file");
  const std::uint64_t header_size = little_endian(bytes.substr(8, size_bytes));
  if (header_size > kMaxHeader)
    fail(fmt::format("header of {} bytes", header_size), fmt::format("at most {}", kMaxHeader));
  std::string_view data = bytes.substr(8 + size_bytes);
  if (data.size() < header_size) fail(truncated, "a whole .npy file");
  const Header header = HeaderParser(data.substr(0, header_size)).parse();
  data.remove_prefix(header_size);

  const Format element = element_format(header.descr, format);
  if (header.fortran_order) fail("Fortran order", "C order (numpy.ascontiguousarray)");
  std::uint64_t expected = bytes_of(element);
  for (const std::uint64_t extent : header.shape)
    if (__builtin_mul_overflow(expected, extent, &expected))
      fail(fmt::format("shape ({}) of {}, more than 2^64 bytes", fmt::join(header.shape, ", "),
                       header.descr),
           fmt::format("a shape for the {} bytes of data", data.size()));
  if (expected != data.size())
    fail(fmt::format("{} bytes of data for shape ({}) of {}{}", data.size(),
                     fmt::join(header.shape, ", "), header.descr,
                     data.size() < expected ? ", truncated" : ", bytes left over"),
         fmt::format("{} bytes", expected));

  const std::size_t count = data.size() / bytes_of(element);
  NpyTensor tensor{header.shape, std::vector<float>(count)};
  decode_values(element, reinterpret_cast<const std::byte*>(data.data()), tensor.values.data(),
                count);
  return tensor;
}

void write_npy(const std::filesystem::path& file, const std::vector<std::uint64_t>& shape,
               const std::vector<float>& values) {
  std::string data(values.size() * sizeof(float), '\0');
  encode_values(Format::float32, values.data(), reinterpret_cast<std::byte*>(data.data()),
                values.size());
  write_tensor(file, "<f4", shape, data);
}

void write_npy_int32(const std::filesystem::path& file, const std::vector<std::uint64_t>& shape,
                     const std::vector<std::int32_t>& values) {
  std::string data;
  data.reserve(values.size() * sizeof(std::int32_t));
  for (const std::int32_t value : values)
    for (unsigned byte = 0; byte < sizeof value; ++byte)
      data += static_cast<char>(static_cast<std::uint32_t>(value) >> (8 * byte) & 0xff);
  write_tensor(file, "<i4", shape, data);
}

}  // namespace attnguard
