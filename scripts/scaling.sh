#!/usr/bin/env bash
# Measures what docs/scaling.md says: CPU time and memory of a shard at four model shapes, and of the merge; prints the tables.
# usage: scripts/scaling.sh [INJECTIONS]      per shape (default: 10000; the merge has that and ten times as many)
set -euo pipefail
source "$(dirname "$0")/arguments.sh"
[ $# -le 1 ] && [[ ${1:-1} =~ ^[1-9][0-9]{0,8}$ ]] || refuse "${*: -1}: no number of injections"
cd "$(dirname "$0")/.."
cmake --preset release >/dev/null
cmake --build --preset release --target attnguard >/dev/null
attnguard=build/release/src/attnguard
few=${1:-10000} many=$((${1:-10000} * 10))
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

value() { grep -m1 "\"$2\"" "$1/timing.json" | sed 's/.*: //; s/,$//'; }
bytes() { du -sb --apparent-size "$1" | cut -f1; }
cpu_s() { local TIMEFORMAT='%U %S'; { time "$@"; } 2>&1 | awk '{ print $1 + $2 }'; }
shard() { "$attnguard" campaign "$1" --set campaign.injections="$2" --workers 1 --quiet --shard 1/1 --out "$out/1" "${@:3}"; }

echo "measured $(date -u +%F), $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1)"

# Three checkers, as the four shapes have; what the merge does grows with the injections alone, so a small workload serves.
small=(--set workload.tokens_q=64 --set workload.tokens_k=64)
for n in "$few" "$many"; do
  shard configs/bert_base.json "$n" "${small[@]}"
  "$attnguard" merge "$out/result" "$out/1" --workers 1 --audit 0 --quiet
  echo "$n $(value "$out/result" cpu_s) $(value "$out/result" worker_cpu_s) $(value "$out/result" peak_memory_bytes)" \
    "$(bytes "$out/1/shard.chunks") $(bytes "$out/result")"
  rm -r "$out/1" "$out/result"
done >"$out/merge"
read -r merge memory chunk row < <(awk '{ n[NR] = $1; cpu[NR] = $2 + $3; memory[NR] = $4; chunk[NR] = $5; row[NR] = $6 }
  END { d = n[2] - n[1]; print (cpu[2] - cpu[1]) / d, (memory[2] - memory[1]) / d, (chunk[2] - chunk[1]) / d, (row[2] - row[1]) / d }' "$out/merge")
awk -v merge="$merge" -v memory="$memory" -v chunk="$chunk" -v row="$row" 'BEGIN {
  printf "merge, per injection: %.1f µs, %.0f bytes of memory, %.0f bytes of chunks, %.0f bytes of results\n", 1e6 * merge, memory, chunk, row }'

echo '| configuration | ms per injection | complete runs | ms each | start of a shard, s | memory, MiB | core-hours | node-hours |'
echo '|---|---|---|---|---|---|---|---|'
for shape in bert_base llama_3_1_8b gemma_2_2b phi_3_mini; do
  shard "configs/$shape.json" "$few"
  awk -v shape="$shape" -v n="$few" -v cpu="$(value "$out/1" worker_cpu_s)" -v start="$(value "$out/1" cpu_s)" \
    -v memory="$(value "$out/1" worker_peak_memory_bytes)" -v merge="$merge" -v full="$(value "$out/1" full)" \
    -v run="$(cpu_s "$attnguard" run "configs/$shape.json" --quiet --out "$out/run")" '
    BEGIN { hours = (1e9 * cpu / n + 16 * start) / 3600
            printf "| `%s` | %.3f | %d of %d | %.0f | %.1f | %.0f | %.0f | %.1f + %.1f |\n", shape, 1e3 * cpu / n, full, n, 1e3 * run, start,
                   memory / 1048576, hours, hours / 64, 1e9 * merge / 3600 }'
  rm -r "$out/1" "$out/run"
done
