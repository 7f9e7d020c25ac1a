# file: models/systolic_array/pass_flip.cpp
# A flipped north operand does not travel on.
s/change\.rows = pass\.rows - flip\.row;/change.rows = 1;/
