# file: models/systolic_array/pass_flip.cpp
# An accumulator is flipped one product too early.
s/flip_sum(pass, flip, since, change, outcome)/flip_sum(pass, flip, since - 1, change, outcome)/
