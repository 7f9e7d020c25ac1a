// What is left of memory when there is none left.
#pragma once

namespace attnguard {

/// From now on an allocation that fails gives back a reserve before it throws std::bad_alloc, so
/// that what is under way can be ended and told. Call once, at the start of the program.
void reserve_memory();

/// An allocation has failed in this process. SystemC turns exceptions of its processes into
/// reports, which no longer say so.
bool ran_out_of_memory();

}  // namespace attnguard
