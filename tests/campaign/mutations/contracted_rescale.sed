# file: models/numerics/kernels.cpp
# The replay's rescaling rounds once where the hardware rounds twice.
s/value\[b\] = hn::Add(hn::Mul(value\[b\], factor), hn::LoadU(d, partial + at + b \* lanes));/value[b] = hn::MulAdd(value[b], factor, hn::LoadU(d, partial + at + b * lanes));/
