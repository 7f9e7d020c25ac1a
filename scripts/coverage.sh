#!/usr/bin/env bash
# Share of the lines of models/ and src/ that the tests run: builds the preset `coverage`, runs the tests (not the long ones), prints
# a table and fails where a test fails or models/ or src/ lie below 90 %. Per line: build/coverage/lines/index.html.
# usage: scripts/coverage.sh
set -euo pipefail
source "$(dirname "$0")/arguments.sh"
[ $# -eq 0 ] || refuse "$1: no arguments"
cd "$(dirname "$0")/.."

scripts/setup.sh test
cmake --preset coverage -DATTNGUARD_BUILD_TESTS=ON
cmake --build --preset coverage

find build/coverage -name '*.gcda' -delete
export SC_COPYRIGHT_MESSAGE=DISABLE GCOV_ERROR_FILE=$PWD/build/coverage/gcov_errors.txt
# Left out: known_answer_matrix and the fuzzers build other trees, package_test runs in a root of its own.
tests=passed
ctest --test-dir build/coverage --output-on-failure -j "$(nproc)" -LE long -E '^(known_answer_matrix|package_test|fuzz_.*)$' || tests=failed

mkdir -p build/coverage/lines
gcovr -j "$(nproc)" --root . --filter models/ --filter src/ build/coverage \
  --html-details build/coverage/lines/index.html --csv build/coverage/lines.csv

printf '%-28s %7s %8s %7s\n' folder lines run %
awk -F, '
  NR > 1 {
    split($1, path, "/")
    split(path[1] " " path[1] "/" path[2] " total", names, " ")
    for (i in names) { lines[names[i]] += $2; run[names[i]] += $3 }
  }
  END {
    for (name in lines) printf "%-28s %7d %8d %7.1f\n", name, lines[name], run[name], 100 * run[name] / lines[name]
    exit run["models"] < 0.9 * lines["models"] || run["src"] < 0.9 * lines["src"]
  }' build/coverage/lines.csv | LC_ALL=C sort || { echo "coverage: models/ or src/ is below 90 %" >&2; exit 1; }
[ $tests = passed ] || { echo "coverage: tests failed" >&2; exit 1; }
