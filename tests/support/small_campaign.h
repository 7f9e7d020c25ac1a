// A campaign configuration for tests of the command.
#pragma once

#include <string>

namespace attnguard {

/// Two query heads on one key head, 6 queries, width 4, on a 4 × 2 array; small enough for
/// thousands of runs. The checkers merged and two_check, and `injections`.
inline std::string small_campaign(int injections) {
  return R"({
  "accelerator": {"array": {"rows": 4, "cols": 2}, "external_memory": {"latency_cycles": 4}},
  "checkers": {"merged": {"kind": "flash_abft"}, "two_check": {"kind": "matmul_abft"}},
  "workload": {"kind": "attention", "mask": "causal", "heads": 2, "kv_heads": 1, "tokens_q": 6,
               "tokens_k": 6, "head_dim": 4},
  "campaign": {"injections": )" +
         std::to_string(injections) + "}}";
}

}  // namespace attnguard
