#!/usr/bin/env bash
# Builds the executable alone and runs the main job: a fault campaign on the shipped tensors of a trained model.
# usage: scripts/demo.sh
set -euo pipefail
source "$(dirname "$0")/arguments.sh"
[ $# -eq 0 ] || refuse "$1: takes no argument"
cd "$(dirname "$0")/.."

scripts/setup.sh
[ -f build/release/build.ninja ] || cmake --preset release -DATTNGUARD_BUILD_TESTS=OFF
cmake --build --preset release --target attnguard
echo
exec build/release/src/attnguard campaign configs/tiny_gpt.json --force
