// SystemC elaborates once per process, so a test that needs several simulations gives each its own.
#pragma once

#include <functional>
#include <string>

namespace attnguard {

/// What `body` returns when it runs in a fork of this process. Throws std::runtime_error with the
/// child's message when `body` throws, and when the child dies.
std::string run_in_child(const std::function<std::string()>& body);

}  // namespace attnguard
