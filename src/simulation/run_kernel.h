// Lets SystemC run.
#pragma once

#include <systemc>

namespace attnguard {

/// sc_start(): `duration` long, or with SC_EXIT_ON_STARVATION until nothing is left to do.
void run_kernel(const sc_core::sc_time& duration,
                sc_core::sc_starvation_policy policy = sc_core::SC_RUN_TO_TIME);

}  // namespace attnguard
