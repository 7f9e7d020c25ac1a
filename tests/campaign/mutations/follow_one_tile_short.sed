# file: src/campaign/differential/checker_replay.cpp
# A checker that follows golden terms leaves out the last key tile.
s/strides_\.row, steps - step, rows_\.first,/strides_.row, steps - step - 1, rows_.first,/
