#include "src/campaign/differential/row_comparison.h"

#include <algorithm>
#include <cstring>

#include "src/campaign/verdict.h"

namespace attnguard {

RowComparison::RowComparison(const GoldenJob& job)
    : job_(job),
      format_(job.accelerator.formats.output),
      head_dim_(job.layout.shape.head_dim),
      rounded_(head_dim_) {
  for (const std::uint32_t word : job.golden.output) golden_.push_back(decode(format_, word));
  for (std::size_t first = 0; first < job.golden.output.size(); first += head_dim_)
    scales_.push_back(row_scale(&job.golden.output[first], head_dim_, format_));
}

std::size_t RowComparison::row_index(const TileTiming& tile, std::uint32_t row) const {
  return std::size_t{tile.tile.head} * job_.layout.shape.tokens_q + tile.tile.first_row + row;
}

void RowComparison::compare_row(const TileTiming& tile, std::uint32_t row, const float* values,
                                Measurement& measurement) {
  std::copy_n(values, head_dim_, rounded_.data());
  round_values(format_, rounded_.data(), head_dim_);
  const std::size_t index = row_index(tile, row);
  const std::size_t first = add_row(&golden_[index * head_dim_], rounded_.data(), head_dim_,
                                    scales_[index], measurement.difference);
  if (first == head_dim_) return;
  // Slices of a row cross one after another.
  const auto slice = static_cast<std::uint32_t>(first / job_.layout.cols);
  measurement.first_bad_commit_cycle =
      std::min(measurement.first_bad_commit_cycle, tile.commit.cycle(slice, row));
}

void RowComparison::compare_word(const TileTiming& tile, std::uint32_t row, std::uint32_t column,
                                 std::uint32_t raw, Measurement& measurement) {
  const std::uint32_t* golden = golden_row(tile, row);
  if (golden[column] == raw) return;
  words_.assign(golden, golden + head_dim_);
  words_[column] = raw;
  add_changed_row(golden, words_.data(), head_dim_, scales_[row_index(tile, row)], format_,
                  measurement.difference);
  measurement.first_bad_commit_cycle =
      std::min(measurement.first_bad_commit_cycle,
               tile.commit.cycle(column / job_.layout.cols, row));
}

}  // namespace attnguard
