#include "src/campaign/differential/row_comparison.h"

#include <algorithm>
#include <cstring>

#include "models/numerics/kernels.h"
#include "src/campaign/injections/verdict.h"

namespace attnguard {

RowComparison::RowComparison(const GoldenJob& job)
    : job_(job),
      format_(job.accelerator.formats.output),
      head_dim_(job.layout.shape.head_dim),
      row_stride_(job.strides().row),
      tile_values_(head_dim_ * row_stride_),
      errors_(row_stride_) {
  const JobLayout& layout = job.layout;
  for (const std::uint32_t word : job.golden.output) golden_.push_back(decode(format_, word));
  for (std::size_t first = 0; first < job.golden.output.size(); first += head_dim_)
    scales_.push_back(row_scale(&job.golden.output[first], head_dim_, format_));
  golden_tiles_.resize(layout.shape.heads * layout.query_tiles * tile_values_);
  for (std::size_t index = 0; index < scales_.size(); ++index) {
    const std::size_t head = index / layout.shape.tokens_q, row = index % layout.shape.tokens_q;
    const std::size_t tile = head * layout.query_tiles + row / layout.rows;
    for (std::size_t c = 0; c < head_dim_; ++c)
      golden_tiles_[tile * tile_values_ + c * row_stride_ + row % layout.rows] =
          golden_[index * head_dim_ + c];
  }
  rounded_.resize(std::max<std::size_t>(tile_values_, head_dim_));
}

std::size_t RowComparison::row_index(const TileTiming& tile, std::uint32_t row) const {
  return std::size_t{tile.tile.head} * job_.layout.shape.tokens_q + tile.tile.first_row + row;
}

void RowComparison::add(const TileTiming& tile, std::uint32_t row, const RowErrors& errors,
                        Measurement& measurement) const {
  if (errors.changed == 0) return;
  add_changed_row(errors, scales_[row_index(tile, row)], measurement.difference);
  // Slices of a row cross one after another.
  const auto slice = static_cast<std::uint32_t>(errors.first / job_.layout.cols);
  measurement.first_bad_commit_cycle =
      std::min(measurement.first_bad_commit_cycle, tile.commit.cycle(slice, row));
}

void RowComparison::compare_row(const TileTiming& tile, std::uint32_t row, const float* values,
                                Measurement& measurement) {
  std::copy_n(values, head_dim_, rounded_.data());
  round_values(format_, rounded_.data(), head_dim_);
  add(tile, row, row_errors(&golden_[row_index(tile, row) * head_dim_], rounded_.data(), head_dim_),
      measurement);
}

void RowComparison::compare_tile(const TileTiming& tile, const float* values, std::uint32_t first,
                                 std::uint32_t end, Measurement& measurement) {
  const std::size_t from = first * row_stride_, count = (end - first) * row_stride_;
  std::copy_n(values + from, count, rounded_.data());
  round_values(format_, rounded_.data(), count);
  const std::size_t index = std::size_t{tile.tile.head} * job_.layout.query_tiles +
                            tile.tile.first_row / job_.layout.rows;
  lane_errors(&golden_tiles_[index * tile_values_ + from], rounded_.data(), end - first,
              row_stride_, errors_.data());
  for (std::uint32_t row = 0; row < tile.tile.rows; ++row) {
    errors_[row].first += first;
    add(tile, row, errors_[row], measurement);
  }
}

void RowComparison::compare_word(const TileTiming& tile, std::uint32_t row, std::uint32_t column,
                                 std::uint32_t raw, Measurement& measurement) {
  const std::uint32_t* golden = golden_row(tile, row);
  if (golden[column] == raw) return;
  words_.assign(golden, golden + head_dim_);
  words_[column] = raw;
  add_changed_row(golden, words_.data(), head_dim_, scales_[row_index(tile, row)], format_,
                  measurement.difference);
  measurement.first_bad_commit_cycle = std::min(measurement.first_bad_commit_cycle,
                                                tile.commit.cycle(column / job_.layout.cols, row));
}

}  // namespace attnguard
