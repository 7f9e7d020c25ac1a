#!/usr/bin/env bash
# Measures what docs/scaling.md says: of a shard and of the merge, CPU time and memory per injection and apart from it, at four
# model shapes; prints the tables. usage: scripts/scaling.sh [INJECTIONS]      of the larger of two runs per shape (default: 300000)
set -euo pipefail
cd "$(dirname "$0")/.."
cmake --preset release >/dev/null
cmake --build --preset release --target attnguard >/dev/null
attnguard=build/release/src/attnguard
many=${1:-300000} few=$((${1:-300000} / 10))
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

cpu_seconds() { # command...
  local TIMEFORMAT='%U %S'
  { time "$@" >/dev/null 2>&1; } 2>&1 | awk '{ print $1 + $2 }'
}
value() { grep -m1 "\"$2\"" "$1/timing.json" | tr -dc '0-9.'; }
bytes() { du -sb --apparent-size "$1" | cut -f1; }

shards='' merges='' hours=''
for shape in bert_base llama_3_1_8b gemma_2_2b phi_3_mini; do
  declare -A cpu merge_cpu rest merge_memory stored result
  for n in "$few" "$many"; do
    set -- configs/$shape.json --set campaign.injections="$n" --workers 1 --quiet
    cpu[$n]=$(cpu_seconds "$attnguard" campaign "$@" --shard 1/1 --out "$out/1")
    merge_cpu[$n]=$(cpu_seconds "$attnguard" merge "$out/result" "$out/1" --workers 1 --audit 0 --quiet)
    rest[$n]=$(value "$out/1" worker_peak_memory_bytes)
    merge_memory[$n]=$(value "$out/result" peak_memory_bytes)
    stored[$n]=$(bytes "$out/1/shard.chunks")
    result[$n]=$(bytes "$out/result")
    complete=$(value "$out/1" golden_wall_s)
    rm -rf "$out/1" "$out/result"
  done
  # Straight lines through both sizes.
  read -r start each merge_start merge_each worker memory_each chunk_bytes row_bytes < <(
    awk -v n="$few" -v N="$many" -v a="${cpu[$few]}" -v A="${cpu[$many]}" -v m="${merge_cpu[$few]}" -v M="${merge_cpu[$many]}" \
      -v w="${rest[$many]}" -v p="${merge_memory[$few]}" -v P="${merge_memory[$many]}" \
      -v s="${stored[$few]}" -v S="${stored[$many]}" -v r="${result[$few]}" -v R="${result[$many]}" '
      BEGIN { d = N - n; each = (A - a) / d; merge = (M - m) / d
              print a - n * each, each, m - n * merge, merge, w, (P - p) / d, (S - s) / d, (R - r) / d }')
  shards+=$(printf '| %s | %.1f | %.1f | %.2f | %.0f |' "$shape" "$(awk "BEGIN { print 1e6 * $each }")" "$start" "$complete" \
    "$(awk "BEGIN { print $worker / 1048576 }")")$'\n'
  merges+=$(printf '| %s | %.1f | %.1f | %.0f | %.0f | %.0f |' "$shape" "$(awk "BEGIN { print 1e6 * $merge_each }")" "$merge_start" \
    "$memory_each" "$chunk_bytes" "$row_bytes")$'\n'
  hours+=$(awk -v shape="$shape" -v each="$each" -v start="$start" -v merge="$merge_each" -v memory="$memory_each" -v row="$row_bytes" '
    BEGIN { n = 1e9; cores = 64; tasks = 16; workers = 64
            printf "| %s | %.1f | %.2f | %.1f | %.0f | %.0f |", shape, n * each / 3600, (n * each / cores + tasks * start) / 3600,
                   n * merge / 3600, n * memory / 1e9, n * row / 1e9 }')$'\n'
done
cat <<TABLES
measured $(date -u +%F), $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1), $few and $many injections

| configuration | µs per injection | start, s | complete run, s | memory of a worker, MiB |
|---|---|---|---|---|
$shards
| configuration | merge: µs per injection | start, s | bytes of memory | bytes of chunks | bytes of results |
|---|---|---|---|---|---|
$merges
| configuration | core-hours | node-hours | merge, hours | memory of the merge, GB | results, GB |
|---|---|---|---|---|---|
$hours
TABLES
