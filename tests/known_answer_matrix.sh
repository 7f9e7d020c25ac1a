#!/usr/bin/env bash
# Builds the numerics and their known-answer test with every compiler installed at -O1, -O2 and -O3, with the flags the
# project's CMakeLists.txt sets, and runs each build. Fails on the first build whose bits differ.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

build_and_run() {
  local compiler=$1 level=$2 vectorisers
  case $compiler in
    g++) vectorisers="-fno-tree-loop-vectorize -fno-tree-slp-vectorize" ;;
    clang++) vectorisers="-fno-vectorize -fno-slp-vectorize" ;;
  esac
  local program=$scratch/$compiler$level
  # shellcheck disable=SC2086  # the flags are words
  "$compiler" -std=c++17 "$level" -ffp-contract=off -fno-fast-math $vectorisers -DHWY_SHARED_DEFINE -I"$root" \
    "$root"/models/numerics/{format,exp2,kernels,matmul}.cpp "$root"/src/selftest/known_answers.cpp "$root"/tests/unit/known_answer_test.cpp \
    -lhwy -lgtest -lgtest_main -lpthread -o "$program"
  if "$program" >"$program.log" 2>&1; then
    echo "$compiler $level: same bits"
  else
    echo "$compiler $level: DIFFERENT"
    cat "$program.log"
    return 1
  fi
}
export -f build_and_run
export root scratch

builds=()
for compiler in g++ clang++; do
  command -v "$compiler" >/dev/null || continue
  for level in -O3 -O2 -O1; do builds+=("$compiler" "$level"); done
done
printf '%s\n' "${builds[@]}" | xargs -P 2 -n 2 bash -c 'set -euo pipefail; build_and_run "$@"' _
