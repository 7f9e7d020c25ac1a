// Parity and SECDED: what is corrected and what is detected, word by word.
#include "models/sram_buffer/check_code.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <set>
#include <vector>

#include "models/sram_buffer/code_group.h"

namespace attnguard {
namespace {

/// A code word with its bits numbered through: data bits, then check bits.
CodeWord flipped(CodeWord word, std::uint32_t bit, std::uint32_t data_bits) {
  if (bit < data_bits)
    word.data ^= std::uint64_t{1} << bit;
  else
    word.check ^= 1U << (bit - data_bits);
  return word;
}

struct Count {
  std::uint64_t clean = 0, corrected = 0, detected = 0, wrong = 0;
};

/// Decodes; `wrong` counts words not as they were written, check bits included.
void decode(const CheckCode& code, CodeWord read, const CodeWord& written, Count& count) {
  switch (code.decode(read)) {
    case Decoded::clean:
      ++count.clean;
      break;
    case Decoded::corrected:
      ++count.corrected;
      break;
    case Decoded::detected:
      ++count.detected;
      break;
  }
  count.wrong += read.data != written.data || read.check != written.check;
}

struct Counts {
  Count none, single, two;
};

/// Every single and every double error of a word.
void all_errors(const CheckCode& code, std::uint64_t data, Counts& counts) {
  const std::uint32_t bits = code.data_bits() + code.check_bits();
  const CodeWord word{data, code.encode(data)};
  decode(code, word, word, counts.none);
  for (std::uint32_t a = 0; a < bits; ++a) {
    const CodeWord one = flipped(word, a, code.data_bits());
    decode(code, one, word, counts.single);
    for (std::uint32_t b = a + 1; b < bits; ++b)
      decode(code, flipped(one, b, code.data_bits()), word, counts.two);
  }
}

void expect_secded(const Counts& counts, std::uint64_t words, std::uint64_t bits) {
  EXPECT_EQ(counts.none.clean, words);
  EXPECT_EQ(counts.single.corrected, words * bits);
  EXPECT_EQ(counts.single.wrong, 0U);
  EXPECT_EQ(counts.two.detected, words * bits * (bits - 1) / 2);
  EXPECT_EQ(counts.two.wrong, counts.two.detected) << "an uncorrectable word is left as it is";
}

// The columns by hand: 16 of the 20 numbers of 6 bits with 3 ones, 07 0b 0d 0e 13 15 16 19 1a 1c 23
// 25 26 29 2a 2c.
TEST(CheckCode, CheckBitsByHand) {
  const CheckCode code(CodeKind::secded, 16);
  EXPECT_EQ(code.check_bits(), 6U);
  EXPECT_EQ(code.encode(0x0000), 0x00U);
  EXPECT_EQ(code.encode(0x0001), 0x07U);
  EXPECT_EQ(code.encode(0x0003), 0x0cU) << "07 xor 0b";
  EXPECT_EQ(code.encode(0x8001), 0x2bU) << "2c xor 07";
  EXPECT_EQ(code.encode(0x0110), 0x09U) << "13 xor 1a";
  // Three errors in bits 0, 1 and 2: 07 xor 0b xor 0d = 01, the column of check bit 0.
  CodeWord read{0x0007, 0};
  EXPECT_EQ(code.decode(read), Decoded::corrected);
  EXPECT_EQ(read.data, 0x0007U) << "miscorrected: the data stay wrong";
  EXPECT_EQ(read.check, 0x01U);
}

// 65 536 words × (1 + 22 + 231) decodings.
TEST(CheckCode, EveryWordOf22BitsCorrectsSinglesAndDetectsDoubles) {
  const CheckCode code(CodeKind::secded, 16);
  Counts counts;
  for (std::uint32_t data = 0; data < 0x10000; ++data) all_errors(code, data, counts);
  expect_secded(counts, 0x10000, 22);
}

TEST(CheckCode, WordsOf39And72BitsCorrectSinglesAndDetectDoubles) {
  std::mt19937_64 random(5);
  for (const auto& [data_bits, bits] : {std::array{32U, 39U}, std::array{64U, 72U}}) {
    const CheckCode code(CodeKind::secded, data_bits);
    EXPECT_EQ(code.data_bits() + code.check_bits(), bits);
    const std::uint64_t mask = data_bits == 64 ? ~std::uint64_t{0} : 0xffffffffU;
    Counts counts;
    std::vector<std::uint64_t> words{0, mask};
    while (words.size() < 400) words.push_back(random() & mask);
    for (const std::uint64_t data : words) all_errors(code, data, counts);
    expect_secded(counts, words.size(), bits);
  }
}

TEST(CheckCode, ParityDetectsOddErrorsAndMissesEvenOnes) {
  for (const std::uint32_t data_bits : {16U, 32U, 64U}) {
    const CheckCode code(CodeKind::parity, data_bits);
    EXPECT_EQ(code.check_bits(), 1U);
    Counts counts;
    all_errors(code, 0x1234, counts);
    EXPECT_EQ(counts.single.detected, data_bits + 1);
    EXPECT_EQ(counts.two.clean, (data_bits + 1) * data_bits / 2);
  }
}

// A code of minimum distance 4 need not see three errors: here they look like single ones, or like
// none that a single one makes.
TEST(CheckCode, TripleErrorsAreMiscorrectedOrDetectedNeverMissed) {
  const CheckCode code(CodeKind::secded, 64);
  std::mt19937 random(6);
  Count count;
  for (int n = 0; n < 20000; ++n) {
    std::set<std::uint32_t> bits;
    while (bits.size() < 3) bits.insert(random() % 72);
    CodeWord read{0, 0};
    for (const std::uint32_t bit : bits) read = flipped(read, bit, 64);
    decode(code, read, CodeWord{}, count);
  }
  EXPECT_EQ(count.clean, 0U);
  EXPECT_GT(count.corrected, 0U);
  EXPECT_GT(count.detected, 0U);
  EXPECT_EQ(count.wrong, 20000U);
}

struct Group {
  explicit Group(const CodeGroup& group) : code(group), written(group.bytes()) {
    std::mt19937 random(7);
    for (std::byte& byte : written) byte = static_cast<std::byte>(random());
    check = code.encode(written.data());
  }
  /// Of `count` adjacent data bits from `first` on, flipped; `read` is what comes out.
  CodeReads flip(std::uint32_t first, std::uint32_t count) {
    read = written;
    for (std::uint32_t bit = first; bit < first + count; ++bit)
      read[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    return code.decode(read.data(), check, written.data());
  }
  const CodeGroup& code;
  std::vector<std::byte> written, read;
  std::uint64_t check = 0;
};

TEST(CodeGroup, AsManyAdjacentBitsAsWordsAreCorrected) {
  for (const std::uint32_t data_bits : {16U, 32U, 64U})
    for (const std::uint32_t interleaving : {1U, 2U, 3U, 4U, 8U}) {
      const CodeGroup code(CodeKind::secded, data_bits, interleaving);
      Group group(code);
      EXPECT_EQ(code.bytes(), data_bits * interleaving / 8);
      for (std::uint32_t first = 0; first + interleaving < data_bits * interleaving; ++first) {
        const CodeReads right = group.flip(first, interleaving);
        EXPECT_EQ(right.corrected, interleaving);
        EXPECT_EQ(right.detected + right.miscorrected + right.missed, 0U);
        EXPECT_EQ(group.read, group.written);
        const CodeReads more = group.flip(first, interleaving + 1);
        EXPECT_EQ(more.corrected, interleaving - 1);
        EXPECT_EQ(more.detected, 1U) << "one code word has two";
        EXPECT_NE(group.read, group.written);
      }
    }
}

TEST(CodeGroup, AdjacentCheckBitsBelongToDifferentWords) {
  const CodeGroup code(CodeKind::secded, 16, 4);
  Group group(code);
  ASSERT_EQ(code.check_bits(), 24U);
  for (std::uint32_t first = 0; first + 4 <= 24; ++first) {
    std::vector<std::byte> read = group.written;
    const CodeReads reads =
        code.decode(read.data(), group.check ^ std::uint64_t{0xf} << first, group.written.data());
    EXPECT_EQ(reads.corrected, 4U);
    EXPECT_EQ(read, group.written);
  }
}

TEST(CodeGroup, CountsWhatTheDecoderCannotKnow) {
  const CodeGroup secded(CodeKind::secded, 16, 1);
  Group three(secded);
  const CodeReads wrong = three.flip(0, 3);  // looks like an error of check bit 0, see above
  EXPECT_EQ(wrong.miscorrected, 1U);
  EXPECT_EQ(wrong.corrected + wrong.detected + wrong.missed, 0U);
  const CodeGroup parity(CodeKind::parity, 16, 2);
  Group two(parity);
  EXPECT_EQ(two.flip(4, 2).detected, 2U);
  EXPECT_EQ(two.flip(4, 4).missed, 2U);
}

}  // namespace
}  // namespace attnguard
