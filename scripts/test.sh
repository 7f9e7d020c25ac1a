#!/usr/bin/env bash
# Builds everything and runs every test. usage: scripts/test.sh [--long]      --long adds the tests labelled `long`
set -euo pipefail
source "$(dirname "$0")/arguments.sh"
cd "$(dirname "$0")/.."

exclude=(-LE long)
for argument in "$@"; do
  case $argument in
    --long) exclude=() ;;
    *) refuse "$argument: unknown argument" ;;
  esac
done

scripts/setup.sh test
cmake --preset release -DATTNGUARD_BUILD_TESTS=ON -DATTNGUARD_BUILD_BENCH=ON
cmake --build --preset release
export SC_COPYRIGHT_MESSAGE=DISABLE
exec ctest --test-dir build/release --output-on-failure -j "$(nproc)" "${exclude[@]}"
