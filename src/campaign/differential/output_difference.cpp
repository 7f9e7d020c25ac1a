#include "src/campaign/differential/output_difference.h"

#include <algorithm>
#include <cstring>

#include "src/campaign/verdict.h"

namespace attnguard {

RowComparison::RowComparison(const GoldenJob& job)
    : job_(job),
      format_(job.accelerator.formats.output),
      head_dim_(job.layout.shape.head_dim),
      raw_(head_dim_ * bytes_of(format_)),
      words_(head_dim_) {
  for (std::size_t first = 0; first < job.golden.output.size(); first += head_dim_)
    scales_.push_back(row_scale(&job.golden.output[first], head_dim_, format_));
}

const std::uint32_t* RowComparison::golden_row(const TileTiming& tile, std::uint32_t row) const {
  const std::size_t index =
      std::size_t{tile.tile.head} * job_.layout.shape.tokens_q + tile.tile.first_row + row;
  return &job_.golden.output[index * head_dim_];
}

void RowComparison::compare_row(const TileTiming& tile, std::uint32_t row, const float* values,
                                Measurement& measurement) {
  encode_values(format_, values, raw_.data(), head_dim_);
  if (bytes_of(format_) == 4) {
    std::memcpy(words_.data(), raw_.data(), raw_.size());
  } else {
    for (std::uint32_t c = 0; c < head_dim_; ++c) {
      std::uint16_t word;
      std::memcpy(&word, &raw_[2 * c], sizeof word);
      words_[c] = word;
    }
  }
  compare(tile, row, words_.data(), measurement);
}

void RowComparison::compare_word(const TileTiming& tile, std::uint32_t row, std::uint32_t column,
                                 std::uint32_t raw, Measurement& measurement) {
  std::copy_n(golden_row(tile, row), head_dim_, words_.data());
  words_[column] = raw;
  compare(tile, row, words_.data(), measurement);
}

void RowComparison::compare(const TileTiming& tile, std::uint32_t row, const std::uint32_t* words,
                            Measurement& measurement) {
  const std::uint32_t* golden = golden_row(tile, row);
  if (std::memcmp(golden, words, head_dim_ * sizeof *words) == 0) return;
  const auto index = static_cast<std::size_t>(golden - job_.golden.output.data()) / head_dim_;
  add_changed_row(golden, words, head_dim_, scales_[index], format_, measurement.difference);
  std::uint64_t& earliest = measurement.first_bad_commit_cycle;
  for (std::uint32_t c = 0; c < head_dim_; ++c)
    if (golden[c] != words[c])
      earliest = std::min(earliest, tile.commit.cycle(c / job_.layout.cols, row));
}

}  // namespace attnguard
