#!/usr/bin/env bash
# Regenerates the tables and figures of the documentation from committed configurations and compares what must match exactly
# (docs/reproduce.md). usage: scripts/reproduce.sh [--list] [--quick | ITEM...]      results stay in traces/reproduce/
set -euo pipefail
cd "$(dirname "$0")/.."
case " $* " in *" --list "*) exec python3 scripts/reproduce.py --list ;; esac
scripts/setup.sh test
[ -f build/release/build.ninja ] || cmake --preset release -DATTNGUARD_BUILD_TESTS=ON -DATTNGUARD_BUILD_BENCH=ON
cmake --build --preset release --target attnguard
exec python3 scripts/reproduce.py "$@"
