#!/usr/bin/env bash
# Measures campaign rates: engine against complete runs, whole campaigns with their trace, one worker against two, and how the
# cost grows. usage: scripts/campaign_rates.sh [short]      `short`: the first two only
set -euo pipefail
source "$(dirname "$0")/arguments.sh"
[ $# -le 1 ] && [[ ${1:-short} == short ]] || refuse "${*: -1}: unknown argument"
cd "$(dirname "$0")/.."
scripts/setup.sh test
cmake --preset release -DATTNGUARD_BUILD_BENCH=ON >/dev/null
cmake --build --preset release --target attnguard campaign_rate >/dev/null
rate=build/release/bench/campaign_rate
config=bench/configs/campaign_rate.json
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

resident=(--set accelerator.buffers.k.words=262144 --set accelerator.buffers.v.words=262144)
long=(--set workload.tokens_q=1024 --set workload.tokens_k=1024 --set workload.head_dim=128 --set campaign.injections=10000)

echo "== 256 tokens, d = 64, 16 x 16, two checkers; stratified over all sites, by class"
$rate $config --classes
echo "== the same against full + cycle; causal; uniform over live bits x cycles"
$rate $config --set accelerator.fidelity=cycle
$rate $config --set workload.mask=causal
$rate $config --set workload.mask=causal --set accelerator.fidelity=cycle
$rate $config --set campaign.sampling=uniform
$rate $config --set campaign.sampling=uniform --set workload.mask=causal
echo "== 1024 tokens, d = 128: K and V resident, then streamed, each against transaction and cycle"
for buffers in "${resident[*]}" ""; do
  $rate $config "${long[@]}" $buffers --full-seconds 10
  $rate $config "${long[@]}" $buffers --full-seconds 10 --set accelerator.fidelity=cycle
done

campaign() { # name workers options...
  local name=$1 workers=$2
  shift 2
  build/release/src/attnguard campaign $config --out "$out/$name" --workers "$workers" --quiet --force \
    --set campaign.injections=400000 "$@"
}
per_second() { grep '"injections_per_s"' "$out/$1/timing.json" | tr -dc '0-9.'; }
echo "== whole campaigns of 400 000 injections with their trace, injections/s"
campaign one 1
echo "one worker $(per_second one), the default audit took $(grep audit_wall_s "$out/one/timing.json" | tr -dc '0-9.') s more"
start=$(date +%s.%N)
campaign a 1 --audit 0 & campaign b 1 --audit 0 --set seed=2
wait
pair=$(echo "$(date +%s.%N) $start" | awk '{print 800000 / ($1 - $2)}')
start=$(date +%s.%N)
campaign two 2 --audit 0 --set campaign.injections=800000
two=$(echo "$(date +%s.%N) $start" | awk '{print 800000 / ($1 - $2)}')
echo "two workers $two, two processes $pair: $(echo "$two $pair" | awk '{print $1 / $2}')"
[ "${1:-}" = short ] && exit 0

echo "== how the cost grows, causal, K and V streamed beyond their buffers"
for tokens in 256 512 1024 2048 4096; do
  echo -n "tokens $tokens: "
  $rate $config --full-seconds 5 --set workload.mask=causal --set workload.tokens_q=$tokens --set workload.tokens_k=$tokens
done
for head_dim in 32 64 128 256; do
  echo -n "head_dim $head_dim: "
  $rate $config --set workload.mask=causal --set workload.head_dim=$head_dim
done
for size in 4 8 16 32 64; do
  echo -n "array $size x $size: "
  $rate $config --set workload.mask=causal --set accelerator.array.rows=$size --set accelerator.array.cols=$size
done
