# file: src/campaign/differential/tile_replay.cpp
# The replay's rescaling rounds once where the hardware rounds twice.
s/rescale_add(acc, broadcast_\.data(), partial_rows_\[row\], 1, head_dim_, head_dim_);/for (std::uint32_t c = 0; c < head_dim_; ++c) acc[c] = std::fma(acc[c], alpha_[row], partial_rows_[row][c]);/
