#!/usr/bin/env bash
# Runs the four fuzzers side by side and fails if one breaks its contract. usage: run_all.sh BUILD SECONDS [option of libFuzzer...]
set -euo pipefail
build=$1
here=$(cd "$(dirname "$0")" && pwd)
declare -A started
for target in config npy fault_list csv; do
  "$here/run.sh" "$build" "$target" "${@:2}" >"$build/$target.log" 2>&1 &
  started[$target]=$!
done
failed=0
for target in "${!started[@]}"; do
  if wait "${started[$target]}"; then
    echo "$target: $(awk '$1 == "stat::number_of_executed_units:" { print $2 }' "$build/$target.log") executions, no finding"
  else
    failed=1
    tail -40 "$build/$target.log"
  fi
done
exit $failed
