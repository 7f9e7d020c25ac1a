#!/usr/bin/env bash
# Builds and runs the benchmarks of bench/README.md and prints their figures. usage: scripts/bench.sh
set -euo pipefail
source "$(dirname "$0")/arguments.sh"
[ $# -eq 0 ] || refuse "$1: takes no argument"
cd "$(dirname "$0")/.."
scripts/setup.sh test
cmake --preset release -DATTNGUARD_BUILD_BENCH=ON >/dev/null
cmake --build --preset release --target simulator_overhead disarmed_faults array_rate kernel_rate campaign_rate gemm_rate
bench=build/release/bench
$bench/simulator_overhead 16 16 256 64
$bench/simulator_overhead 32 32 256 128
$bench/array_rate
$bench/disarmed_faults
$bench/gemm_rate
$bench/campaign_rate bench/configs/campaign_rate.json
$bench/kernel_rate --benchmark_min_time=0.2
