#!/usr/bin/env bash
# Fuzzes every reader with clang's libFuzzer (tests/fuzz/README.md), one after another, and fails if one breaks its contract.
# usage: scripts/fuzz.sh [SECONDS]      for each of the four; 1200 without
set -euo pipefail
source "$(dirname "$0")/arguments.sh"
[ $# -le 1 ] || refuse "$2: one argument, SECONDS"
[[ ${1:-1} =~ ^[1-9][0-9]*$ ]] || refuse "$1: no number of seconds"
cd "$(dirname "$0")/.."
seconds=${1:-1200}
build=build/fuzz

scripts/setup.sh test
cmake -S tests/fuzz -B $build -G Ninja -DCMAKE_CXX_COMPILER=clang++ >/dev/null
cmake --build $build
printf '%-11s %13s %14s %9s %8s %9s\n' reader executions executions/s edges inputs findings
failed=0
for target in config npy fault_list csv; do
  tests/fuzz/run.sh $build $target "$seconds" >$build/$target.log 2>&1 || failed=1
  stat() { awk -v name="stat::$1:" '$1 == name { print $2 }' $build/$target.log; }
  edges=$(grep -o 'cov: [0-9]*' $build/$target.log | tail -1 | cut -d' ' -f2)
  printf '%-11s %13s %14s %9s %8s %9s\n' $target "$(stat number_of_executed_units)" "$(stat average_exec_per_sec)" "$edges" \
    "$(find $build/$target/corpus tests/fuzz/corpus/$target -type f | wc -l)" "$(find $build/$target/findings -type f | wc -l)"
done
[ $failed = 0 ] || echo "see $build/<reader>.log and $build/<reader>/findings" >&2
exit $failed
