// What faulty_io.cpp, in the processes of a command, tells the test.
#pragma once

#include <atomic>

namespace attnguard {

struct FaultyIo {
  std::atomic<unsigned long> operations;  ///< so far
  char operation[16], path[512];          ///< that failed first
};

}  // namespace attnguard
