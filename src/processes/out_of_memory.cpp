#include "src/processes/out_of_memory.h"

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

namespace attnguard {
namespace {

constexpr std::size_t kReserve = std::size_t{1} << 20U;

void* reserve = nullptr;
bool failed = false;

void fail() {
  failed = true;
  std::free(std::exchange(reserve, nullptr));
  throw std::bad_alloc();
}

}  // namespace

void reserve_memory() {
  reserve = std::malloc(kReserve);
  std::set_new_handler(fail);
}

bool ran_out_of_memory() { return failed; }

}  // namespace attnguard
