#!/usr/bin/env bash
# Runs one fuzzer from the committed seeds; what it finds stays in BUILD/TARGET/findings, new inputs in BUILD/TARGET/corpus.
# usage: run.sh BUILD TARGET SECONDS [option of libFuzzer...]
set -euo pipefail
build=$1 target=$2 seconds=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
words=$here/csv.dict
[ "$target" = config ] && words=$here/config.dict

rm -rf "${build:?}/$target"
mkdir -p "$build/$target/corpus" "$build/$target/findings"
exec "$build/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -dict="$words" \
  -artifact_prefix="$build/$target/findings/" "$@" "$build/$target/corpus" "$here/corpus/$target"
