#include "src/simulation/run_kernel.h"

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
  sc_core::sc_start(duration, policy);
}

}  // namespace attnguard
