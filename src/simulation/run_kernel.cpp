#include "src/simulation/run_kernel.h"

#include <sysc/kernel/sc_kernel_ids.h>

#include <new>
#include <string_view>

#include "src/processes/out_of_memory.h"

#ifdef __SANITIZE_ADDRESS__
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace attnguard {
namespace {

#ifdef __SANITIZE_ADDRESS__
/// SystemC tells AddressSanitizer when it changes stacks, but for the main stack it tells no
/// bounds. Without them an exception leaves shadow memory behind that later frames are accused of.
struct MainStack {
  ~MainStack() {
    pthread_attr_t attributes;
    void* bottom = nullptr;
    std::size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return;
    pthread_attr_getstack(&attributes, &bottom, &size);
    pthread_attr_destroy(&attributes);
    void* fake_stack = nullptr;
    __sanitizer_start_switch_fiber(&fake_stack, bottom, size);
    __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
  }
};
#else
struct MainStack {};
#endif

}  // namespace

void run_kernel(const sc_core::sc_time& duration, sc_core::sc_starvation_policy policy) {
  [[maybe_unused]] const MainStack restored_at_the_end;
  try {
    sc_core::sc_start(duration, policy);
  } catch (const sc_core::sc_report& report) {
    // What a process of SystemC throws becomes a report, and so does a stack there is no room for.
    const bool no_stack =
        std::string_view(report.get_msg_type()) == sc_core::SC_ID_STACK_SETUP_FAILED_;
    if (no_stack || ran_out_of_memory()) throw std::bad_alloc();
    throw;
  }
}

}  // namespace attnguard
